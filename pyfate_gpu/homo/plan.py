# SPDX-License-Identifier: Apache-2.0
"""What all parties of an aggregation agree on, and the widths that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.homo.noise import Noise
from pyfate_gpu.protocol.settings import check_choice, plain

if TYPE_CHECKING:
    from pyfate_gpu.homo.estimate import Estimate

ADAPTIVE = "adaptive"
ROUNDINGS = ("stochastic", "nearest")
INTEGERS = ("refuse", "sum")
MAX_WIDTH = 62
"""Bits of an element: sums of all clients fit an int64."""
MAX_CLIENTS = 10_000
MAX_NOISE_BITS = 100
"""Of the variance of noise."""


@dataclass(frozen=True)
class AggregationPlan:
    """The numbers that decide how updates become integers; public, and the same at every party.

    A value x of a float array becomes ``q = round(x * Q / clip)``, an integer of at most
    ``Q = 2**(value_bits - 1) - 1`` in size, and is added up ``weight`` times. The width of an
    element, `width`, follows: no sum of all clients passes it (docs/homo.md).

    Parameters
    ----------
    clients : int
        How many there are at most, numbered from 0; 2 to 10,000.
    value_bits : int
        Bits of a value with its sign, 2 to 32.
    clip : float, sequence of float, or "adaptive"
        Largest size of a value; larger ones are clipped, and the report of the round says how many
        were. One number for all, or one for each float array in its order. "adaptive" starts at 1
        for each array and doubles or halves with the shares that rounds report: the next plan is
        ``report.next_plan``.
    max_total_weight : int, optional
        Largest sum of the weights of all clients; one client may have ``max_total_weight // clients``.
        By default `clients`, so that all weights are 1.
    rounding : "stochastic" or "nearest"
        Stochastic rounding is right on average: sums of many clients do not drift.
    integers : "refuse" or "sum"
        Integer arrays, such as counters of batch normalisation, have no weighted mean: they are
        refused, or come back as the exact sum over the clients, without weights.
    integer_bits : int
        Bits of an integer without its sign, for "sum"; larger ones are refused. 1 to 63.
    noise : Noise, optional
        Noise for differential privacy, of which each client adds its share. Takes one clip for all arrays, and nothing
        that a sum would tell beside it: no integer arrays, no counts of what was clipped.
    neighbours : int, optional
        How many others each client shares pads with, for ``method="masks"``. By default all of them
        up to 50 clients, and beyond as many as docs/homo.md derives.

    Raises
    ------
    ConfigurationError
        When a number makes no sense, or an element would take more than 62 bits.

    Examples
    --------
    >>> from pyfate_gpu.homo import AggregationPlan
    >>> plan = AggregationPlan(clients=10, value_bits=16)
    >>> plan.width, plan.max_weight
    (20, 1)
    """

    clients: int
    value_bits: int = 16
    clip: float | Sequence[float] | str = 1.0
    max_total_weight: int | None = None
    rounding: str = "stochastic"
    integers: str = "refuse"
    integer_bits: int = 32
    neighbours: int | None = None
    adaptive: bool = False
    noise: Noise | None = None

    def __post_init__(self) -> None:
        self._whole("clients", 2, MAX_CLIENTS)
        self._whole("value_bits", 2, 32)
        self._whole("integer_bits", 1, 63)
        check_choice("rounding", self.rounding, ROUNDINGS)
        check_choice("integers", self.integers, INTEGERS)
        if self.max_total_weight is None:
            self._set("max_total_weight", self.clients)
        self._whole("max_total_weight", self.clients, 1 << 40)
        if self.neighbours is not None:
            self._whole("neighbours", 1, self.clients - 1)
        if self.clip == ADAPTIVE:
            self._set("clip", 1.0)
            self._set("adaptive", True)
        self._check_clip()
        self._check_noise()
        if self.width > MAX_WIDTH:
            raise ConfigurationError(
                f"{self.value_bits} bits a value and weights up to {self.max_total_weight} in all take elements "
                f"of {self.width} bits, the limit is {MAX_WIDTH}: take fewer value_bits or smaller weights"
            )

    def _whole(self, name: str, least: int, most: int) -> None:
        value = plain(getattr(self, name))
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ConfigurationError(
                f"{name} is {value!r}; it must be a whole number from {least} to {most}"
            )
        self._set(name, value)

    def _check_clip(self) -> None:
        clip = self.clip
        many = isinstance(clip, Sequence) and not isinstance(clip, str)
        values = [plain(value) for value in (clip if many else [clip])]  # type: ignore[union-attr]
        for value in values:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not 2.0**-60 <= value <= 2.0**60:
                raise ConfigurationError(
                    f"clip is {clip!r}; it must be numbers from 2**-60 to 2**60, or {ADAPTIVE!r}"
                )
        floats = tuple(float(value) for value in values)
        self._set("clip", floats if many else floats[0])

    def _check_noise(self) -> None:
        if self.noise is None:
            return
        if not isinstance(self.noise, Noise):
            raise ConfigurationError(f"noise is {self.noise!r}; it must be a Noise or None")
        if self.adaptive or isinstance(self.clip, tuple) or self.integers != "refuse":
            raise ConfigurationError(
                "noise takes one clip for all arrays that does not adapt, and no integer arrays: these would tell of "
                "single clients what the noise hides"
            )
        if self.noise.honest > self.clients:
            raise ConfigurationError(
                f"noise.honest is {self.noise.honest}, there are {self.clients} clients"
            )
        if self.noise_variance > 1 << MAX_NOISE_BITS:
            raise ConfigurationError(
                f"noise of {self.noise.multiplier:g} times a norm of {self.noise.norm:g} has a variance of more than "
                f"{MAX_NOISE_BITS} bits: take fewer value_bits or a larger clip"
            )

    @property
    def noise_variance(self) -> int:
        """Variance of the noise that a client adds to each element; 0 without noise."""
        if self.noise is None:
            return 0
        assert isinstance(self.clip, float)
        return self.noise.variance(self.max_weight * self.noise.norm / self.clip * self.levels)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def levels(self) -> int:
        """Q, the largest size of a rounded value."""
        return (1 << (self.value_bits - 1)) - 1

    @property
    def max_weight(self) -> int:
        """Largest weight of one client."""
        assert self.max_total_weight is not None
        return self.max_total_weight // self.clients

    @property
    def width(self) -> int:
        """Bits of an element, sign included: ``value_bits + ceil(log2(max_total_weight))``, and room for noise.

        All clients together reach ``max_total_weight * Q``, which is below ``2**(width - 1)``.
        """
        assert self.max_total_weight is not None
        if self.noise is not None:
            each = self.max_weight * self.levels + Noise.bound(self.noise_variance)
            return (each * self.clients).bit_length() + 1
        return self.value_bits + (self.max_total_weight - 1).bit_length()

    @property
    def digit_bits(self) -> int:
        """Bits of a digit of a count, so that a digit of all clients stays below ``2**(width - 1)``."""
        return self.width - 1 - (self.clients - 1).bit_length()

    @property
    def client_bound(self) -> int:
        """Largest size of an element of one client."""
        largest = self.max_weight * self.levels
        if self.noise is not None:
            largest += Noise.bound(self.noise_variance)
        return max(largest, (1 << self.digit_bits) - 1)

    def clips(self, arrays: int) -> tuple[float, ...]:
        """The clip of each of so many float arrays.

        Raises
        ------
        ConfigurationError
            When the plan lists more or fewer.
        """
        if not isinstance(self.clip, tuple):
            assert isinstance(self.clip, float)
            return (self.clip,) * arrays
        if len(self.clip) != arrays:
            raise ConfigurationError(
                f"the plan lists {len(self.clip)} clips, the update has {arrays} float arrays: "
                "list one for each, or one number for all"
            )
        return self.clip

    def with_clips(self, clips: Sequence[float]) -> AggregationPlan:
        """The same plan with other clips."""
        return replace(self, clip=tuple(clips))

    def describe(self) -> dict[str, Any]:
        """What all parties have to agree on, as JSON takes it; clips are the clients' affair."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "clip"}
        if self.noise is None:
            return found
        # What widths follow from.
        return found | {"noise": asdict(self.noise), "clip": self.clip}

    def estimate(
        self,
        parameters: int,
        method: str = "masks",
        *,
        key_bits: int = 2048,
        scheme: str = "paillier",
    ) -> Estimate:
        """What a round of so many float parameters takes: bytes, seconds on this machine, memory.

        Parameters
        ----------
        parameters : int
            Values of an update.
        method : "masks" or "paillier"
        key_bits, scheme : as of `generate_keypair`
            For ``method="paillier"``.

        Examples
        --------
        >>> from pyfate_gpu.homo import AggregationPlan
        >>> plan = AggregationPlan(clients=10, value_bits=16)
        >>> plan.estimate(1_000_000).client_bytes // 10**6
        3
        """
        from pyfate_gpu.homo.estimate import estimate

        return estimate(self, parameters, method, key_bits, scheme)
