# SPDX-License-Identifier: Apache-2.0
"""Weights and losses are those of a descent in the clear, to 1e-6 of the largest weight."""

import numpy as np
import pytest

from pyfate_gpu.learning.targets import TargetScale
from tests.sshe.oracle import Descent, prepared

RELATIVE = 1e-6


def agrees(found, wanted):
    return np.abs(found - wanted).max() <= RELATIVE * np.abs(wanted).max()


@pytest.mark.parametrize("link", ["linear", "minimax", "cubic", "cubic_wide"])
def test_every_link(pair, logistic, toy, link):
    found = pair(logistic(link=link, learning_rate=0.3), toy.guest, toy.classes, toy.host)
    rule = Descent(link, 3, learning_rate=0.3)
    weights, losses = rule.run(prepared(toy.guest, 2.0), prepared(toy.host, 2.0), toy.classes)
    assert agrees(found.weights(), weights)
    np.testing.assert_allclose(found.guest.loss_history_, losses, atol=1e-6)
    assert {found.guest.n_iter_, found.host.n_iter_} == {3}


@pytest.mark.parametrize(
    "params",
    [
        {"optimizer": "sgd", "learning_rate": 0.7},
        {"batch_size": 20},
        {"batch_size": 25},  # an odd last batch
        {"decay": 0.5},
        {"penalty": None},
        {"alpha": 1.5},
        {"fit_intercept": False},
        {"squeeze": False},
        {"fraction_bits": 20},
        {"clip": None},
    ],
    ids=str,
)
def test_options(pair, logistic, toy, params):
    model = logistic(**params)
    found = pair(model, toy.guest, toy.classes, toy.host)
    rule = Descent(
        "linear",
        3,
        batch_size=model.batch_size,
        momentum=0.9 if model.optimizer == "momentum" else 0.0,
        learning_rate=model.learning_rate,
        decay=model.decay,
        alpha=0.0 if model.penalty is None else model.alpha,
        intercept=model.fit_intercept,
    )
    parts = prepared(toy.guest, model.clip), prepared(toy.host, model.clip)
    weights, losses = rule.run(*parts, toy.classes)
    assert agrees(found.weights(), weights)
    np.testing.assert_allclose(found.guest.loss_history_, losses, atol=1e-6)


@pytest.mark.parametrize("batch_strategy", ["fixed", "random"])
def test_batches_in_random_order(pair, logistic, toy, batch_strategy):
    model = logistic(
        batch_size=15,
        shuffle=True,
        random_state=5,
        batch_strategy=batch_strategy,
        learning_rate=0.2,
    )
    found = pair(model, toy.guest, toy.classes, toy.host)
    division = model.settings().division(60)  # what it draws is for tests/protocol/test_batching.py
    orders = [np.concatenate([batch.rows for batch in division.draw()]) for _ in range(3)]
    assert (orders[0] == orders[1]).all() == (batch_strategy == "fixed")
    rule = Descent("linear", 3, batch_size=15, learning_rate=0.2)
    weights, _ = rule.run(
        prepared(toy.guest, 2.0), prepared(toy.host, 2.0), toy.classes, orders=orders
    )
    assert agrees(found.weights(), weights)


@pytest.mark.parametrize("link", ["linear", "cubic"])
def test_weights_of_rows(pair, logistic, toy, link):
    sample_weight = np.where(np.arange(60) % 3 == 0, 2.5, 0.5)
    sample_weight[7] = 0.0
    model = logistic(link=link, learning_rate=0.2, batch_size=30)
    found = pair(model, toy.guest, toy.classes, toy.host, sample_weight=sample_weight)
    rule = Descent(link, 3, learning_rate=0.2, batch_size=30)
    weights, losses = rule.run(
        prepared(toy.guest, 2.0), prepared(toy.host, 2.0), toy.classes, sample_weight
    )
    assert agrees(found.weights(), weights)
    np.testing.assert_allclose(found.guest.loss_history_, losses, atol=1e-6)


@pytest.mark.parametrize("unit", [1.0, 1e-5, 1e6])
def test_linear_regression_in_any_unit(pair, linear, toy, unit):
    y = toy.targets * unit
    found = pair(linear(learning_rate=0.2, optimizer="sgd"), toy.guest, y, toy.host)
    scale = TargetScale.fit(y.reshape(-1, 1), centre=True)
    rule = Descent("identity", 3, learning_rate=0.2, momentum=0.0)
    weights, losses = rule.run(prepared(toy.guest), prepared(toy.host), scale.shrink(y))
    wanted = np.ldexp(weights, scale.exponent)
    wanted[2] += scale.mean
    assert agrees(found.weights(), wanted)
    np.testing.assert_allclose(
        found.guest.loss_history_, np.ldexp(losses, 2 * scale.exponent), rtol=1e-5
    )


def test_a_loss_in_every_third_batch_changes_nothing_else(pair, logistic, toy):
    every = pair(logistic(batch_size=20), toy.guest, toy.classes, toy.host)
    some = pair(logistic(batch_size=20, loss_every=4), toy.guest, toy.classes, toy.host)
    assert agrees(some.weights(), every.weights())
    rare = pair(logistic(batch_size=20, loss_every=100), toy.guest, toy.classes, toy.host)
    assert len(rare.guest.loss_history_) == 1  # of the first batch of all
    assert len(some.guest.loss_history_) == 3


def test_training_ends_when_the_opened_loss_settles(pair, logistic, toy):
    found = pair(logistic(tol=0.5, max_iter=9), toy.guest, toy.classes, toy.host)
    assert found.guest.n_iter_ == found.host.n_iter_ == 2


def test_early_stopping_keeps_the_best_weights(pair, logistic, toy):
    generator = np.random.default_rng(0)
    wrong = generator.integers(0, 2, size=60)
    model = logistic(max_iter=12, early_stopping_rounds=2, learning_rate=0.3)
    validation = ((toy.guest, wrong), toy.host)
    found = pair(model, toy.guest, toy.classes, toy.host, validation=validation)
    history = [metrics["log_loss"] for metrics in found.guest.validation_history_]
    best = int(np.argmin(history)) + 1
    assert found.guest.n_iter_ == best + 2 < 12
    weights, _ = Descent("linear", best, learning_rate=0.3).run(
        prepared(toy.guest, 2.0), prepared(toy.host, 2.0), toy.classes
    )
    assert agrees(found.weights(), weights)


def test_missing_values_are_imputed(pair, logistic, toy):
    X = toy.guest.copy()
    X[::7, 0] = np.nan
    found = pair(logistic(impute="mean"), X, toy.classes, toy.host, host={"impute": None})
    filled = np.where(np.isnan(X), np.nanmean(X, axis=0), X)
    weights, _ = Descent("linear", 3).run(
        prepared(filled, 2.0), prepared(toy.host, 2.0), toy.classes
    )
    assert agrees(found.weights(), weights)
