# SPDX-License-Identifier: Apache-2.0
"""Validation rows, and stopping when they are no longer predicted better."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.learning.metrics import log_loss


@pytest.fixture
def other(toy, rng):
    """Fifteen more rows with labels that mean nothing: training soon makes them worse."""
    labels = rng.integers(0, 2, 15)
    return [(rng.normal(size=(15, 3)) * 5 + 2, labels), rng.normal(size=(15, 4))]


def test_each_iteration_is_judged(federate, agrees, logistic, toy, other):
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1], validation=other)
    agrees(outcome, [toy.guest, toy.hosts[0]], toy.labels)
    history = outcome.guest.validation_history_
    assert len(history) == 3
    assert list(history[0]) == ["log_loss", "auc", "ks", "accuracy", "f1"]
    (guest, labels), host = other
    scores = (
        outcome.guest._half.pipeline.transform(guest).values @ outcome.guest.coef_
        + outcome.hosts[0]._half.pipeline.transform(host).values @ outcome.hosts[0].coef_
        + outcome.guest.intercept_
    )
    expected = log_loss(labels[:, np.newaxis].astype(float), scores[:, np.newaxis])
    assert history[-1]["log_loss"] == pytest.approx(expected, abs=1e-9)
    assert not hasattr(outcome.hosts[0], "validation_history_")


def test_a_search_knows_validation_scores_from_those_along_its_directions(
    federate, logistic, other, rng
):
    """Labelled passes, the first and the twelfth, ask for scores; the others for what is added to them."""
    x = rng.normal(size=(80, 24)) + rng.normal(size=(80, 1))
    y, tested = rng.integers(0, 2, 80), rng.normal(size=(15, 24))
    (_, labels), _ = other
    for passes in (2, 12, 14):
        model = logistic(max_iter=passes, tol=0.0, alpha=1e-4)
        outcome = federate(
            model,
            x[:, :12],
            y,
            [x[:, 12:]],
            validation=[(tested[:, :12], labels), tested[:, 12:]],
        )
        halves = [(outcome.guest, tested[:, :12]), (outcome.hosts[0], tested[:, 12:])]
        scores = outcome.guest.intercept_ + sum(
            half._half.pipeline.transform(columns).values @ half.coef_ for half, columns in halves
        )
        expected = log_loss(labels[:, np.newaxis].astype(float), scores[:, np.newaxis])
        history = outcome.guest.validation_history_
        assert len(history) == passes
        assert history[-1]["log_loss"] == pytest.approx(expected, abs=1e-9)


def test_training_stops_early_with_the_best_weights(federate, logistic, toy, other):
    model = logistic(early_stopping_rounds=2, max_iter=20, optimizer="sgd", learning_rate=0.5)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts[:1], validation=other)
    losses = [metrics["log_loss"] for metrics in outcome.guest.validation_history_]
    best = int(np.argmin(losses)) + 1
    assert outcome.guest.n_iter_ == best + 2 < 20
    rule = logistic(max_iter=best, optimizer="sgd", learning_rate=0.5).settings()
    plain = fit_plaintext([toy.guest, toy.hosts[0]], toy.labels.astype(float), rule)
    np.testing.assert_allclose(outcome.hosts[0].coef_, plain.weights[1], atol=1e-6)
    np.testing.assert_allclose(outcome.guest.coef_, plain.weights[0][:-1], atol=1e-6)


def test_stopping_early_takes_validation_rows(federate, logistic, toy):
    with pytest.raises(ConfigurationError, match=r"pass validation=\(X, y\) to fit"):
        federate(logistic(early_stopping_rounds=2), toy.guest, toy.labels, toy.hosts[:1])


def test_all_parties_have_the_same_validation_rows(federate, logistic, toy, other):
    with pytest.raises(ConfigurationError, match="guest has 15 validation rows, host-0 has 14"):
        federate(
            logistic(), toy.guest, toy.labels, toy.hosts[:1], validation=[other[0], other[1][1:]]
        )
    with pytest.raises(ConfigurationError, match="guest has 15 validation rows, host-0 has 0"):
        federate(logistic(), toy.guest, toy.labels, toy.hosts[:1], validation=[other[0], None])


@pytest.mark.parametrize(
    ("guest", "text"),
    [
        (lambda X, y: X, "is a tuple of features and labels"),
        (lambda X, y: (X[:, 1:], y), "X has 2 columns, the model was fitted on 3"),
        (lambda X, y: (X, y + 5), "is none of the 2 classes trained on"),
    ],
)
def test_validation_rows_that_do_not_fit(federate, logistic, toy, other, guest, text):
    with pytest.raises(DataError, match=text):
        federate(
            logistic(),
            toy.guest,
            toy.labels,
            toy.hosts[:1],
            validation=[guest(*other[0]), other[1]],
        )


def test_a_host_has_no_validation_labels(federate, logistic, toy, other):
    with pytest.raises(DataError, match="a host has no labels"):
        federate(
            logistic(),
            toy.guest,
            toy.labels,
            toy.hosts[:1],
            validation=[other[0], (other[1], other[0][1])],
        )


@pytest.mark.parametrize("label", [0, 1])
def test_validation_rows_may_all_be_of_one_class(federate, logistic, toy, other, label):
    labels = np.full(15, label)
    validation = [(other[0][0], labels), other[1]]
    outcome = federate(logistic(), toy.guest, toy.labels, toy.hosts[:1], validation=validation)
    found = outcome.guest.validation_history_[-1]
    assert list(found) == ["log_loss", "accuracy", "f1"]
    scores = outcome.guest._half.pipeline.transform(other[0][0]).values @ outcome.guest.coef_
    scores += outcome.hosts[0]._half.pipeline.transform(other[1]).values @ outcome.hosts[0].coef_
    right = ((scores + outcome.guest.intercept_ > 0) == label).mean()
    assert found["accuracy"] == pytest.approx(right)


def test_validation_rows_may_lack_a_class(federate, logistic, toy, other, rng):
    labels = np.arange(len(toy.labels)) % 3
    validation = [(other[0][0], np.arange(15) % 2 * 2), other[1]]  # 0 and 2
    outcome = federate(logistic(), toy.guest, labels, toy.hosts[:1], validation=validation)
    assert all(0 <= found["accuracy"] <= 1 for found in outcome.guest.validation_history_)
