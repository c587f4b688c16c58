# SPDX-License-Identifier: Apache-2.0
"""Losses of one row written out; the derivative is taken by formulas of another form than the product's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.special import expit, xlogy

Array = np.ndarray


def line_of_least_error(interval: float, points: int = 4001) -> float:
    """The slope of the line through (0, 1/2) nearest to the logistic function: a linear program."""
    u = np.linspace(0, interval, points)
    gap = expit(u) - 0.5
    # min e with |gap - a u| <= e, over (a, e)
    found = linprog(
        [0.0, 1.0],
        A_ub=np.vstack(
            [np.column_stack([u, -np.ones(points)]), np.column_stack([-u, -np.ones(points)])]
        ),
        b_ub=np.concatenate([gap, -gap]),
        bounds=[(None, None), (0, None)],
        method="highs",
    )
    return float(found.x[0])


MINIMAX = line_of_least_error(4.0)


@dataclass(frozen=True)
class Loss:
    """Of a score u and a label y, with its derivative by u.

    `curvature` is the second derivative where that is one number; the loss is then that of least squares
    with the targets `target(y)`.
    """

    value: Callable[[Array, Array], Array]
    slope: Callable[[Array, Array], Array]
    curvature: float | None = None
    target: Callable[[Array], Array] | None = None


def _line(a: float) -> Loss:
    """Logistic regression with 1/2 + a u for the logistic function; labels become signs."""
    return Loss(
        value=lambda u, y: np.log(2) - np.where(y > 0, u, -u) / 2 + a * u * u / 2,
        slope=lambda u, y: a * u - np.where(y > 0, 0.5, -0.5),
        curvature=a,
        target=lambda y: np.where(y > 0, 0.5, -0.5) / a,
    )


LOSSES = {
    "linear": Loss(
        value=lambda u, y: np.square(u - y) / 2,
        slope=lambda u, y: u - y,
        curvature=1.0,
        target=lambda y: y,
    ),
    "taylor": _line(1 / 4),
    "minimax": _line(MINIMAX),
    "poisson": Loss(
        value=lambda u, y: np.exp(u) - xlogy(y, np.exp(u)),
        slope=lambda u, y: np.expm1(u) + 1 - y,
    ),
}
