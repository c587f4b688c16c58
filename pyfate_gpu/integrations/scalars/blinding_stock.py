# SPDX-License-Identifier: Apache-2.0
"""Blinding factors made by the batch and spent one by one."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

FIRST_BATCH = 4


class BlindingStock:
    """Encryptions of zero, each handed out once, so that a single encryption costs a batch's share.

    Batches double up to `largest`: who encrypts one number does not wait for hundreds. A forked
    child starts with an empty stock and a lock of its own; nothing its parent may use is left in it.

    Parameters
    ----------
    make : callable
        Fresh encryptions of zero, as many as asked for.
    largest : int
        Largest batch.
    """

    def __init__(self, make: Callable[[int], list[Any]], largest: int) -> None:
        self._make = make
        self._largest = largest
        self._stock: list[Any]
        self._batch: int
        self._lock: threading.Lock
        self._process: int
        self._empty()

    def take(self) -> Any:
        """A factor that nobody had before."""
        if self._process != os.getpid():
            self._empty()
        while True:
            with self._lock:
                if not self._stock:
                    self._stock.extend(self._make(self._batch))
                    self._batch = min(2 * self._batch, self._largest)
                # Two threads of a new child may each have emptied the stock and hold different
                # locks; pop alone hands every factor out once.
                try:
                    return self._stock.pop()
                except IndexError:
                    continue

    def _empty(self) -> None:
        self._stock = []
        self._batch = FIRST_BATCH
        self._lock = threading.Lock()
        self._process = os.getpid()
