# SPDX-License-Identifier: Apache-2.0
r"""What makes one generalised linear model differ from another.

Every family here has a loss that is quadratic in the score u = X w + b,

    loss(u) = slope/2 u^2 + target u + constant        residual d = slope u + target

so that the residual is linear in each party's share of u and can be computed under encryption.
A new family is one more class and one line in `FAMILIES`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import DataError


class Family(ABC):
    """A loss, its residual and the response to a score."""

    name: ClassVar[str]
    slope: ClassVar[float]

    @abstractmethod
    def target(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the part of each residual that does not depend on the score."""

    @abstractmethod
    def constant(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the part of each loss that does not depend on the score."""

    @abstractmethod
    def response(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean of y for each score."""

    def loss(self, score: NDArray[np.float64], y: NDArray[np.float64]) -> float:
        """Return the summed loss of known scores."""
        terms = self.slope / 2 * score**2 + self.target(y) * score + self.constant(y)
        return float(terms.sum())

    def loss_from_residuals(self, half_squares: float, y: NDArray[np.float64]) -> float:
        """Return the summed loss when only the sum of d^2/(2 slope) is known.

        Completing the square: loss = d^2/(2 slope) + constant - target^2/(2 slope).
        """
        rest = self.constant(y) - self.target(y) ** 2 / (2 * self.slope)
        return half_squares + float(rest.sum())


class Linear(Family):
    """Least squares: loss (u - y)^2/2, residual u - y."""

    name = "linear"
    slope = 1.0

    def target(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return -y."""
        return -y

    def constant(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return y^2/2."""
        return y**2 / 2

    def response(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the score itself."""
        return score


class TaylorLogistic(Family):
    """Logistic loss by its Taylor series of degree two at 0, for y in {0, 1}.

    loss = log 2 - (y - 1/2) u + u^2/8, residual u/4 - (y - 1/2): the form of Hardy et al.
    (arXiv 1711.10677) and of FATE. It is close for scores within about +-2 and explodes far
    outside, hence the clipping of features.
    """

    name = "logistic-taylor"
    slope = 0.25

    def target(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return 1/2 - y."""
        return 0.5 - y

    def constant(self, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return log 2."""
        return np.full(len(y), np.log(2.0))

    def response(self, score: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the logistic function of the score."""
        return np.asarray(0.5 * (1 + np.tanh(score / 2)))  # never overflows


FAMILIES: dict[str, Family] = {family.name: family for family in (Linear(), TaylorLogistic())}


def encode_binary(y: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.generic]]:
    """Return labels as 0.0 and 1.0 and the two classes they stand for, in sorted order.

    Raises
    ------
    DataError
        When `y` does not have exactly two distinct values.
    """
    try:
        classes, codes = np.unique(y, return_inverse=True)
    except TypeError:
        raise DataError("y mixes types that have no order: use one type for all labels") from None
    if len(classes) != 2:
        raise DataError(
            f"y has {len(classes)} distinct values, logistic regression takes 2: "
            "train one model for each class against the rest"
        )
    return codes.astype(np.float64), classes
