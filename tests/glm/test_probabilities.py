# SPDX-License-Identifier: Apache-2.0
"""Probabilities of classes and their logarithms, as precise where they are tiny as elsewhere."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import log_expit, log_softmax, logsumexp

from pyfate_gpu import HeteroLogisticRegression
from pyfate_gpu.glm.logistic import _log_probabilities

SCORES = np.array([-1e6, -800.0, -40.0, -1.0, 0.0, 2.5, 40.0, 800.0, 1e6])


def test_two_classes():
    expected = np.column_stack([log_expit(-SCORES), log_expit(SCORES)])
    np.testing.assert_allclose(_log_probabilities(SCORES), expected, rtol=1e-14)


def test_more_classes_against_the_rest_scaled_to_sum_1():
    scores = np.array([[0.0, 1.0, -2.0], [-700.0, -701.0, -800.0], [900.0, -900.0, 0.0]])
    found = _log_probabilities(scores)
    against_rest = log_expit(scores)
    expected = against_rest - logsumexp(against_rest, axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    # far below 0 the logistic function is the exponential one
    np.testing.assert_allclose(found[1], log_softmax(scores[1]), rtol=1e-14)


@pytest.mark.parametrize("scores", [SCORES, np.full((2, 3), -900.0), np.full((2, 3), 900.0)])
def test_probabilities_are_numbers_that_sum_to_1(scores):
    model = HeteroLogisticRegression()
    model._half = SimpleNamespace(weights=np.empty((0, scores[0].size)))
    model.classes_ = np.arange(max(2, scores[0].size))
    found = model.interpret(scores)
    assert list(found) == ["prediction", "probability"]
    np.testing.assert_allclose(found["probability"].sum(axis=1), 1.0, rtol=1e-15)
    assert (found["probability"] >= 0).all()
    assert np.isfinite(_log_probabilities(scores)).all()


@pytest.mark.parametrize("classes", [2, 3])
def test_the_guest_gets_logarithms_of_what_it_gets_as_probabilities(
    federate, logistic, toy, classes
):
    labels = np.digitize(toy.y, [0.0] if classes == 2 else [-1.0, 1.0])
    logarithms, probabilities = (
        federate(logistic(), toy.guest, labels, toy.hosts, predict=method).predicted
        for method in ("predict_log_proba", "predict_proba")
    )
    assert logarithms.shape == (60, classes)
    np.testing.assert_allclose(np.exp(logarithms), probabilities, rtol=1e-9)
