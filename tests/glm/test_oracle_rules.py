# SPDX-License-Identifier: Apache-2.0
"""Optimizers, penalties and learning rates against the rules of `oracles`, which share no code with ours."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from pyfate_gpu import HeteroLinearRegression
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.learning.optimizers import OPTIMIZERS
from pyfate_gpu.learning.penalties import PENALTIES
from tests.glm import oracles
from tests.glm.oracles.losses import LOSSES, MINIMAX
from tests.glm.oracles.rules import RULES, STEADY

FAMILY = {"taylor": "logistic-taylor", "minimax": "logistic-minimax"}


def test_oracles_share_no_code_with_what_they_judge():
    sources = sorted(Path(next(iter(oracles.__path__))).glob("*.py"))
    assert len(sources) >= 4
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            names = [alias.name for alias in getattr(node, "names", []) if hasattr(alias, "asname")]
            names.append(getattr(node, "module", None) or "")
            assert not [name for name in names if name.split(".")[0] == "pyfate_gpu"], source


def test_every_rule_and_loss_has_an_oracle():
    assert RULES.keys() == STEADY.keys() == OPTIMIZERS.keys()
    assert {FAMILY.get(name, name) for name in LOSSES} == FAMILIES.keys()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_step_of_many(name, rng):
    """Forty gradients of all sizes, some of them 0, while the learning rate falls."""
    gradients = list(
        rng.normal(size=(40, 8)) * 10.0 ** np.arange(-6, 2) * rng.integers(0, 2, (40, 8))
    )
    rates = [0.3 / (1 + step) ** 0.5 for step in range(40)]
    optimizer = OPTIMIZERS[name](123.0)
    for step in range(1, 41):
        optimizer.learning_rate = rates[step - 1]
        np.testing.assert_allclose(
            optimizer.step(gradients[step - 1]),
            RULES[name](gradients[:step], rates[:step]),
            rtol=1e-9,
            atol=1e-18,
        )
        np.testing.assert_allclose(
            np.broadcast_to(optimizer.rates, 8),
            STEADY[name](gradients[:step], rates[:step]),
            rtol=1e-9,
        )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_soft_thresholds_are_in_the_unit_of_steps(name):
    """A gradient that stays moves a weight by itself times the rate in each step, in the end."""
    gradient = np.array([0.5, -2.0, 1e-3])
    optimizer = OPTIMIZERS[name](0.1)
    for _ in range(2000):
        step = optimizer.step(gradient)
    np.testing.assert_allclose(step, gradient * optimizer.rates, rtol=1e-9)


@pytest.mark.parametrize("sqrt", [True, False])
def test_the_learning_rate_of_each_iteration(sqrt):
    settings = HeteroLinearRegression(learning_rate=0.7, decay=0.3, decay_sqrt=sqrt).settings()
    slowed = 1 + 0.3 * np.arange(20)
    np.testing.assert_allclose(
        [settings.rate(iteration) for iteration in range(1, 21)],
        0.7 * slowed ** (-0.5 if sqrt else -1.0),
    )


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_and_their_derivatives(loss, rng):
    family = FAMILIES[FAMILY.get(loss, loss)]
    score = rng.normal(scale=3, size=(200, 1))
    y = rng.integers(0, 2, (200, 1)).astype(float)
    if loss in ("linear", "poisson"):
        y *= rng.integers(0, 9, (200, 1))
    rule = LOSSES[loss]
    near = {"rtol": 1e-8, "atol": 1e-7}
    np.testing.assert_allclose(family.losses(score, y), rule.value(score, y), **near)
    np.testing.assert_allclose(family.residual(score, y), rule.slope(score, y), **near)


@pytest.mark.parametrize("loss", LOSSES)
def test_derivatives_of_the_oracle_by_differences(loss, rng):
    score, y = rng.normal(size=12), rng.integers(0, 2, 12).astype(float)
    rule = LOSSES[loss]
    slope = approx_fprime(score, lambda u: float(rule.value(u, y).sum()), 1e-7)
    np.testing.assert_allclose(slope, rule.slope(score, y), atol=1e-5)


def test_the_line_nearest_to_the_logistic_function():
    assert FAMILIES["logistic-minimax"].slope == pytest.approx(MINIMAX, rel=1e-6)


@pytest.mark.parametrize("name", PENALTIES)
def test_penalties_move_weights_to_the_least_sum(name):
    """By a derivative where there is one, otherwise to the least (v - w)^2 / 2r + penalty(v) at rate r."""
    penalty, alpha, rate = PENALTIES[name], np.array([0.3]), 0.7
    value = {"l2": lambda v: 0.15 * v**2, "l1": lambda v: 0.3 * np.abs(v), "none": np.zeros_like}
    candidates = np.append(np.linspace(-3, 3, 60_001), 0.0)
    for weight in (-2.0, -0.21, -0.1, 0.0, 0.05, 0.21, 1.5):
        w = np.array([weight])
        assert penalty.loss(alpha, w) == pytest.approx(value[name](w)[0])
        slope = 0.0 if name == "l1" else (value[name](w + 0.1) - value[name](w - 0.1))[0] / 0.2
        assert penalty.gradient(alpha, w)[0] == pytest.approx(slope)
        moved = weight
        if name == "l1":
            sums = (candidates - weight) ** 2 / (2 * rate) + value[name](candidates)
            moved = candidates[np.argmin(sums)]
        assert penalty.shrink(alpha, w, rate)[0] == pytest.approx(moved, abs=1e-4)
