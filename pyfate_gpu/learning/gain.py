# SPDX-License-Identifier: Apache-2.0
"""How much a split is worth, and what a leaf is: the regularised Newton steps of XGBoost (arXiv 1603.02754).

Sums are exact integers times powers of two, and both sides of a split enter alike, so that the gain of a partition
is the same number wherever and from whichever side it is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.typing import Floats, Integers

#: A split that gains no more is none.
LEAST_GAIN = 1e-6


@dataclass(frozen=True)
class Regularization:
    """What keeps trees small.

    Parameters
    ----------
    reg_lambda, reg_alpha : float
        Of the squares and of the magnitudes of leaves.
    gamma : float
        The least gain of a split.
    min_child_weight : float
        The least hessian of a side, all outputs together.
    max_delta_step : float
        The largest leaf, 0 for no limit.
    """

    reg_lambda: float = 1.0
    reg_alpha: float = 0.0
    gamma: float = 0.0
    min_child_weight: float = 1.0
    max_delta_step: float = 0.0

    def gains(self, sums: Integers, total: Integers, units: Floats) -> Floats:
        """Return the gain of each candidate, -inf where it may not be taken.

        Parameters
        ----------
        sums : int64 [candidates, 2 outputs]
            Gradient and hessian of one side, whichever, of each output in turn.
        total : int64 [2 outputs]
            Of both sides.
        units : float64 [2]
            What 1 stands for.
        """
        gain, rest = self.changes(sums, total, units), total - sums
        least = np.minimum(sums[:, 1::2].sum(axis=1), rest[:, 1::2].sum(axis=1)) * units[1]
        good = (least >= self.min_child_weight) & (gain > LEAST_GAIN) & (gain >= self.gamma)
        return np.where(good, gain, -np.inf)

    def changes(self, sums: Integers, total: Integers, units: Floats) -> Floats:
        """Return the gain of each candidate, whatever is required of one; -inf where nothing bounds a step."""
        rest = total - sums
        gain = np.zeros(len(sums))
        for place in range(0, len(total), 2):
            sides = self.score(sums, place, units) + self.score(rest, place, units)
            gain += sides - self.score(total[np.newaxis], place, units)
        return gain

    def score(self, sums: Integers, place: int, units: Floats) -> Floats:
        """Return how far each side lowers the loss, twice over; -inf where nothing bounds its step."""
        g = self._shrink(sums[:, place] * units[0])
        h = sums[:, place + 1] * units[1] + self.reg_lambda
        with np.errstate(divide="ignore", invalid="ignore"):
            if not self.max_delta_step:
                return np.where(h > 0, g * g / h, -np.inf)
            w = np.clip(-g / h, -self.max_delta_step, self.max_delta_step)
            return np.where(h > 0, -(2 * g * w + h * w * w), -np.inf)

    def _shrink(self, g: Floats) -> Floats:
        return np.sign(g) * np.maximum(np.abs(g) - self.reg_alpha, 0.0)

    def leaf(self, g: Floats, h: Floats) -> float:
        """Return the step of rows with these gradients and hessians, the same for any order of them."""
        total = math.fsum(g)
        shrunk = math.copysign(max(abs(total) - self.reg_alpha, 0.0), total)
        weight = math.fsum(h) + self.reg_lambda
        step = -shrunk / weight if weight > 0 else 0.0
        limit = self.max_delta_step or math.inf
        return max(-limit, min(step, limit)) + 0.0
