# SPDX-License-Identifier: Apache-2.0
r"""What makes one generalised linear model differ from another: a loss, its residual, a response.

The score u = X w + offset of a row is the sum of one share for each party. What a family needs is a
residual d = d loss/d u that the guest can make from what hosts encrypt, and a loss that is a sum of one
share for each party, of what it knows or has encrypted, and of the guest's labels times the residuals:

    sum of losses = sum over parties of their parts + scale sum d l(y) + rest

with l(y) the label factor. A party's part comes from its weights and its gradient (`Quadratic`), or is a product
with encrypted targets (`Poisson`); the guest alone knows the rest. A new family is one more class and one
entry in `FAMILIES`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pyfate_gpu.federation.steps import Step
from pyfate_gpu.protocol.checks import check_scores
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.he import CiphertextArray

#: The line of `MinimaxLogistic` is closest to the logistic function for scores within +-INTERVAL.
INTERVAL = 4.0


class Family(ABC):
    """A loss, its residual and the response to a score; arrays are [rows, outputs]."""

    name: ClassVar[str]
    #: Hosts' shares of the loss are products with targets, which the guest then sends.
    loss_from_targets: ClassVar[bool] = False
    #: Targets are numbers of any size, which the guest scales: see `pyfate_gpu.glm.targets`.
    scales_targets: ClassVar[bool] = False
    #: The residual can be made from the shares of any number of hosts.
    several_hosts: ClassVar[bool] = True
    #: What `combine` costs for each value: to add a number, or to multiply by one.
    combining: ClassVar[Step] = Step.ADD

    @abstractmethod
    def target(self, y: Floats) -> Floats:
        """Return the part of each residual that does not depend on the score."""

    @abstractmethod
    def forward(self, share: Floats) -> Floats:
        """Return what a host encrypts, given its share of each score."""

    def factor(self, share: Floats) -> Floats | None:
        """Return what the hosts' `forward` is multiplied by for residuals, given the guest's share; None for 1."""
        return None

    @abstractmethod
    def addend(self, share: Floats, y: Floats) -> Floats:
        """Return what is added to that product, given the guest's share and labels."""

    def combine(self, forward: CiphertextArray, factor: Any, addend: Any) -> CiphertextArray:
        """Return encrypted residuals; the addend is in slots as `forward` is."""
        total: CiphertextArray = (forward if factor is None else forward * factor) + addend
        return total

    @abstractmethod
    def residual(self, score: Floats, y: Floats) -> Floats:
        """Return the residuals of known scores."""

    @abstractmethod
    def losses(self, score: Floats, y: Floats) -> Floats:
        """Return the loss of each known score."""

    def host_factor(self, share: Floats) -> Floats:
        """Return what a host multiplies targets by, where `loss_from_targets`."""
        return share

    @abstractmethod
    def label_factor(self, y: Floats) -> Floats:
        """Return what the guest multiplies residuals by for the loss, before `label_scale`."""

    @property
    def label_scale(self) -> float:
        """What that product is multiplied by."""
        return 1.0

    def own_part(self, weights: Floats, gradient: Floats) -> float:
        """Return a party's part of the summed losses, given its weights and X^T d, [columns, outputs]."""
        return 0.0

    @abstractmethod
    def rest(self, share: Floats, y: Floats) -> Floats:
        """Return what is missing from the shares of each loss."""

    @abstractmethod
    def response(self, score: Floats) -> Floats:
        """Return the mean of y for each score."""


class Quadratic(Family):
    """Families whose loss is slope/2 u^2 + target u + constant: the residual is slope u + target.

    Completing the square, loss = d^2/(2 slope) + constant - target^2/(2 slope), and d/(2 slope) is a
    sum of shares u/2 = X w/2 and of target/(2 slope). Over all rows a party's share times d is half of its
    weights times its gradient X^T d.
    """

    slope: ClassVar[float]

    @abstractmethod
    def constant(self, y: Floats) -> Floats:
        """Return the part of each loss that does not depend on the score."""

    def forward(self, share: Floats) -> Floats:
        """Return slope u_h."""
        return self.slope * share

    def addend(self, share: Floats, y: Floats) -> Floats:
        """Return slope u_g + target."""
        return check_scores(self.residual(share, y))

    def residual(self, score: Floats, y: Floats) -> Floats:
        """Return slope u + target."""
        return self.slope * score + self.target(y)

    def losses(self, score: Floats, y: Floats) -> Floats:
        """Return slope/2 u^2 + target u + constant."""
        return self.slope / 2 * score**2 + self.target(y) * score + self.constant(y)

    def label_factor(self, y: Floats) -> Floats:
        """Return target/2: of a mean square below 1, as targets are scaled."""
        return self.target(y) / 2

    @property
    def label_scale(self) -> float:
        """Return 1/slope."""
        return 1 / self.slope

    def own_part(self, weights: Floats, gradient: Floats) -> float:
        """Return w (X^T d)/2."""
        return float((weights * gradient).sum()) / 2

    def rest(self, share: Floats, y: Floats) -> Floats:
        """Return constant - target^2/(2 slope)."""
        return self.constant(y) - self.target(y) ** 2 / (2 * self.slope)


