# SPDX-License-Identifier: Apache-2.0
"""Counts: equal to the plaintext rule and to scikit-learn, and nothing to be read from residuals."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import mean_poisson_deviance

from pyfate_gpu import HeteroPoissonRegression
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.learning.metrics import poisson_metrics

PARAMS = {"key_bits": 512, "allow_insecure_key_size": True, "max_iter": 3}


@pytest.fixture
def poisson():
    """Return a maker of Poisson models with a short key."""
    return lambda **params: HeteroPoissonRegression(**PARAMS | params)


@pytest.fixture
def visits(rng):
    """Sixty counts, features of guest and host, and exposures."""
    guest, host = rng.normal(size=(60, 3)), rng.normal(size=(60, 4))
    exposure = rng.uniform(0.5, 3, 60)
    mean = exposure * np.exp(0.5 + guest @ [0.3, -0.2, 0.0] + host @ [0.1, 0.4, 0.0, -0.3])
    return guest, rng.poisson(mean), host, exposure


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"batch_size": 20, "optimizer": "sgd", "penalty": "l1"},
        {"batch_size": 15, "masked_rate": 1.0},
        {"batch_size": 20, "batch_strategy": "random", "random_state": 1},
    ],
    ids=str,
)
def test_equals_the_plaintext_rule(federate, agrees, poisson, visits, params):
    guest, y, host, exposure = visits
    outcome = federate(poisson(**params), guest, y, [host], exposure=exposure)
    agrees(outcome, [guest, host], y, exposure=exposure)


def test_weights_of_rows(federate, agrees, poisson, visits, rng):
    guest, y, host, _ = visits
    weights = rng.uniform(0, 2, 60)
    model = poisson(batch_size=30, masked_rate=0.5)
    outcome = federate(model, guest, y, [host], sample_weight=weights)
    agrees(outcome, [guest, host], y, sample_weight=weights)


def test_predicts_means(federate, agrees, poisson, visits):
    guest, y, host, _ = visits
    outcome = federate(poisson(), guest, y, [host], predict="predict")
    plain = agrees(outcome, [guest, host], y)
    np.testing.assert_allclose(outcome.predicted, np.exp(plain.scores), atol=1e-6)


def test_the_rule_ends_at_poisson_regression(visits):
    guest, y, host, exposure = visits
    model = HeteroPoissonRegression(
        optimizer="sgd", learning_rate=0.1, max_iter=2000, tol=0.0, alpha=0.1, standardize=False
    )
    plain = fit_plaintext([guest, host], y.astype(float), model.settings(), exposure=exposure)
    # A rate per exposure, weighted by the exposure, is the same likelihood.
    joined, weight = np.hstack([guest, host]), exposure
    expected = PoissonRegressor(alpha=0.1 / exposure.mean(), tol=1e-10, max_iter=1000).fit(
        joined, y / exposure, sample_weight=weight
    )
    weights = np.append(plain.weights[0][:3], plain.weights[1])
    np.testing.assert_allclose(weights, expected.coef_, atol=1e-5)


def test_validation_takes_exposures(federate, poisson, visits):
    guest, y, host, exposure = visits
    validation = [(guest[:20], y[:20], exposure[:20]), host[:20]]
    outcome = federate(poisson(), guest, y, [host], exposure=exposure, validation=validation)
    mean = exposure[:20] * np.exp(
        outcome.guest._half.pipeline.transform(guest[:20]).values @ outcome.guest.coef_
        + outcome.hosts[0]._half.pipeline.transform(host[:20]).values @ outcome.hosts[0].coef_
        + outcome.guest.intercept_
    )
    last = outcome.guest.validation_history_[-1]
    assert last == pytest.approx(poisson_metrics(y[:20], mean), abs=1e-6)
    assert last["deviance"] == pytest.approx(mean_poisson_deviance(y[:20], mean), abs=1e-6)


def test_residuals_are_no_powers_of_what_the_host_sent(federate, poisson, visits, transcript):
    """FATE's host can search for the exponent: c mod n = (forward mod n)^e, e of 53 bits."""
    guest, y, host, exposure = visits
    outcome = federate(poisson(max_iter=1), guest, y, [host], exposure=exposure)
    public_key = outcome.arbiter._keys[0]
    n, traces = public_key.n, {}
    for message in transcript:
        name = message.name.partition("/")[2]
        if name in ("forward", "residual"):
            array = public_key.from_wire(message.payload[name].data)
            traces[name] = [int(c) % n for c in array.to_ints(reblind=False).ravel()]
    assert len(traces["forward"]) == 60
    # Weights are 0 before the first step, so the guest multiplied by its exposures.
    factors = [round(float(e) * 2**40) for e in np.exp(np.log(exposure))]
    for sent, factor, back in zip(traces["forward"], factors, traces["residual"], strict=True):
        assert all(pow(sent, factor + slip, n) != back for slip in (-1, 0, 1))


def test_one_host_only(federate, poisson, toy):
    counts = np.abs(toy.y).round()
    with pytest.raises(ConfigurationError, match="the poisson family takes one host, there are 2"):
        federate(poisson(), toy.guest, counts, toy.hosts)


def test_counts_are_not_negative(federate, poisson, toy):
    with pytest.raises(DataError, match=r"y has the value -.*: counts are 0 or more"):
        federate(poisson(), toy.guest, toy.y, toy.hosts[:1])


def test_means_beyond_the_encoding_are_an_error(federate, poisson, visits):
    guest, y, host, _ = visits
    model = poisson(optimizer="sgd", learning_rate=500.0, max_iter=5)
    with pytest.raises(DataError, match="or lower the learning rate"):
        federate(model, guest, y, [host])
