# SPDX-License-Identifier: Apache-2.0
"""Losses of numbers by how far a score is from them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyfate_gpu.learning.losses.base import (
    Derivatives,
    Loss,
    row_sums,
    weighted_means,
    weighted_quantile,
)
from pyfate_gpu.typing import Floats


class Squared(Loss):
    """Half the square of the difference."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        return scores - y, np.ones_like(scores)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return row_sums((scores - y) ** 2 / 2)

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return weighted_means(y, weights)


@dataclass(frozen=True)
class Quantile(Loss):
    """The pinball loss, whose best constant is a quantile.

    Parameters
    ----------
    alpha : float
        Which quantile, between 0 and 1.
    """

    alpha: float = 0.5
    refits_leaves = True

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        return np.where(scores >= y, 1 - self.alpha, -self.alpha), np.ones_like(scores)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        missed = y - scores
        return row_sums(np.maximum(self.alpha * missed, (self.alpha - 1) * missed))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([weighted_quantile(column, weights, self.alpha) for column in y.T])

    def refit(self, residuals: Floats, weights: Floats) -> float:
        """Return the best constant of residuals."""
        return weighted_quantile(residuals, weights, self.alpha)


class Absolute(Quantile):
    """The absolute difference, whose best constant is the median."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        return np.sign(scores - y), np.ones_like(scores)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return row_sums(np.abs(scores - y))


@dataclass(frozen=True)
class PseudoHuber(Loss):
    """Squared near 0, absolute far from it, smooth in between.

    Parameters
    ----------
    slope : float
        Where the one becomes the other.
    """

    slope: float = 1.0

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        difference = scores - y
        squares = self.slope**2 + difference**2
        root = np.sqrt(1 + (difference / self.slope) ** 2)
        return difference / root, self.slope**2 / (squares * root)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        ratio = (scores - y) / self.slope
        return row_sums(self.slope**2 * (np.sqrt(1 + ratio**2) - 1))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([weighted_quantile(column, weights, 0.5) for column in y.T])
