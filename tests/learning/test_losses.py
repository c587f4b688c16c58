# SPDX-License-Identifier: Apache-2.0
"""Gradients and hessians of losses against differences of their values, and the best constants against searches."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.learning.losses import (
    LOSSES,
    XGBOOST_NAMES,
    Absolute,
    Gamma,
    Logistic,
    Poisson,
    PseudoHuber,
    Quantile,
    Softmax,
    Squared,
    Tweedie,
    find_loss,
)

STEP = 1e-4
SMOOTH = {
    "squared": Squared(),
    "huber": PseudoHuber(0.7),
    "logistic": Logistic(),
    "gamma": Gamma(),
    "tweedie": Tweedie(1.3),
}


def labels(name, rng):
    if name == "logistic":
        return rng.integers(0, 2, size=(40, 1)).astype(float)
    return rng.gamma(2.0, size=(40, 1)) + 0.1


@pytest.mark.parametrize("name", SMOOTH)
def test_derivatives_are_those_of_the_values(name, rng):
    loss, y, scores = SMOOTH[name], labels(name, rng), rng.normal(size=(40, 1))
    g, h = loss.derivatives(y, scores)
    above, here, below = (loss.values(y, scores + d) for d in (STEP, 0.0, -STEP))
    np.testing.assert_allclose(g[:, 0], (above - below) / (2 * STEP), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(h[:, 0], (above - 2 * here + below) / STEP**2, rtol=1e-3, atol=1e-5)


def test_derivatives_are_those_of_other_boosting(rng):
    """Written out once more, as papers and other libraries have them, to 1e-12."""
    y, scores, p, delta = rng.gamma(2.0, size=(40, 1)), rng.normal(size=(40, 1)), 1.3, 0.7
    mu, r = np.exp(scores), scores - y
    root = np.sqrt(1 + (r / delta) ** 2)
    expected = {
        "squared": (r, np.ones_like(r)),
        "huber": (r / root, 1 / root**3),
        "gamma": (1 - y / mu, y / mu),
        "tweedie": (
            mu ** (2 - p) - y * mu ** (1 - p),
            (2 - p) * mu ** (2 - p) - (1 - p) * y * mu ** (1 - p),
        ),
    }
    for name, both in expected.items():
        for found, wanted in zip(SMOOTH[name].derivatives(y, scores), both, strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)
    g, h = Poisson().derivatives(np.floor(y), scores)
    np.testing.assert_allclose(g, mu - np.floor(y), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(h, mu * np.exp(0.7), rtol=1e-12)


@pytest.mark.parametrize(
    ("loss", "slope"), [(Quantile(0.3), None), (Absolute(), None)], ids=["quantile", "absolute"]
)
def test_derivatives_of_losses_with_a_kink(loss, slope, rng):
    y, scores = rng.normal(size=(40, 1)), rng.normal(size=(40, 1))
    g, h = loss.derivatives(y, scores)
    expected = (loss.values(y, scores + STEP) - loss.values(y, scores - STEP)) / (2 * STEP)
    np.testing.assert_allclose(g[:, 0], expected, atol=1e-9)
    assert (h == 1).all()


def test_poisson_has_a_larger_hessian_than_its_values():
    y, scores = np.array([[0.0], [3.0]]), np.array([[0.5], [1.0]])
    g, h = Poisson(0.7).derivatives(y, scores)
    np.testing.assert_allclose(g, np.exp(scores) - y, rtol=1e-15)
    np.testing.assert_allclose(h, np.exp(scores + 0.7), rtol=1e-15)


def test_softmax_is_twice_as_curved_as_its_values(rng):
    """As in XGBoost: an upper bound of the whole matrix of second derivatives."""
    y, scores = np.eye(4)[rng.integers(0, 4, 30)], rng.normal(size=(30, 4))
    g, h = Softmax().derivatives(y, scores)
    for k in range(4):
        step = np.zeros(4)
        step[k] = STEP
        above, here, below = (Softmax().values(y, scores + d) for d in (step, 0 * step, -step))
        np.testing.assert_allclose(g[:, k], (above - below) / (2 * STEP), atol=1e-6)
        np.testing.assert_allclose(h[:, k] / 2, (above - 2 * here + below) / STEP**2, atol=1e-5)


def test_scores_far_out_stay_finite():
    scores = np.array([[-800.0], [800.0]])
    g, h = Logistic().derivatives(np.array([[1.0], [0.0]]), scores)
    assert g.ravel().tolist() == [-1.0, 1.0]
    assert (h > 0).all()
    assert np.isfinite(Softmax().values(np.eye(2), np.array([[800.0, -800.0], [0.0, 900.0]]))).all()


@pytest.mark.parametrize("name", [*SMOOTH, "poisson", "quantile", "absolute"])
def test_the_constant_to_begin_with_is_best(name, rng):
    loss = {**SMOOTH, "poisson": Poisson(), "quantile": Quantile(0.8), "absolute": Absolute()}[name]
    y = labels(name, rng)
    weights = rng.integers(1, 4, size=40).astype(float)
    start = loss.start(y, weights)[0]

    def mean(score):
        return np.average(loss.values(y, np.full_like(y, score)), weights=weights)

    slack = 0.02 if name == "huber" else 1e-9  # whose start is the median
    assert mean(start) <= min(mean(start + d) for d in (-0.3, -0.01, 0.01, 0.3)) + slack


def test_links_and_responses_are_inverse():
    for loss in (*SMOOTH.values(), Poisson(), Quantile(0.5)):
        assert loss.respond(np.array([loss.link(0.3)]))[0] == pytest.approx(0.3, rel=1e-12)


@pytest.mark.parametrize(("theirs", "ours"), XGBOOST_NAMES.items())
def test_both_names_are_one_loss(theirs, ours):
    assert type(find_loss(theirs)) is type(find_loss(ours)) is LOSSES[ours]


@pytest.mark.parametrize("objective", ["mse", None, 3, "reg:linear"])
def test_other_names_are_none(objective):
    with pytest.raises(ConfigurationError, match="choose one of squared_error"):
        find_loss(objective)


@pytest.mark.parametrize(
    ("loss", "response"),
    [(Logistic(), 1.0), (Poisson(), 0.0), (Gamma(), -1.0)],
    ids=["logistic", "poisson", "gamma"],
)
def test_responses_that_have_no_score(loss, response):
    with pytest.raises(ConfigurationError, match="base_score"):
        loss.link(response)
