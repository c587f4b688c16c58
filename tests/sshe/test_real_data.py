# SPDX-License-Identifier: Apache-2.0
"""On real data weights are those of a descent in the clear, and models as good as they have to be."""

import numpy as np
import pytest
from sklearn.metrics import r2_score, roc_auc_score

from pyfate_gpu.learning.targets import TargetScale
from tests.glm.real_data import load_breast_cancer, load_diabetes, load_sample
from tests.sshe.oracle import Descent, prepared
from tests.sshe.test_rule import agrees


@pytest.mark.parametrize(
    ("load", "iterations", "batch_size", "least"),
    [(load_breast_cancer, 3, 190, 0.99), (lambda: load_sample("default_credit"), 1, 128, 0.715)],
    ids=["breast", "default_credit, sample"],
)
def test_classes(pair, logistic, load, iterations, batch_size, least):
    X, y, other = load()
    found = pair(
        logistic(max_iter=iterations, batch_size=batch_size, learning_rate=0.1), X, y, other
    )
    inputs = prepared(X, 2.0), prepared(other, 2.0)
    rule = Descent("linear", iterations, batch_size=batch_size, learning_rate=0.1)
    weights, losses = rule.run(*inputs, y)
    assert agrees(found.weights(), weights)
    np.testing.assert_allclose(found.guest.loss_history_, losses, atol=1e-6)
    scores = np.hstack([inputs[0], np.ones((len(y), 1)), inputs[1]]) @ found.weights()
    assert roc_auc_score(y, scores) >= least


def test_numbers(pair, linear):
    X, y, other = load_diabetes()
    found = pair(linear(max_iter=12, learning_rate=0.1), X, y, other)
    inputs = prepared(X), prepared(other)
    scale = TargetScale.fit(y.reshape(-1, 1).astype(float), centre=True)
    weights, _ = Descent("identity", 12, learning_rate=0.1).run(*inputs, scale.shrink(y))
    wanted = np.ldexp(weights, scale.exponent)
    wanted[X.shape[1]] += scale.mean
    assert agrees(found.weights(), wanted)
    scores = np.hstack([inputs[0], np.ones((len(y), 1)), inputs[1]]) @ found.weights()
    assert r2_score(y, scores) > 0.45
