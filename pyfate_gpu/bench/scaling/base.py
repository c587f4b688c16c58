# SPDX-License-Identifier: Apache-2.0
"""A curve: a cost or a rate over a size, and how fast it grows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Point = tuple[float, float]

FITTED_POINTS = 3
"""Fewer say nothing about a power."""


@dataclass(frozen=True)
class Curve:
    """Points (x, y), the power of x that y grows like, and what to know about them."""

    title: str
    x: str
    y: str
    points: list[Point]
    exponent: float | None = None
    note: str = ""
    failure: str = ""
    series: str = field(default="", kw_only=True)
    """Curves of one series share a plot."""

    def as_json(self) -> dict[str, Any]:
        return vars(self) | {"points": [list(point) for point in self.points]}


def fit_exponent(points: Iterable[Point]) -> float | None:
    """The slope of the least-squares line through the points in logarithms; None for too few.

    Examples
    --------
    >>> round(fit_exponent([(1, 3), (10, 300), (100, 30000)]), 6)
    2.0
    """
    chosen = [(x, y) for x, y in points if x > 0 and y > 0]
    if len(chosen) < FITTED_POINTS:
        return None
    x, y = np.log(np.array(chosen)).T
    return float(np.polyfit(x, y, 1)[0])


def seconds_of(
    run: Callable[[], Any],
    *,
    least: float = 0.2,
    repeats: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """The shortest of a few turns: a busy machine only ever adds time.

    `clock` may be `time.process_time`, for a cost that other processes hardly disturb.
    """
    return min(_turn(run, least, clock) for _ in range(repeats))


def within(budget: float, sizes: Iterable[int]) -> Iterator[int]:
    """The sizes as long as the next one, ten times as costly as the last, would end in time."""
    start = last = time.perf_counter()
    previous = 0
    for size in sizes:
        now = time.perf_counter()
        if previous and now + (now - last) * size / previous > start + budget:
            return
        yield size
        last, previous = now, size


def _turn(run: Callable[[], Any], least: float, clock: Callable[[], float]) -> float:
    calls, start = 0, clock()
    while (elapsed := clock() - start) < least or calls == 0:
        run()
        calls += 1
    return elapsed / calls
