# SPDX-License-Identifier: Apache-2.0
"""Floats to integers on a symmetric grid around an exact zero, and the vector of integers of an update.

The vector of a client has its values times its weight, then the digits of its integer arrays, then counts:
one for the client, its weight, how many values of each array were clipped. All parties know where each
element is, and the sum over clients tells means, exact integers and shares (docs/homo.md).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import BoundError, ConfigurationError, DataError, ProtocolError
from pyfate_gpu.homo.frames import Message
from pyfate_gpu.homo.gaussian import DiscreteGaussian
from pyfate_gpu.homo.plan import MAX_CLIENTS, AggregationPlan
from pyfate_gpu.homo.streams import CHUNK, Stream, fresh_stream
from pyfate_gpu.homo.updates import Structure
from pyfate_gpu.protocol.settings import plain

Integers = npt.NDArray[np.int64]

_QUARTER = 4
"""Adaptive clips count the values above a quarter of the clip."""


@dataclass(frozen=True)
class Layout:
    """Where the elements of a vector are; public."""

    plan: AggregationPlan
    structure: Structure

    def __post_init__(self) -> None:
        whole = [each.name for each in self.structure.members if not each.is_float]
        if whole and self.plan.integers == "refuse":
            raise ConfigurationError(
                f"array {whole[0]!r} has integers, which have no weighted mean: leave it out, or plan "
                'with integers="sum" for the exact sum over the clients'
            )
        self.plan.clips(len(self.structure.floats))

    @property
    def clips(self) -> str:
        """32 hexadecimal digits that tell clips apart: clients that sum up have the same."""
        clips = self.plan.clips(len(self.structure.floats))
        return hashlib.sha256(" ".join(clip.hex() for clip in clips).encode("ascii")).hexdigest()[
            :32
        ]

    def describe(self) -> dict[str, Any]:
        """What a message says of its vector."""
        return {"structure": self.structure.describe(), "clips": self.clips}

    @classmethod
    def read(cls, plan: AggregationPlan, message: Message, *, knows_clips: bool = True) -> Layout:
        """That of a message; whoever knows the clips compares them.

        Raises
        ------
        ProtocolError
            When the message says none, or its clips are others than the plan's.
        """
        found = cls(plan, Structure.read(message.members.get("structure")))
        if message.text("clips") != found.clips and knows_clips:
            raise ProtocolError(
                "the sum is of other clips than this plan has: go on by next_plan at every party, or at none"
            )
        return found

    @property
    def values(self) -> int:
        """Elements of all float arrays."""
        return sum(member.size for member in self.structure.floats)

    @property
    def whole_numbers(self) -> int:
        """How many integers there are."""
        return sum(member.size for member in self.structure.members if not member.is_float)

    @property
    def counts(self) -> tuple[int, ...]:
        """Bits of each count of one client: itself, its weight, and without noise what was clipped of each array."""
        if self.plan.noise is not None:
            return (1, self.plan.max_weight.bit_length())
        sizes = [member.size.bit_length() for member in self.structure.floats]
        return (1, self.plan.max_weight.bit_length(), *sizes * (2 if self.plan.adaptive else 1))

    def digits(self, bits: int) -> int:
        """Elements of a number of so many bits."""
        return max(1, -(-bits // self.plan.digit_bits))

    @property
    def length(self) -> int:
        """Elements of a vector."""
        of_counts = sum(self.digits(bits) for bits in self.counts)
        return self.values + self.whole_numbers * self.digits(self.plan.integer_bits) + of_counts


def check_weight(weight: Any, plan: AggregationPlan) -> int:
    """Return the weight of a client.

    Raises
    ------
    DataError
        Unless it is a whole number from 1 to `max_weight`.
    """
    value = plain(weight)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= plan.max_weight:
        raise DataError(
            f"the weight is {weight!r}; the plan takes whole numbers from 1 to {plan.max_weight} "
            f"(max_total_weight // clients)"
        )
    return value


def vector(layout: Layout, arrays: Sequence[npt.NDArray[Any]], weight: int) -> Iterator[Integers]:
    """The elements of a client's vector, piece by piece, at most `CHUNK` at a time.

    Raises
    ------
    DataError
        When a value is not finite, or an integer is beyond the plan's bits.
    """
    plan = layout.plan
    paired = zip(layout.structure.members, arrays, strict=True)
    floats = [(member.name, array) for member, array in paired if member.is_float]
    clipped: list[int] = []
    large: list[int] = []
    dither = fresh_stream(np.uint32) if plan.rounding == "stochastic" else None
    clips = plan.clips(len(floats))
    noise = None if plan.noise is None else DiscreteGaussian(plan.noise_variance)
    factor = _norm_factor([array for _, array in floats], plan)
    for (name, array), clip in zip(floats, clips, strict=True):
        flat = np.ravel(array)
        counted = np.zeros(2, dtype=np.int64)
        for start in range(0, flat.size, CHUNK):
            some = flat[start : start + CHUNK]
            if factor != 1.0:
                some = some.astype(np.float64) * factor
            piece = _quantise(some, clip, plan, dither, counted, name)
            if weight != 1:
                piece *= weight
            if noise is not None:
                piece += noise.take(len(piece))
            yield piece
        clipped.append(int(counted[0]))
        large.append(int(counted[1]))
    yield from tail(layout, arrays, weight, clipped, large)


def tail(
    layout: Layout,
    arrays: Sequence[npt.NDArray[Any]],
    weight: int,
    clipped: Sequence[int],
    large: Sequence[int],
) -> Iterator[Integers]:
    """What follows the values: digits of integers, and of counts.

    Raises
    ------
    DataError
        When an integer is beyond the plan's bits.
    """
    plan = layout.plan
    for member, array in zip(layout.structure.members, arrays, strict=True):
        if not member.is_float:
            yield from _integer_digits(layout, member.name, np.ravel(array))
    counts: tuple[int, ...] = (1, weight)
    if plan.noise is None:
        counts += (*clipped, *(large if plan.adaptive else ()))
    for count, bits in zip(counts, layout.counts, strict=True):
        yield split(np.array([count]), layout.digits(bits), plan.digit_bits).ravel()


def _norm_factor(arrays: Sequence[npt.NDArray[Any]], plan: AggregationPlan) -> float:
    """What an update is multiplied by so that, once rounded, its norm is within that of the noise; at most 1.

    Rounding moves no value by more than a step, so the norm grows by the step times the root of how many there are.

    Raises
    ------
    ConfigurationError
        When rounding alone would pass the norm.
    """
    if plan.noise is None:
        return 1.0
    assert isinstance(plan.clip, float)
    count = sum(array.size for array in arrays)
    step = plan.clip / plan.levels * (0.5 if plan.rounding == "nearest" else 1.0)
    room = (plan.noise.norm - step * math.sqrt(count)) * (1 - 2.0**-40)  # more than float64 rounds
    if room <= 0:
        raise ConfigurationError(
            f"rounding {count} values to steps of {step:.3g} can pass the norm {plan.noise.norm:g} of the noise: take "
            "more value_bits or a larger norm"
        )
    largest = max((float(np.abs(array).max(initial=0)) for array in arrays), default=0.0)
    if not np.isfinite(largest) or largest == 0.0:
        return 1.0  # what is not finite is refused where it has a name
    norm = largest * math.sqrt(
        sum(float(((array.astype(np.float64) / largest) ** 2).sum()) for array in arrays)
    )
    return min(1.0, room / norm)


def _quantise(
    values: npt.NDArray[Any],
    clip: float,
    plan: AggregationPlan,
    dither: Stream | None,
    counted: Integers,
    name: str,
) -> Integers:
    """Rounded values; adds to `counted` how many were clipped, and how many are above a quarter."""
    levels = plan.levels
    scaled = values.astype(np.float64)
    with np.errstate(over="ignore"):
        scaled /= clip  # by two steps, so that the clip itself is exactly the last level
        scaled *= levels
    largest = max(scaled.max(initial=0.0), -scaled.min(initial=0.0))
    if not np.isfinite(largest):
        raise bad_values(values, name)
    if largest > levels:
        counted[0] += np.count_nonzero(np.abs(scaled) > levels)
        np.clip(scaled, -levels, levels, out=scaled)
    if plan.adaptive and largest * _QUARTER > levels:
        counted[1] += np.count_nonzero(np.abs(scaled) * _QUARTER > levels)
    if dither is None:
        np.rint(scaled, out=scaled)
    else:
        bits = rounding_bits(plan)
        words = dither.take(values.size)
        words >>= np.uint32(32 - bits)
        scaled += np.multiply(words, 2.0**-bits, dtype=np.float64)
        np.floor(scaled, out=scaled)
    return scaled.astype(np.int64)


def rounding_bits(plan: AggregationPlan) -> int:
    """Bits of what is added before rounding down, so many that its sum with a level is exact: levels stay."""
    return min(32, 52 - plan.value_bits)


def bad_values(values: npt.NDArray[Any], name: str) -> DataError:
    """The error for values that are not finite once scaled."""
    what = "beyond all limits" if np.isfinite(values).all() else "NaN or infinite"
    return DataError(f"array {name!r} has values that are {what}: the update was not sealed")


def _integer_digits(layout: Layout, name: str, flat: npt.NDArray[Any]) -> Iterator[Integers]:
    limit = 1 << layout.plan.integer_bits
    if flat.size and not (int(flat.max()) < limit and int(flat.min()) > -limit):
        raise DataError(
            f"array {name!r} has integers of more than {layout.plan.integer_bits} bits: "
            "plan with more integer_bits"
        )
    digits = layout.digits(layout.plan.integer_bits)
    step = max(1, CHUNK // digits)
    for start in range(0, flat.size, step):
        piece = flat[start : start + step].astype(np.int64)
        yield split(piece, digits, layout.plan.digit_bits).ravel()


def split(numbers: Integers, digits: int, bits: int) -> Integers:
    """Signed digits ``[numbers, digits]``, the lowest first, each below ``2**bits`` in size."""
    sizes = np.abs(numbers)
    shifts = np.minimum(np.arange(digits) * bits, 63)  # a shift by all bits is not defined
    parts = (sizes[:, None] >> shifts) & ((1 << bits) - 1)
    signed: Integers = np.sign(numbers)[:, None] * parts
    return signed


def join(digits: npt.NDArray[Any], bits: int) -> list[int]:
    """The numbers of summed digits ``[numbers, digits]``, exactly."""
    places = np.arange(digits.shape[1]) * bits
    if bits * digits.shape[1] + MAX_CLIENTS.bit_length() < 63:  # int64 holds sums of all clients
        numbers: list[int] = (digits << places).sum(axis=1).tolist()
        return numbers
    return [sum(int(digit) << (place * bits) for place, digit in enumerate(row)) for row in digits]


def check_sum(totals: npt.NDArray[Any], plan: AggregationPlan) -> None:
    """Raise BoundError when an element is beyond what honest clients reach."""
    bound = plan.client_bound * plan.clients
    if totals.size and max(int(totals.max()), -int(totals.min())) > bound:
        raise BoundError(
            "the sum is beyond what the plan allows: a client or the server did not keep to it, or the "
            "masks do not cancel"
        )
