# SPDX-License-Identifier: Apache-2.0
"""Noise as a parameter of models, and what all rounds of a training have told under it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.recovery import Recovery
from pyfate_gpu.homo.noise import Noise, privacy_spent
from pyfate_gpu.protocol.settings import check_real

_NAMES = tuple(Noise.__dataclass_fields__)
_LARGEST = 2.0**60
"""Of a norm, or one over it: the clip of a plan."""


def read_noise(value: Any) -> Noise | None:
    """Return the noise that a parameter asks for: a Noise, or, as files have it, a table of its numbers.

    Raises
    ------
    ConfigurationError
        When it is neither, or its numbers make no sense.
    """
    if isinstance(value, Mapping) and sorted(value) == sorted(_NAMES):
        value = Noise(**value)
    if value is None:
        return None
    if not isinstance(value, Noise):
        raise ConfigurationError(
            f"noise is {value!r}; it must be a Noise, a table of {', '.join(_NAMES)}, or None"
        )
    if not 1 / _LARGEST <= value.norm <= _LARGEST:
        raise ConfigurationError(
            f"the norm of the noise is {value.norm!r}; models take one from 2**-60 to 2**60"
        )
    return value


def check_delta(value: Any) -> None:
    """Raise ConfigurationError unless `value` is between 0 and 1."""
    check_real("delta", value, positive=True)
    if value >= 1:
        raise ConfigurationError(f"delta is {value!r}; it must be below 1")


@dataclass(frozen=True)
class PrivacySpent:
    """What the rounds of a training have told of each client: `epsilon` at `delta`, whatever its rows are.

    Neighbours are two federations of which one has zeros in place of one client's updates.

    Attributes
    ----------
    rounds : int
        Sums that others may have seen; after a resumption more than iterations.
    noise_multiplier : float
        The smallest of all these sums.
    norm, honest : float, int
        Of the noise: epsilon holds as long as so many clients add theirs and tell nobody.
    delta : float
    epsilon : float or None
        None without opacus.
    """

    rounds: int
    noise_multiplier: float
    norm: float
    honest: int
    delta: float
    epsilon: float | None

    def __str__(self) -> str:
        spent = "epsilon unknown: pip install opacus"
        if self.epsilon is not None:
            spent = f"epsilon {self.epsilon:.4g} at delta {self.delta:g}"
        return (
            f"{self.rounds} sums under noise of {self.noise_multiplier:.4g} times what a client adds, {spent}, "
            f"while {self.honest} clients keep their noise to themselves"
        )


class Spending:
    """Counts the sums of a training under noise; a client's own.

    Losses of privacy add up exactly: rounds of multipliers m tell what one round of ``sum(m**-2)**-0.5`` does.

    Parameters
    ----------
    noise : Noise
    delta : float

    Examples
    --------
    >>> from pyfate_gpu.homo import Noise
    >>> from pyfate_gpu.homo.spending import Spending
    >>> spending = Spending(Noise(multiplier=2.0, norm=1.0, honest=3), delta=1e-5)
    >>> for _ in range(4):
    ...     spending.count(2.0)
    >>> spending.together
    1.0
    """

    def __init__(self, noise: Noise, delta: float) -> None:
        self._noise, self._delta = noise, delta
        self._rounds, self._inverse, self._least = 0, 0.0, math.inf

    def count(self, multiplier: float, rounds: int = 1) -> None:
        """Take note of sums that had that much noise."""
        self._rounds += rounds
        self._inverse += rounds / multiplier**2
        self._least = min(self._least, multiplier)

    @property
    def together(self) -> float:
        """The multiplier of a single sum that tells as much."""
        return 1 / math.sqrt(self._inverse)

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {
            "noise_rounds": self._rounds, "noise_inverse": self._inverse, "noise_least": self._least,
        }  # fmt: skip

    def go_on(
        self, recovery: Recovery, kept: Mapping[str, Any], clients: int, iterations: int
    ) -> None:
        """Go on after a checkpoint, and count the sums that may have been opened since it was written.

        Parties never pass the next checkpoint before all have summed up for it, so these are the rounds up to there.
        The count is kept at once: what breaks off again counts again.
        """
        self._rounds, self._inverse = kept["noise_rounds"], kept["noise_inverse"]
        self._least = kept["noise_least"]
        begun = recovery.iteration
        upcoming = itertools.takewhile(
            lambda number: number == begun + 1 or not recovery.is_due(number - 1),
            range(begun + 1, iterations + 1),
        )
        if repeated := len(list(upcoming)):
            self.count(self._noise.reached(clients), repeated)
            recovery.save(begun, {**kept, **self.state()})

    def spent(self) -> PrivacySpent:
        """Return what it comes to."""
        epsilon = None
        with suppress(
            ConfigurationError
        ):  # a missing opacus is no reason to lose a finished training
            epsilon = privacy_spent(self.together, 1, self._delta)
        noise = self._noise
        return PrivacySpent(
            self._rounds, self._least, noise.norm, noise.honest, self._delta, epsilon
        )
