# SPDX-License-Identifier: Apache-2.0
"""Noise inside a sum, of which each client adds its share: what a plan says of it, and what it is worth."""

from __future__ import annotations

import importlib
import math
from dataclasses import dataclass

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.protocol.settings import check_count, check_real, plain

TAIL = 12
"""Draws beyond so many standard deviations are drawn again: one in less than 2^-102 of them."""
LEAST_STD = 4.0
"""Levels of a client's share, so that the sum of shares is a discrete Gaussian but for 2^-220."""


@dataclass(frozen=True)
class Noise:
    """Discrete Gaussian noise that hides whether any one client's values are in a sum, or zeros.

    The update of each client is scaled down to `norm` before it is rounded. With all of `honest` clients in the sum,
    the noise has a standard deviation of `multiplier` times what one client can add to it.

    Parameters
    ----------
    multiplier : float
        As in differentially private descent: noise over sensitivity, of each round.
    norm : float
        Largest Euclidean norm of an update, all arrays together.
    honest : int
        Each client adds 1 / `honest` of the variance: in each sum so many clients at least add theirs and tell nobody.

    Examples
    --------
    >>> from pyfate_gpu.homo import AggregationPlan, Noise
    >>> plan = AggregationPlan(clients=10, clip=0.5, noise=Noise(multiplier=1.0, norm=2.0, honest=7))
    >>> plan.width - AggregationPlan(clients=10).width
    4
    """

    multiplier: float
    norm: float
    honest: int

    def __post_init__(self) -> None:
        for name in ("multiplier", "norm"):
            check_real(f"noise {name}", getattr(self, name), positive=True)
            object.__setattr__(self, name, float(plain(getattr(self, name))))
        check_count("noise honest", self.honest)
        object.__setattr__(self, "honest", int(plain(self.honest)))

    def variance(self, levels_of_norm: float) -> int:
        """Variance of a client's share, a whole number, given how many levels `norm` is, weight included.

        Raises
        ------
        ConfigurationError
            When it is so small that shares would not add up to a discrete Gaussian.
        """
        least = (self.multiplier * levels_of_norm) ** 2 / self.honest
        if least < LEAST_STD**2:
            raise ConfigurationError(
                f"the noise of a client has a standard deviation of {math.sqrt(least):.3g} levels, it takes "
                f"{LEAST_STD:g}: take more value_bits, or a smaller clip"
            )
        return math.ceil(least)

    @staticmethod
    def bound(variance: int) -> int:
        """No draw is larger."""
        return math.isqrt(TAIL * TAIL * variance) + 1

    def reached(self, clients: int) -> float:
        """The multiplier of a sum of so many clients: smaller where fewer than `honest` are left."""
        return self.multiplier * min(1.0, math.sqrt(clients / self.honest))


def privacy_spent(multiplier: float, rounds: int, delta: float) -> float:
    """Return the epsilon of so many rounds at `delta`, by the accountant of opacus.

    Neighbours are two federations of which one has zeros in place of one client's updates. Each round counts in full:
    the server knows who takes part, so drawing clients by chance gains nothing.

    Parameters
    ----------
    multiplier : float
        `AggregationReport.noise_multiplier`, the smallest of all rounds.
    rounds : int
    delta : float
        Between 0 and 1.

    Raises
    ------
    ConfigurationError
        When a number makes no sense, or opacus is missing.
    """
    check_real("multiplier", multiplier, positive=True)
    check_count("rounds", rounds)
    check_real("delta", delta, positive=True)
    if delta >= 1:
        raise ConfigurationError(f"delta is {delta!r}; it must be below 1")
    try:
        accountant = importlib.import_module("opacus.accountants.analysis.rdp")
    except ImportError:
        raise ConfigurationError("privacy_spent takes opacus: pip install opacus") from None
    # Of Gaussian noise the best order is near this one.
    best = max(1e-6, multiplier * math.sqrt(-2 * math.log(delta) / rounds))
    orders = [1 + best * 2.0 ** (step / 32) for step in range(-192, 193)]
    rdp = accountant.compute_rdp(q=1.0, noise_multiplier=multiplier, steps=rounds, orders=orders)
    epsilon, _ = accountant.get_privacy_spent(orders=orders, rdp=rdp, delta=delta)
    return max(0.0, float(epsilon))
