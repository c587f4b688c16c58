# SPDX-License-Identifier: Apache-2.0
"""From the summed vector to means and what came of the round."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import BoundError, EncodingError, ProtocolError
from pyfate_gpu.homo.frames import Message
from pyfate_gpu.homo.noise import Noise
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout, check_sum, join
from pyfate_gpu.homo.streams import CHUNK
from pyfate_gpu.homo.updates import put_together

MOST_CLIPPED = 1e-3
"""Beyond this share an adaptive clip doubles."""
LITTLE_NOISE = "noise: fewer clients than noise.honest are in the sum, so it has less noise"
FEW_LARGE = 1e-4
"""Below this share above a quarter of it, an adaptive clip halves."""


@dataclass(frozen=True)
class AggregationReport:
    """What a round says beside the mean; all of it is public among those who see the mean.

    Attributes
    ----------
    round : int
    clients : tuple of int
        Whose updates are in the sum.
    total_weight : int
        The sum of their weights.
    clipped : mapping of str to float
        Share of values that were clipped, by name of the array; empty under noise, where nobody is told.
    rounding_error : mapping of str to float
        No value of the mean is farther from the mean of the clipped values than this.
    standard_error : mapping of str to float
        Root mean square of that error, at most.
    next_plan : AggregationPlan
        The same plan, or with other clips if they are adaptive.
    warnings : tuple of str
        What weakens this round.
    noise_multiplier : float
        Of the noise in this sum if all its clients are honest, for `privacy_spent`; 0 without noise.
    """

    round: int
    clients: tuple[int, ...]
    total_weight: int
    clipped: Mapping[str, float]
    rounding_error: Mapping[str, float]
    standard_error: Mapping[str, float]
    next_plan: AggregationPlan
    warnings: tuple[str, ...] = ()
    noise_multiplier: float = 0.0

    def told(self) -> dict[str, Any]:
        """Return what results of a job tell of it, as JSON takes it."""
        return {"clipped": dict(self.clipped), "warnings": list(self.warnings)}


@dataclass(frozen=True)
class Sums:
    """The integers that the sum over all clients tells: exact.

    Attributes
    ----------
    values : int64
        Summed weighted levels of all float arrays, one array after the other.
    whole : list of int
        Summed integers of all integer arrays.
    clients, weight : int
    clipped, large : tuple of int
        Clipped values of each float array, and values above a quarter of the clip where that is counted.
    """

    values: npt.NDArray[np.int64]
    whole: list[int]
    clients: int
    weight: int
    clipped: tuple[int, ...]
    large: tuple[int, ...]


def checked_clients(read: Message, plan: AggregationPlan) -> tuple[int, ...]:
    """Whose updates are in a sum, as the server says.

    Raises
    ------
    ProtocolError
        When they are none of the plan's.
    """
    clients = read.numbers("clients")
    if not clients or clients[-1] >= plan.clients:
        raise ProtocolError("the sum names other clients than the plan has")
    return clients


def read_sums(totals: npt.NDArray[np.int64], layout: Layout) -> Sums:
    """Take the summed vector apart.

    Raises
    ------
    BoundError
        When it is beyond what clients that keep to the plan reach.
    """
    plan = layout.plan
    check_sum(totals, plan)
    digits = layout.digits(plan.integer_bits)
    place = layout.values + layout.whole_numbers * digits
    whole = totals[layout.values : place].reshape(-1, digits)
    counts = []
    for bits in layout.counts:
        count = layout.digits(bits)
        counts += join(totals[None, place : place + count], plan.digit_bits)
        place += count
    clients, weight, *shares = counts
    arrays = len(layout.structure.floats)
    if not (1 <= clients <= plan.clients and clients <= weight <= plan.max_weight * clients):
        raise BoundError(
            f"the sum says {clients} clients of weight {weight} in all, which the plan does not allow: a client "
            "or the server did not keep to it, or the masks do not cancel"
        )
    return Sums(
        totals[: layout.values], join(whole, plan.digit_bits), clients, weight,
        tuple(shares[:arrays]), tuple(shares[arrays:]),
    )  # fmt: skip


def mean_of(sums: Sums, layout: Layout) -> Any:
    """The weighted mean in the structure and dtypes of the updates; integer arrays are summed.

    Raises
    ------
    EncodingError
        When a sum of integers does not fit its dtype.
    """
    floats, whole = iter(_float_means(sums, layout)), 0
    arrays: list[npt.NDArray[Any]] = []
    for member in layout.structure.members:
        if member.is_float:
            arrays.append(next(floats))
            continue
        numbers = sums.whole[whole : whole + member.size]
        whole += member.size
        limits = np.iinfo(member.dtype)
        if numbers and not limits.min <= min(numbers) <= max(numbers) <= limits.max:
            raise EncodingError(
                f"the sum of array {member.name!r} over the clients does not fit {member.dtype}: "
                "send it in a wider dtype"
            )
        arrays.append(np.array(numbers, dtype=member.dtype).reshape(member.shape))
    return put_together(layout.structure, arrays)


def _float_means(sums: Sums, layout: Layout) -> list[npt.NDArray[Any]]:
    start, means = 0, []
    clips = layout.plan.clips(len(layout.structure.floats))
    for member, clip in zip(layout.structure.floats, clips, strict=True):
        dtype = np.dtype("float32" if member.dtype == "bfloat16" else member.dtype)
        mean = np.empty(member.size, dtype)
        for offset in range(0, member.size, CHUNK):
            stop = min(offset + CHUNK, member.size)
            scaled = sums.values[start + offset : start + stop] / sums.weight
            mean[offset:stop] = scaled / layout.plan.levels * clip
        start += member.size
        means.append(mean.reshape(member.shape))
    return means


def report_of(
    sums: Sums, layout: Layout, round_id: int, clients: tuple[int, ...], warnings: tuple[str, ...]
) -> AggregationReport:
    """What came of the round.

    Raises
    ------
    ProtocolError
        When the sum has another number of clients than the server says.
    """
    if sums.clients != len(clients):
        raise ProtocolError(
            f"the sum has the updates of {sums.clients} clients, the server says {len(clients)}"
        )
    plan, floats = layout.plan, layout.structure.floats
    clips = plan.clips(len(floats))
    names = [member.name for member in floats]
    sizes = [max(1, member.size * sums.clients) for member in floats]
    clipped = {
        name: count / size
        for name, count, size in zip(names, sums.clipped, sizes, strict=plan.noise is None)
    }
    steps = [clip / plan.levels for clip in clips]
    furthest = 0.5 if plan.rounding == "nearest" else 1.0
    spread = 0.5 * min(1.0, (plan.max_weight / sums.weight) ** 0.5)
    typical = 0.5 if plan.rounding == "nearest" else spread
    if plan.noise is not None:  # of the mean, in steps
        furthest += Noise.bound(plan.noise_variance) * sums.clients / sums.weight
        typical = math.hypot(typical, math.sqrt(plan.noise_variance * sums.clients) / sums.weight)
        if sums.clients < plan.noise.honest:
            warnings += (LITTLE_NOISE,)
    following = plan
    if plan.adaptive:
        large = [count / size for count, size in zip(sums.large, sizes, strict=True)]
        following = plan.with_clips(
            [
                _moved(clip, *shares)
                for clip, *shares in zip(clips, clipped.values(), large, strict=True)
            ]
        )
    return AggregationReport(
        round_id, clients, sums.weight,
        clipped=clipped,
        rounding_error={name: furthest * step for name, step in zip(names, steps, strict=True)},
        standard_error={name: typical * step for name, step in zip(names, steps, strict=True)},
        next_plan=following, warnings=warnings,
        noise_multiplier=0.0 if plan.noise is None else plan.noise.reached(sums.clients),
    )  # fmt: skip


def _moved(clip: float, clipped: float, large: float) -> float:
    """The next clip: it stays while few values are beyond it, and some within a quarter of it."""
    if clipped > MOST_CLIPPED:
        return min(clip * 2, 2.0**60)
    return max(clip / 2, 2.0**-60) if large < FEW_LARGE else clip
