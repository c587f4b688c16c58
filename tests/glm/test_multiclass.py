# SPDX-License-Identifier: Apache-2.0
"""More than two classes: one against the rest, all of them in the same messages."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from pyfate_gpu.data.labels import encode_classes
from pyfate_gpu.glm.plaintext import fit_plaintext

CLASSES = np.array(["bus", "car", "van"])


@pytest.fixture
def kinds(toy):
    """Return three classes for the toy's rows, by score."""
    return CLASSES[np.digitize(toy.y, [-1.0, 1.0])]


@pytest.mark.parametrize(
    "params",
    [{}, {"batch_size": 20, "masked_rate": 0.5, "penalty": "l1", "optimizer": "adam"}],
    ids=str,
)
def test_equals_the_plaintext_rule(federate, agrees, logistic, toy, kinds, params):
    outcome = federate(logistic(**params), toy.guest, kinds, toy.hosts, predict="decision_function")
    plain = agrees(outcome, [toy.guest, *toy.hosts], encode_classes(kinds, CLASSES))
    np.testing.assert_allclose(outcome.predicted, plain.scores, atol=1e-6)
    assert outcome.guest.classes_.tolist() == CLASSES.tolist()
    assert outcome.guest.coef_.shape == (3, 3)
    assert outcome.guest.intercept_.shape == (3,)
    assert outcome.hosts[1].coef_.shape == (3, 2)


def test_each_class_is_trained_by_itself(toy, kinds, logistic):
    """What one class against the rest would give alone."""
    settings = logistic().settings()
    labels = encode_classes(kinds, CLASSES)
    together = fit_plaintext([toy.guest, *toy.hosts], labels, settings)
    for index in range(3):
        alone = fit_plaintext([toy.guest, *toy.hosts], labels[:, index], settings)
        for joint, single in zip(together.weights, alone.weights, strict=True):
            np.testing.assert_allclose(joint[:, index], single, atol=1e-12)


def test_predicts_classes_and_probabilities(federate, logistic, toy, kinds):
    outcome = federate(logistic(max_iter=5), toy.guest, kinds, toy.hosts, predict="predict")
    assert accuracy_score(kinds, outcome.predicted) > 0.5
    outcome = federate(logistic(), toy.guest, kinds, toy.hosts[:1], predict="predict_proba")
    assert outcome.predicted.shape == (60, 3)
    np.testing.assert_allclose(outcome.predicted.sum(axis=1), 1)


def test_validation(federate, logistic, toy, kinds):
    validation = [(toy.guest[:9], kinds[:9]), toy.hosts[0][:9]]
    outcome = federate(logistic(), toy.guest, kinds, toy.hosts[:1], validation=validation)
    assert list(outcome.guest.validation_history_[0]) == ["log_loss", "accuracy", "f1"]
