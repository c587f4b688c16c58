# SPDX-License-Identifier: Apache-2.0
"""Losses, their derivatives, and the loss from residuals alone."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.glm.families import FAMILIES, INTERVAL, minimax_slope
from pyfate_gpu.glm.targets import TargetScale


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def y(family, rng):
    if "logistic" in family.name:
        return rng.integers(0, 2, (50, 1)).astype(float)
    return rng.poisson(2.0, (50, 1)).astype(float)


def test_the_residual_is_the_derivative_of_the_loss(family, y, rng):
    score, step = rng.normal(size=(50, 1)), 1e-6
    slope = (family.losses(score + step, y) - family.losses(score - step, y)) / (2 * step)
    np.testing.assert_allclose(slope, family.residual(score, y), atol=1e-6)


def test_shares_of_two_parties_give_the_loss(family, y, rng):
    guest, host = rng.normal(size=(50, 1)), rng.normal(size=(50, 1))
    residual = family.residual(guest + host, y)
    total = family.label_scale * float((family.label_factor(y) * residual).sum())
    total += float(family.rest(guest, y).sum())
    if family.loss_from_targets:
        total += float((family.host_factor(host) * family.target(y)).sum())
    for share in (guest, host):  # of one column each, with the weight 3
        total += family.own_part(np.array([[3.0]]), (share / 3).T @ residual)
    assert total == pytest.approx(float(family.losses(guest + host, y).sum()))


def test_label_factors_have_a_mean_square_of_at_most_one(family, y):
    """Where rows share ciphertexts: of scaled targets, and of labels."""
    if not family.loss_from_targets:
        scaled = TargetScale.fit(y, centre=False).shrink(y) if family.scales_targets else y
        assert (family.label_factor(scaled) ** 2).mean() <= 0.5


def test_residuals_come_from_what_hosts_encrypt(family, y, rng, keypair):
    public_key, private_key = keypair
    guest, host = rng.normal(size=(50, 1)), rng.normal(size=(50, 1))
    forward = public_key.encrypt(family.forward(host))
    residual = family.combine(forward, family.factor(guest), family.addend(guest, y))
    expected = family.residual(guest + host, y)
    np.testing.assert_allclose(private_key.decrypt(residual), expected, atol=1e-9)


def test_linear_loss_is_half_the_squared_error():
    score, y = np.array([1.0, 2.0]), np.array([3.0, 2.5])
    assert FAMILIES["linear"].losses(score, y).tolist() == pytest.approx([2, 0.125])


def test_taylor_loss_is_close_to_the_logistic_loss_near_zero():
    score, y = np.array([0.1, -0.2]), np.array([1.0, 0.0])
    exact = float(np.log1p(np.exp(-(2 * y - 1) * score)).sum())
    assert FAMILIES["logistic-taylor"].losses(score, y).sum() == pytest.approx(exact, abs=1e-5)


def test_the_logistic_response_never_overflows():
    response = FAMILIES["logistic-taylor"].response(np.array([-1e6, 0.0, 1e6]))
    assert response.tolist() == [0.0, 0.5, 1.0]


def test_the_minimax_line_errs_least():
    def error(slope):
        u = np.linspace(0, INTERVAL, 4001)
        return np.abs(1 / (1 + np.exp(-u)) - 0.5 - slope * u).max()

    best = minimax_slope(INTERVAL)
    assert FAMILIES["logistic-minimax"].slope == best
    assert error(best) < min(error(best * 0.99), error(best * 1.01))
    assert error(best) == pytest.approx(0.0996, abs=1e-4)
    assert minimax_slope(0.01) == pytest.approx(0.25, abs=1e-4)  # the tangent, in the limit
