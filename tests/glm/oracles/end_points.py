# SPDX-License-Identifier: Apache-2.0
"""Where training must end, by scikit-learn, statsmodels and linear systems: no gradient descent here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import Lasso, LinearRegression, PoissonRegressor, Ridge

from tests.glm.oracles.losses import LOSSES

Array = np.ndarray


def least(
    x: Array,
    y: Array,
    loss: str,
    *,
    penalty: str | None = "l2",
    alpha: float = 0.0,
    weight: Array | None = None,
    intercept: bool = True,
) -> Array:
    """Weights, the intercept last, with the least mean quadratic loss plus penalty.

    A loss of curvature a is a times that of least squares, so its penalty is 1/a of theirs.
    """
    rule = LOSSES[loss]
    assert rule.curvature is not None
    assert rule.target is not None
    strength = alpha / rule.curvature
    total = len(y) if weight is None else np.sum(weight)
    if penalty is None or alpha == 0:
        model = LinearRegression(fit_intercept=intercept)
    elif penalty == "l2":
        model = Ridge(alpha=strength * total, fit_intercept=intercept, solver="cholesky")
    else:
        model = Lasso(alpha=strength, fit_intercept=intercept, tol=1e-13, max_iter=100_000)
    model.fit(x, rule.target(y), sample_weight=weight)
    return np.append(model.coef_, model.intercept_) if intercept else model.coef_


def least_poisson(
    x: Array,
    y: Array,
    *,
    alpha: float = 0.0,
    weight: Array | None = None,
    exposure: Array | None = None,
    intercept: bool = True,
) -> Array:
    """The same for Poisson regression with an L2 penalty, by scikit-learn.

    Counts with an exposure are rates with a weight. scikit-learn's penalty is for weights of mean 1.
    """
    weight = np.ones(len(y)) if weight is None else weight / weight.mean()
    exposure = np.ones(len(y)) if exposure is None else exposure
    both = weight * exposure
    model = PoissonRegressor(
        alpha=alpha / both.mean(),
        fit_intercept=intercept,
        solver="newton-cholesky",
        tol=1e-12,
        max_iter=1000,
    ).fit(x, y / exposure, sample_weight=both)
    return np.append(model.coef_, model.intercept_) if intercept else model.coef_


def least_poisson_by_statsmodels(
    x: Array,
    y: Array,
    *,
    weight: Array | None = None,
    exposure: Array | None = None,
    penalty: str | None = None,
    alpha: float = 0.0,
) -> Array:
    """The same by statsmodels: without a penalty, or with L1."""
    model = sm.GLM(
        y,
        sm.add_constant(x, prepend=False),
        family=sm.families.Poisson(),
        exposure=exposure,
        freq_weights=weight,
    )
    if penalty is None:
        return np.asarray(model.fit(tol=1e-12, maxiter=200).params)
    alphas = np.append(np.full(x.shape[1], alpha), 0.0)
    fitted = model.fit_regularized(alpha=alphas, L1_wt=1.0, cnvrg_tol=1e-12, maxiter=500)
    return np.asarray(fitted.params)


def end_of_batches(
    x: Array,
    y: Array,
    loss: str,
    batches: Sequence[Array],
    *,
    learning_rate: float,
    alpha: float,
    weight: Array | None = None,
) -> Array:
    """Where batch after batch ends: each is an affine map, the end is the fixed point of all of them."""
    rule = LOSSES[loss]
    assert rule.curvature is not None
    assert rule.target is not None
    design = np.column_stack([x, np.ones(len(x))])
    size = design.shape[1]
    shrink = np.diag(np.append(np.full(size - 1, alpha), 0.0))
    weight = np.ones(len(y)) if weight is None else weight / weight.mean()
    matrix, vector = np.eye(size), np.zeros(size)
    for rows in batches:
        part, scaled = design[rows], (weight[rows, np.newaxis] * design[rows]).T / len(rows)
        turn = np.eye(size) - learning_rate * (rule.curvature * scaled @ part + shrink)
        push = learning_rate * rule.curvature * scaled @ rule.target(y[rows])
        matrix, vector = turn @ matrix, turn @ vector + push
    return np.linalg.solve(np.eye(size) - matrix, vector)
