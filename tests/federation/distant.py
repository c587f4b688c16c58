# SPDX-License-Identifier: Apache-2.0
"""Parties of one process as far from each other as you like: what one sends, the other has half a round trip later."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from contextlib import contextmanager
from unittest import mock

from pyfate_gpu.federation.transports.memory import MemoryChannel


class Post:
    """Delivers each frame after a delay, of which nobody waits for another's."""

    def __init__(self, seconds):
        self.seconds = seconds
        self._heap, self._count = [], itertools.count()
        self._changed, self._ended = threading.Condition(), False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def put(self, deliver):
        with self._changed:
            due = time.monotonic() + self.seconds
            heapq.heappush(self._heap, (due, next(self._count), deliver))
            self._changed.notify()

    def end(self):
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join()

    def _run(self):
        while True:
            with self._changed:
                while not self._ended and (not self._heap or self._heap[0][0] > time.monotonic()):
                    left = self._heap[0][0] - time.monotonic() if self._heap else None
                    self._changed.wait(left)
                if self._ended:
                    return
                _, _, deliver = heapq.heappop(self._heap)
            deliver()


@contextmanager
def apart(round_trip):
    """Within the block parties of `simulate` are so many seconds from each other, there and back."""
    original, post = MemoryChannel._deliver, Post(round_trip / 2)

    def deliver(self, to, address, data):
        post.put(lambda: original(self, to, address, data))

    with mock.patch.object(MemoryChannel, "_deliver", deliver):
        try:
            yield
        finally:
            post.end()
