# SPDX-License-Identifier: Apache-2.0
"""Results that workers hold under numbers, and that are dropped when nobody refers to them."""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Any

from pyfate_gpu.backends.sharded.holder import TAKE_RESULTS
from pyfate_gpu.backends.sharded.shards import Part
from pyfate_gpu.backends.sharded.workers import Workers

_numbers = count()


class Keeper:
    """Tells workers what to hold, and what no longer.

    Parameters
    ----------
    workers : Workers
    """

    def __init__(self, workers: Workers) -> None:
        self.workers = workers
        self._told: set[int] = set()

    def _new(self, worker: int, rows: int) -> Part:
        part = Part(worker, next(_numbers), rows)
        # Not at once: a part may go while a call is being made.
        weakref.finalize(part, self.workers.garbage[worker].append, part.number).atexit = False
        return part

    def _tell(self, worker: int, method: str, *operands: Any) -> Any:
        """Enqueue a call, and with it what the worker may drop: telling it so costs as much as a call."""
        self._told.add(worker)
        if method in TAKE_RESULTS or not (numbers := _emptied(self.workers.garbage[worker])):
            return self.workers.call(worker, method, *operands)
        return self.workers.call(worker, "after_drop", numbers, method, *operands)

    def _wait(self, results: Sequence[Any]) -> list[Any]:
        """The results. Workers that were told nothing drop meanwhile what nobody refers to."""
        if not results:
            return []
        told, self._told = self._told, set()
        for worker, garbage in enumerate(self.workers.garbage):
            if worker not in told and (numbers := _emptied(garbage)):
                self.workers.call(worker, "drop", numbers)
        return self.workers.wait(results)


def _emptied(garbage: deque[int]) -> list[int]:
    """Everything in it, which nobody else gets: threads may tell the same workers."""
    found = []
    with suppress(IndexError):
        while True:
            found.append(garbage.popleft())
    return found
