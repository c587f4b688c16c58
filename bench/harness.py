# SPDX-License-Identifier: Apache-2.0
"""Timing: contestants take turns, each turn long enough, and a result is checked before it counts."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Job:
    """One call that does `operations` of a routine's unit of work, and how to know that it did.

    `run` does nothing but the work: inputs are made before. `check` sees what `run` returned.
    """

    run: Callable[[], Any]
    operations: int
    check: Callable[[Any], bool]


@dataclass(frozen=True)
class Contestant:
    """A name in the table (ours, or a peer's) and its job."""

    name: str
    note: str
    job: Job


@dataclass(frozen=True)
class Figure:
    """Operations a second of one contestant: all turns, in order."""

    name: str
    note: str
    rates: tuple[float, ...]
    failure: str = ""

    @property
    def median(self) -> float:
        """Operations a second in the middle turn."""
        return statistics.median(self.rates)

    @property
    def spread(self) -> float:
        """Fastest minus slowest turn, as a share of the median."""
        return (max(self.rates) - min(self.rates)) / self.median


def compete(
    contestants: Sequence[Contestant], *, repeats: int, seconds: float, refcheck: bool
) -> list[Figure]:
    """Time all contestants in turns; a turn repeats the job until `seconds` have passed.

    Taking turns spreads a disturbance of the machine over everybody. The first, untimed call warms
    caches and tables up, and its result is the one that is checked; who fails gets no figure.
    """
    failures = {each.name: _warm_up(each.job, refcheck) for each in contestants}
    rates: dict[str, list[float]] = {each.name: [] for each in contestants}
    for _ in range(repeats):
        for each in contestants:
            if not failures[each.name]:
                rates[each.name].append(_turn(each.job, seconds))
    return [
        Figure(each.name, each.note, tuple(rates[each.name]), failures[each.name])
        for each in contestants
    ]


def ratio(ours: Figure, peer: Figure) -> float:
    """Median over the turns of ours / peer's, each turn next to its neighbour in time."""
    return statistics.median(a / b for a, b in zip(ours.rates, peer.rates, strict=True))


def _warm_up(job: Job, refcheck: bool) -> str:
    result = job.run()
    return "" if not refcheck or job.check(result) else "wrong result"


def _turn(job: Job, seconds: float) -> float:
    """Operations a second of one turn."""
    gc.collect()
    gc.disable()
    try:
        calls, start = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - start) < seconds or calls == 0:
            job.run()
            calls += 1
    finally:
        gc.enable()
    return calls * job.operations / elapsed
