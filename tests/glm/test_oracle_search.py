# SPDX-License-Identifier: Apache-2.0
"""Conjugate gradients between parties, step by step as SciPy takes them, and where scikit-learn says they end."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifier

from tests.glm.exact_models import exact_model, in_order
from tests.glm.oracles.end_points import least
from tests.glm.oracles.losses import LOSSES
from tests.glm.oracles.search import after_steps

ROWS, OWNERS = 48, (3, 4, 2)
QUADRATIC = [name for name, loss in LOSSES.items() if loss.curvature]


@pytest.fixture
def x(rng) -> np.ndarray:
    """Columns of all parties that belong together: plain descent would take thousands of steps."""
    common = rng.normal(size=(ROWS, 3)) @ rng.normal(size=(3, sum(OWNERS)))
    return np.rint((common + 0.3 * rng.normal(size=common.shape)) * 1024) / 1024


@pytest.fixture
def labels(x, rng) -> dict[str, np.ndarray]:
    noisy = x @ rng.normal(scale=0.3, size=sum(OWNERS)) + rng.normal(size=ROWS)
    classes = (noisy > 0).astype(float)
    return {"linear": 3 * noisy + 7, "taylor": classes, "minimax": classes}


def parts(x: np.ndarray) -> list[np.ndarray]:
    return np.split(x, np.cumsum(OWNERS)[:-1], axis=1)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("loss", QUADRATIC)
def test_each_step_is_scipys(federate, x, labels, rng, loss, steps, weighted):
    """The first pass is for the residual and takes no step."""
    guest, *hosts = parts(x)
    weight = rng.uniform(0.5, 1.5, ROWS) if weighted else None
    alpha, y = 0.05, labels[loss]
    model = exact_model(loss, optimizer="newton", alpha=alpha, max_iter=steps + 1)
    outcome = federate(model, guest, y, hosts, sample_weight=weight)
    expected = after_steps(x, y, loss, OWNERS, steps, alpha=alpha, weight=weight)
    np.testing.assert_allclose(in_order(outcome), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("penalty", ["l2", None])
@pytest.mark.parametrize("loss", QUADRATIC)
def test_it_ends_at_ridge_and_least_squares(
    federate, x, labels, rng, loss, penalty, intercept, weighted
):
    guest, *hosts = parts(x)
    weight = rng.uniform(0.5, 1.5, ROWS) if weighted else None
    rule = {"penalty": penalty, "alpha": 0.1}
    model = exact_model(loss, optimizer="newton", max_iter=24, fit_intercept=intercept, **rule)
    outcome = federate(model, guest, labels[loss], hosts, sample_weight=weight)
    expected = least(x, labels[loss], loss, weight=weight, intercept=intercept, **rule)
    np.testing.assert_allclose(in_order(outcome), expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("packing", ["auto", "none"])
@pytest.mark.parametrize("loss", ["taylor", "minimax"])
def test_classes_end_at_ridge_classification(federate, x, labels, loss, packing):
    guest, *hosts = parts(x)
    kinds = np.array(["bus", "car", "van"])[np.digitize(labels["linear"], [4, 9])]
    a = LOSSES[loss].curvature
    model = exact_model(loss, optimizer="newton", alpha=0.1 * a, max_iter=24, packing=packing)
    outcome = federate(model, guest, kinds, hosts)
    ridge = RidgeClassifier(alpha=0.1 * ROWS).fit(x, kinds)
    expected = np.column_stack([ridge.coef_, ridge.intercept_]) / (2 * a)
    np.testing.assert_allclose(in_order(outcome), expected, rtol=0, atol=1e-6)
