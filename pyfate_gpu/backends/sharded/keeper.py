# SPDX-License-Identifier: Apache-2.0
"""Results that workers hold under numbers, and that are dropped when nobody refers to them."""

from __future__ import annotations

import weakref
from collections import deque
from itertools import count
from typing import Any

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
        self._garbage: deque[tuple[int, int]] = deque()

    def _new(self, worker: int, rows: int) -> Part:
        part = Part(worker, next(_numbers), rows)
        # Not at once: a part may go while a call is being made.
        weakref.finalize(part, self._garbage.append, (worker, part.number)).atexit = False
        return part

    def _tell(self, worker: int, method: str, *operands: Any) -> Any:
        while self._garbage:
            at, number = self._garbage.popleft()
            self.workers.call(at, "drop", [number])
        return self.workers.call(worker, method, *operands)
