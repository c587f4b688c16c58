# SPDX-License-Identifier: Apache-2.0
"""What stands for the inverse link: a polynomial of the score, as sums and products are all that shares can do."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Fraction bits of coefficients, rates and other public factors.
FACTOR_BITS = 24


def factor(value: float) -> int:
    """Return a public factor in fixed point."""
    return round(value * 2.0**FACTOR_BITS)


@dataclass(frozen=True)
class Link:
    """``constant + slope * score + cube * score**3``, expected value of a label.

    Parameters
    ----------
    name : str
        By which parameters choose it.
    interval : float
        Scores up to this size are those that it is meant for; infinite for any.
    classes : bool
        Whether labels are 0 and 1.
    """

    name: str
    constant: float
    slope: float
    cube: float
    interval: float
    classes: bool = True

    @property
    def loss_factor(self) -> float:
        """What a squared residual is multiplied by to be a loss, up to `loss_shift`.

        Of the identity the loss is half the square; of lines that stand for the logistic function the quadratic that
        has them as derivative, log 2 at score 0; of cubic links the square itself, Brier's score.
        """
        return 1.0 if self.cube else 1 / (2 * self.slope)

    @property
    def loss_shift(self) -> float:
        """What is added to each."""
        return math.log(2) - 0.25 / (2 * self.slope) if self.classes and not self.cube else 0.0


IDENTITY = Link("identity", 0.0, 1.0, 0.0, math.inf, classes=False)
#: Of logistic regression: the tangent at 0, the line closest to it within +-4, and cubics by least squares.
LOGISTIC = {
    link.name: link
    for link in (
        Link("linear", 0.5, 0.25, 0.0, 2.0),
        Link("minimax", 0.5, 0.125, 0.0, 4.0),
        Link("cubic", 0.5, 0.197, -0.004, 5.0),
        Link("cubic_wide", 0.5, 0.15012, -0.001593, 8.0),
    )
}
LINKS = {IDENTITY.name: IDENTITY} | LOGISTIC
