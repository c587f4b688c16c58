# SPDX-License-Identifier: Apache-2.0
"""The most memory that a piece of work takes."""

from __future__ import annotations

import threading

from pyfate_gpu.bench.machine import resident, trim

WATCH_SECONDS = 0.01


class Peak:
    """The most memory that the process took beyond what it had, looked at from a thread."""

    def __enter__(self) -> Peak:
        trim()
        self.bytes, self._before = 0, resident()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._end.set()
        self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._end.wait(WATCH_SECONDS):
            self._look()

    def _look(self) -> None:
        self.bytes = max(self.bytes, resident() - self._before)
