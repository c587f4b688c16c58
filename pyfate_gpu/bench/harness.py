# SPDX-License-Identifier: Apache-2.0
"""Timing: contestants take turns, each turn long enough, and a result is checked before it counts."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

TICK = 1e-6  # the finest that a processor's time is told in


@dataclass(frozen=True)
class Job:
    """One call that does `operations` of a routine's unit of work, and how to know that it did.

    `run` does nothing but the work, and has done it when it returns, on a device too: inputs are made
    before. `check` sees what `run` returned; so does `seconds`, of work that other processes do and time themselves,
    which must start first.
    """

    run: Callable[[], Any]
    operations: float
    check: Callable[[Any], bool]
    seconds: Callable[[Any], float] | None = None


@dataclass(frozen=True)
class Contestant:
    """A name in the table (ours, or a peer's) and how to make its job.

    `foreign` code may fail in any way: that costs it the figure and stops nobody else.
    """

    name: str
    note: str
    prepare: Callable[[], Job]
    foreign: bool = False


@dataclass(frozen=True)
class Figure:
    """Operations a second of one contestant: all turns, in order."""

    name: str
    note: str
    rates: tuple[float, ...]
    failure: str = ""
    processor_rates: tuple[float, ...] = ()
    """The same by the processor's time of this process, which other processes hardly disturb."""

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
    caches and tables up, and its result is the one that is checked; who fails gets no figure. Our own tables grow
    with use, so that a whole turn of ours goes untimed.
    """
    jobs, failures = {}, {}
    for each in contestants:
        jobs[each.name], failures[each.name] = _warm_up(each, refcheck)
        if (job := jobs[each.name]) and not each.foreign:
            turn(job, seconds)
    turns: dict[str, list[tuple[float, float]]] = {each.name: [] for each in contestants}
    for _ in range(repeats):
        for each in contestants:
            if job := jobs[each.name]:
                turns[each.name].append(turn(job, seconds))
    return [
        Figure(
            each.name,
            each.note,
            tuple(rate for rate, _ in turns[each.name]),
            failures[each.name],
            tuple(rate for _, rate in turns[each.name]),
        )
        for each in contestants
    ]


def ratio(ours: Figure, peer: Figure) -> float:
    """Median over the turns of ours / peer's, each turn next to its neighbour in time."""
    return statistics.median(a / b for a, b in zip(ours.rates, peer.rates, strict=True))


def processor_ratio(ours: Figure, other: Figure) -> float:
    """The same by the processor's time."""
    pairs = zip(ours.processor_rates, other.processor_rates, strict=True)
    return statistics.median(a / b for a, b in pairs)


def turn(job: Job, seconds: float) -> tuple[float, float]:
    """Operations a second of one turn of at least one call: by the clock, by the processor's time."""
    gc.collect()
    gc.disable()
    try:
        calls, told, start, spent = 0, 0.0, time.perf_counter(), time.process_time()
        while (elapsed := time.perf_counter() - start) < seconds or calls == 0:
            found = job.run()
            told += job.seconds(found) if job.seconds else 0.0
            calls += 1
        spent = time.process_time() - spent
    finally:
        gc.enable()
    done = calls * job.operations
    elapsed = told if job.seconds else elapsed
    return done / elapsed, done / max(spent, TICK)


def _warm_up(contestant: Contestant, refcheck: bool) -> tuple[Job | None, str]:
    """The job, or None and why there is none to time."""
    try:
        job = contestant.prepare()
        result = job.run()
        right = not refcheck or job.check(result)
    except Exception as error:
        if not contestant.foreign:
            raise
        return None, f"{type(error).__name__}: {error}"[:200]
    return (job, "") if right else (None, "wrong result")
