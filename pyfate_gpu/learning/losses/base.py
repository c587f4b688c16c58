# SPDX-License-Identifier: Apache-2.0
"""What a loss is to boosting, and sums that losses have in common."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np

from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats

#: Gradient and hessian of scores, given labels and scores, all [rows, outputs].
Derivatives = tuple[Floats, Floats]

#: The least hessian of losses whose hessian dies out with their gradient.
LEAST_HESSIAN = 1e-16
#: The largest gradient or hessian: squares of sums of them are finite.
LARGEST = 1e140


class Loss(ABC):
    """A loss of labels and scores, both [rows, outputs]; sums over outputs."""

    #: Whether leaves take the best constant of their rows in place of a Newton step.
    refits_leaves = False

    @abstractmethod
    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return the first and second derivative of each row's loss by its scores."""

    @abstractmethod
    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row, [rows]."""

    @abstractmethod
    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the constant scores [outputs] to begin with, given weights [rows]."""

    def link(self, response: float) -> float:
        """Return the score that stands for a response: the inverse of `respond`."""
        return response

    def respond(self, scores: Floats) -> Floats:
        """Return what scores predict."""
        return scores

    def check(self, y: Floats) -> None:  # noqa: B027 - most take any number
        """Refuse labels that the loss is not defined for.

        Raises
        ------
        DataError
            Saying which it takes.
        """

    def refit(self, residuals: Floats, weights: Floats) -> float:
        """Return the constant that is best for rows with these residuals y - score, where `refits_leaves`."""
        raise NotImplementedError


def weigh(derivatives: Derivatives, weights: Floats | None) -> Derivatives:
    """Return derivatives times the weights of the rows, [rows]; checked to be usable.

    Raises
    ------
    DataError
        When one is not finite, too large to be squared, or a hessian below 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.losses import weigh
    >>> weigh((np.ones((2, 1)), np.ones((2, 1))), np.array([2.0, 0.5]))[0].ravel().tolist()
    [2.0, 0.5]
    """
    g, h = derivatives
    if weights is not None:
        g, h = g * weights[:, np.newaxis], h * weights[:, np.newaxis]
    bad = ~(np.isfinite(g).all(axis=1) & np.isfinite(h).all(axis=1))
    if bad.any():
        raise DataError(
            f"the gradients of {int(bad.sum())} rows are infinite or NaN, first of row {int(np.argmax(bad))}: "
            "rescale y, lower the learning rate, or set max_delta_step"
        )
    largest = float(max(np.abs(g).max(initial=0.0), h.max(initial=0.0)))
    if largest > LARGEST:
        raise DataError(
            f"a gradient reached {largest:g}, the limit is {LARGEST:g}: rescale y, or lower the learning rate"
        )
    if (h < 0).any():
        raise DataError(
            f"the hessian of row {int(np.argmax((h < 0).any(axis=1)))} is below 0: a loss must be convex"
        )
    return g, h


def row_sums(values: Floats) -> Floats:
    """Return the sum of each row, [rows]."""
    return np.asarray(values.sum(axis=1), dtype=np.float64)


def weighted_means(y: Floats, weights: Floats) -> Floats:
    """Return weighted means of the columns, the same for any order of rows."""
    total = math.fsum(weights)
    return np.array([math.fsum(column * weights) / total for column in y.T])


def weighted_quantile(values: Floats, weights: Floats, alpha: float) -> float:
    """Return the value that a share `alpha` of the weight lies at or below, midway where two will do."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    wanted = alpha * below[-1]
    place = int(np.searchsorted(below, wanted))
    place = min(place, len(values) - 1)
    found = float(values[order[place]])
    if below[place] == wanted and place + 1 < len(values):
        return (found + float(values[order[place + 1]])) / 2
    return found