class Linear(Quadratic):
    """Least squares: loss (u - y)^2/2, residual u - y."""

    name = "linear"
    scales_targets = True
    slope = 1.0

    def target(self, y: Floats) -> Floats:
        """Return -y."""
        return -y

    def constant(self, y: Floats) -> Floats:
        """Return y^2/2."""
        return y**2 / 2

    def response(self, score: Floats) -> Floats:
        """Return the score itself."""
        return score


class Logistic(Quadratic):
    """Logistic regression, y in {0, 1}, with the line 1/2 + slope u for the logistic function."""

    def target(self, y: Floats) -> Floats:
        """Return 1/2 - y."""
        return 0.5 - y

    def constant(self, y: Floats) -> Floats:
        """Return log 2, the logistic loss at score 0."""
        return np.full(y.shape, np.log(2.0))

    def response(self, score: Floats) -> Floats:
        """Return the logistic function of the score."""
        return np.asarray(0.5 * (1 + np.tanh(score / 2)))  # never overflows


class TaylorLogistic(Logistic):
    """The line is the Taylor series of degree one at 0, the loss that of degree two.

    loss = log 2 - (y - 1/2) u + u^2/8: the form of Hardy et al. (arXiv 1711.10677) and of FATE. It is
    close for scores within about +-2 and explodes far outside, hence the clipping of features.
    """

    name = "logistic-taylor"
    slope = 0.25


def minimax_slope(interval: float) -> float:
    """Return the slope a of the line 1/2 + a u with the least largest error on [-interval, interval].

    The error has its extremes where the logistic function has slope a, and at the end of the interval;
    at the best line they are equal and opposite (Chebyshev), found by bisection.

    Examples
    --------
    >>> from pyfate_gpu.glm.families import minimax_slope
    >>> round(minimax_slope(4.0), 4)
    0.1454
    """

    def error(u: float, a: float) -> float:
        return math.tanh(u / 2) / 2 - a * u

    low, high = 0.0, 0.25
    while (slope := (low + high) / 2) not in (low, high):
        inner = 2 * math.atanh(math.sqrt(1 - 4 * slope))
        if inner > interval or error(inner, slope) + error(interval, slope) > 0:
            low = slope
        else:
            high = slope
    return slope


class MinimaxLogistic(Logistic):
    """The line is the one closest to the logistic function for scores within +-`INTERVAL`.

    Its largest error there is .10; the tangent, which the Taylor form takes, is off by .52.
    """

    name = "logistic-minimax"
    slope = minimax_slope(INTERVAL)


class Poisson(Family):
    """Counts with mean exp(u): loss exp(u) - y u, residual exp(u) - y; one host.

    exp(u) is the product of exp(u_g), which the guest knows, and exp(u_h), which the host encrypts. With
    d + y = exp(u), the guest's share of the loss is the sum of residuals; the host's needs the labels,
    which the guest sends encrypted as targets.
    """

    name = "poisson"
    loss_from_targets = True
    several_hosts = False
    combining = Step.WEIGH

    def target(self, y: Floats) -> Floats:
        """Return -y."""
        return -y

    def forward(self, share: Floats) -> Floats:
        """Return exp(u_h)."""
        return self.response(share)

    def factor(self, share: Floats) -> Floats:
        """Return exp(u_g)."""
        return check_scores(self.response(share))

    def addend(self, share: Floats, y: Floats) -> Floats:
        """Return -y."""
        return check_scores(self.target(y))

    def residual(self, score: Floats, y: Floats) -> Floats:
        """Return exp(u) - y."""
        return self.response(score) - y

    def losses(self, score: Floats, y: Floats) -> Floats:
        """Return exp(u) - y u."""
        return self.response(score) - y * score

    def label_factor(self, y: Floats) -> Floats:
        """Return 1: residuals themselves are summed."""
        return np.ones(y.shape)

    def rest(self, share: Floats, y: Floats) -> Floats:
        """Return y - y u_g."""
        return y - y * share

    def response(self, score: Floats) -> Floats:
        """Return exp(u); infinite beyond float64, which nothing encrypts."""
        with np.errstate(over="ignore"):
            return np.exp(score)


FAMILIES: dict[str, Family] = {
    family.name: family for family in (Linear(), TaylorLogistic(), MinimaxLogistic(), Poisson())
}
