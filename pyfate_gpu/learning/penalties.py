# SPDX-License-Identifier: Apache-2.0
"""What keeps weights small; each entry has its own alpha, 0 for the intercept.

L2 has a gradient, which joins that of the loss. L1 has none at 0: it acts on the weights after each step, by
soft thresholds (proximal gradient), and makes weights exactly 0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from pyfate_gpu.typing import Floats


class Penalty(ABC):
    """A function of the weights that is added to the mean loss.

    `degree` says as which power of the weights it grows.
    """

    degree: ClassVar[int]

    @abstractmethod
    def loss(self, alpha: Floats, weights: Floats) -> float:
        """Return its value."""

    def gradient(self, alpha: Floats, weights: Floats) -> Floats:
        """Return its derivative where it is smooth, otherwise 0."""
        return np.zeros_like(weights)

    def shrink(self, alpha: Floats, weights: Floats, rates: Floats | float) -> Floats:
        """Return the weights after the part that is not smooth; `rates` as in `Optimizer`."""
        return weights


class L2(Penalty):
    """The sum of alpha/2 w^2."""

    degree = 2

    def loss(self, alpha: Floats, weights: Floats) -> float:
        """Return the sum of alpha/2 w^2."""
        return float((alpha * weights**2).sum()) / 2

    def gradient(self, alpha: Floats, weights: Floats) -> Floats:
        """Return alpha w."""
        return alpha * weights


class L1(Penalty):
    """The sum of alpha |w|."""

    degree = 1

    def loss(self, alpha: Floats, weights: Floats) -> float:
        """Return the sum of alpha |w|."""
        return float((alpha * np.abs(weights)).sum())

    def shrink(self, alpha: Floats, weights: Floats, rates: Floats | float) -> Floats:
        """Return the weights, each nearer to 0 by alpha times its rate, or 0."""
        return np.sign(weights) * np.maximum(np.abs(weights) - alpha * rates, 0.0)


class NoPenalty(Penalty):
    """Nothing, whatever alpha is."""

    degree = 0

    def loss(self, alpha: Floats, weights: Floats) -> float:
        """Return 0."""
        return 0.0


PENALTIES: dict[str, Penalty] = {"l2": L2(), "l1": L1(), "none": NoPenalty()}
