# SPDX-License-Identifier: Apache-2.0
"""Timing the same calls of two libraries by turns in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Calls = Mapping[str, tuple[Callable[[], object], int]]
"""Name of a call, the call, elements it works on."""


def compare(ours: Calls, theirs: Calls, partner: str, rounds: int) -> None:
    """Print microseconds an element of each call and how many times faster ours is: medians of the rounds."""
    for name in ours:
        times = [(seconds(*ours[name]), seconds(*theirs[name])) for _ in range(rounds)]
        us, them = (statistics.median(side) * 1e6 for side in zip(*times, strict=True))
        ratio = statistics.median(b / a for a, b in times)
        print(
            f"{name:48} ours {us:8.1f} us  {partner} {them:9.1f} us  {ratio:6.1f} times", flush=True
        )


def seconds(call: Callable[[], object], count: int) -> float:
    """Seconds of one call, an element."""
    start = time.perf_counter()
    call()
    return (time.perf_counter() - start) / count
