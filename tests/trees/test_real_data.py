# SPDX-License-Identifier: Apache-2.0
"""Models on data that every clone has: what two parties gain by joining, and how good trees are."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.metrics import roc_auc_score

from pyfate_gpu import HeteroBoostedTreesClassifier, HeteroBoostedTreesRegressor
from tests.glm.real_data import CASES
from tests.trees.conftest import SMALL_KEY, run_parties


def split(parts, y, share=0.8):
    """Return train and test rows of each party, and labels."""
    order = np.random.default_rng(0).permutation(len(y))
    cut = int(len(y) * share)
    train, tested = order[:cut], order[cut:]
    return [p[train] for p in parts], y[train], [p[tested] for p in parts], y[tested]


def test_two_parties_know_more_than_one():
    guest, y, host = CASES["default_credit, sample"].load()
    parts = [np.asarray(guest, dtype=float), np.asarray(host, dtype=float)]
    train, labels, new, truth = split(parts, np.asarray(y))
    model = HeteroBoostedTreesClassifier(
        **SMALL_KEY, n_estimators=8, max_depth=3, learning_rate=0.3
    )
    aucs = []
    for alone in (False, True):
        if alone:
            model.set_params(guest_only_trees=8)
        found = run_parties(
            model, train[0], labels, train[1:], new=new, predict="decision_function"
        )
        aucs.append(roc_auc_score(truth, found.predicted))
    assert aucs[0] > aucs[1] + 0.02


def test_ten_classes_in_a_ciphertext():
    x, y = load_digits(return_X_y=True)
    train, labels, new, truth = split([x[:600, :32], x[:600, 32:]], y[:600])
    model = HeteroBoostedTreesClassifier(
        key_bits=1024, allow_insecure_key_size=True, n_estimators=8, max_depth=4, max_bin=4, learning_rate=0.5,
        min_samples_leaf=5,
    )  # fmt: skip
    found = run_parties(model, train[0], labels, train[1:], new=new, predict="predict")
    assert np.mean(found.predicted == truth) > 0.8
    assert found.guest._half.forest.sizes[0] > 20


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_as_good_as_scikit_learn(loss):
    x, y = load_diabetes(return_X_y=True)
    train, labels, new, truth = split([x[:, :4], x[:, 4:]], y)
    params = {"learning_rate": 0.1, "max_depth": 3, "min_samples_leaf": 20}
    model = HeteroBoostedTreesRegressor(
        **SMALL_KEY, **params, n_estimators=20, objective=loss, reg_lambda=0.0
    )
    found = run_parties(model, train[0], labels, train[1:], new=new, predict="predict")
    other = GradientBoostingRegressor(loss=loss, n_estimators=20, random_state=0, **params)
    theirs = other.fit(np.hstack(train), labels).predict(np.hstack(new))
    errors = [np.abs(predicted - truth).mean() for predicted in (found.predicted, theirs)]
    assert errors[0] < errors[1] * 1.05
