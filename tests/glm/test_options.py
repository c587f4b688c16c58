# SPDX-License-Identifier: Apache-2.0
"""Weights of rows, penalties, decay, batches that change, dummy rows, beginning from weights."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Lasso, LinearRegression

from pyfate_gpu import HeteroLinearRegression, simulate
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.glm.rows import read_exposure, read_weights
from pyfate_gpu.learning.optimizers import OPTIMIZERS


@pytest.mark.parametrize(
    "params",
    [
        {"decay": 0.5},
        {"decay": 0.5, "decay_sqrt": False, "optimizer": "sgd"},
        {"penalty": "l1", "alpha": 0.3, "optimizer": "adam"},
        {"penalty": "l1", "alpha": 0.3, "batch_size": 20},
        {"batch_strategy": "random", "batch_size": 20, "random_state": 5},
        {"masked_rate": 0.5, "batch_size": 30},
        {"masked_rate": 2.0, "batch_size": 15, "batch_strategy": "random", "random_state": 5},
    ],
    ids=str,
)
def test_every_option(federate, agrees, toy, linear, params):
    outcome = federate(linear(**params), toy.guest, toy.y, toy.hosts)
    agrees(outcome, [toy.guest, *toy.hosts], toy.y)


@pytest.mark.parametrize("params", [{}, {"batch_size": 20, "masked_rate": 1.0}], ids=str)
def test_weights_of_rows(federate, agrees, toy, logistic, rng, params):
    weights = rng.uniform(0, 3, 60)
    weights[::7] = 0
    outcome = federate(logistic(**params), toy.guest, toy.labels, toy.hosts, sample_weight=weights)
    agrees(outcome, [toy.guest, *toy.hosts], toy.labels, sample_weight=weights)


def test_weights_count_rows_several_times(rng):
    x, y, weights = rng.normal(size=(80, 3)), rng.normal(size=80), rng.integers(0, 4, 80)
    model = HeteroLinearRegression(
        optimizer="sgd", learning_rate=0.5, max_iter=300, tol=0.0, alpha=0.0, standardize=False
    )
    plain = fit_plaintext([x[:, :2], x[:, 2:]], y, model.settings(), sample_weight=weights)
    expected = LinearRegression().fit(np.repeat(x, weights, axis=0), np.repeat(y, weights))
    guest, host = plain.weights
    np.testing.assert_allclose(np.append(guest[:2], host), expected.coef_, atol=1e-6)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_l1_ends_at_the_lasso(name, rng):
    """Whatever an optimizer does to its steps, the thresholds follow."""
    x = rng.normal(size=(200, 5))
    y = x @ [1.0, 0.0, 0.03, -0.5, 0.0] + 0.3 + 0.1 * rng.normal(size=200)
    model = HeteroLinearRegression(
        optimizer=name,
        learning_rate=0.3 if name in ("sgd", "adagrad") else 0.02,
        decay=0.02 if name in ("adam", "rmsprop") else 0.0,
        decay_sqrt=False,
        penalty="l1",
        alpha=0.1,
        max_iter=3000,
        tol=0.0,
        standardize=False,
        convergence="abs",
    )
    guest, host = fit_plaintext([x[:, :2], x[:, 2:]], y, model.settings()).weights
    lasso = Lasso(alpha=0.1, tol=1e-10).fit(x, y)
    weights = np.append(guest[:2], host)
    np.testing.assert_allclose(weights, lasso.coef_, atol=1e-3)
    assert (weights[lasso.coef_ == 0] == 0).all()  # exactly, not nearly


def test_l1_takes_a_first_gradient_of_zero():
    x = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.5, 0.0]])
    for name in OPTIMIZERS:
        model = HeteroLinearRegression(
            optimizer=name, penalty="l1", max_iter=2, standardize=False, fit_intercept=False
        )
        plain = fit_plaintext([x], x[:, 0], model.settings())
        assert np.isfinite(plain.losses).all()
        assert plain.weights[0][1] == 0


def test_the_learning_rate_decays():
    settings = HeteroLinearRegression(learning_rate=0.1, decay=3.0).settings()
    assert [settings.rate(iteration) for iteration in (1, 2)] == [0.1, 0.05]
    settings = HeteroLinearRegression(learning_rate=0.1, decay=3.0, decay_sqrt=False).settings()
    assert [settings.rate(iteration) for iteration in (1, 2)] == [0.1, 0.025]


def test_batches_with_dummy_rows_may_be_smaller_than_hosts(federate, agrees, linear, rng):
    """Five rows that count are too few for a host of eight columns, unless hidden among others."""
    guest, host, y = rng.normal(size=(40, 2)), rng.normal(size=(40, 8)), rng.normal(size=40)
    with pytest.raises(ConfigurationError, match="each batch has 5 rows, host-0 has 8 columns"):
        federate(linear(batch_size=5), guest, y, [host])
    outcome = federate(linear(batch_size=5, masked_rate=2.0), guest, y, [host])
    agrees(outcome, [guest, host], y)


def test_dummy_rows_do_not_help_against_the_guest(federate, linear, rng):
    guest, host, y = rng.normal(size=(40, 8)), rng.normal(size=(40, 2)), rng.normal(size=40)
    with pytest.raises(ConfigurationError, match="each batch has 5 rows, guest has 9 columns"):
        federate(linear(batch_size=5, masked_rate=4.0), guest, y, [host])


def _fit_twice(model, toy, second):
    """Fit `model` at three parties, then again with the parameters `second`."""

    def party(X=None, y=None):
        def run(session):
            own = type(model)(**model.get_params()).fit(X, y, session=session)
            first = getattr(own, "coef_", None)
            own.set_params(**second).fit(X, y, session=session)
            return own, first

        return run

    return simulate(
        guest=party(toy.guest, toy.labels), hosts=[party(toy.hosts[0])], arbiter=party()
    )


def test_a_warm_start_goes_on(logistic, toy):
    model = logistic(optimizer="sgd", learning_rate=0.5, max_iter=2)
    once = fit_plaintext(
        [toy.guest, toy.hosts[0]],
        toy.labels.astype(float),
        logistic(optimizer="sgd", learning_rate=0.5, max_iter=5).settings(),
    )
    result = _fit_twice(model, toy, {"warm_start": True, "max_iter": 3})
    np.testing.assert_allclose(result["host-0"][0].coef_, once.weights[1], atol=1e-6)
    np.testing.assert_allclose(result["guest"][0].coef_, once.weights[0][:-1], atol=1e-6)
    assert result["guest"][0].n_iter_ == 3


def test_a_warm_start_keeps_the_intercept_or_its_absence(logistic, toy):
    for first in (True, False):
        model = logistic(fit_intercept=first)
        result = _fit_twice(model, toy, {"warm_start": True, "fit_intercept": not first})
        guest = result["guest"][0]
        assert guest.coef_.shape == (3,)
        assert (guest.intercept_ != 0.0) == first


def test_without_it_training_begins_at_zero(logistic, toy):
    result = _fit_twice(logistic(), toy, {"warm_start": False})
    for model, first in (result["guest"], result["host-0"]):
        np.testing.assert_allclose(model.coef_, first, atol=1e-9)


def test_all_or_none_begin_with_weights(logistic, toy):
    model = logistic(warm_start=True)

    def host(session):
        model = logistic(warm_start=True)
        model.fit(toy.hosts[0], session=session)
        logistic(warm_start=True).fit(toy.hosts[0], session=session)

    def party(X=None, y=None):
        def run(session):
            own = type(model)(**model.get_params())
            own.fit(X, y, session=session)
            own.fit(X, y, session=session)

        return run

    with pytest.raises(
        ConfigurationError, match=r"guest begins with the weights .* host-0 has none"
    ):
        simulate(guest=party(toy.guest, toy.labels), hosts=[host], arbiter=party())


@pytest.mark.parametrize(
    ("weights", "text"),
    [
        ([1.0, -1.0, 1.0], "sample_weight reaches from -1 to 1: weights are 0 or more"),
        ([0.0, 0.0, 0.0], "reaches from 0 to 0"),
        ([1.0, np.nan, 1.0], "sample_weight holds missing, NaN"),
        ([1.0, 1.0], r"sample_weight has shape \(2,\), X has 3 rows"),
    ],
)
def test_weights_that_are_none(weights, text):
    with pytest.raises(DataError, match=text):
        read_weights(weights, 3)


def test_weights_have_mean_one():
    assert read_weights(None, 3) is None
    assert read_weights([1e308, 1e308, 0], 3).values.ravel().tolist() == [1.5, 1.5, 0.0]
    assert read_weights([1, 2, 3], 3).values.mean() == pytest.approx(1.0)


def test_exposures_are_positive():
    assert read_exposure(None, 2) is None
    np.testing.assert_allclose(read_exposure([1.0, np.e], 2), [[0.0], [1.0]])
    with pytest.raises(DataError, match="an exposure is 0: exposures are above 0"):
        read_exposure([1.0, 0.0], 2)
