# SPDX-License-Identifier: Apache-2.0
"""Frames on their way to one peer: several at a time, so that none waits for the acknowledgement of another."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from pyfate_gpu.federation.transports.grpc.calls import WINDOW, Opening

#: Of small frames under way together.
IN_FLIGHT_BYTES = 64 << 20
#: What may wait here before whoever sends has to.
WAITING_BYTES = 256 << 20
_WORKERS = 4
_POLL_SECONDS = 0.25


class Outbox:
    """Brings frames to a peer, in threads of its own, none before `WINDOW` others have arrived.

    Parameters
    ----------
    name : str
        Of the threads.
    deliver : callable
        Brings one frame; returns when the peer has it.
    failed : callable
        Called with the error of a frame that cannot be brought; no more are then.
    in_flight_bytes : int
        Of several frames at a time; a larger one travels alone.
    """

    def __init__(
        self,
        name: str,
        deliver: Callable[[Opening, bytes], None],
        failed: Callable[[Exception], None],
        *,
        in_flight_bytes: int = IN_FLIGHT_BYTES,
    ) -> None:
        self._name = name
        self._deliver = deliver
        self._failed = failed
        self._in_flight_bytes = in_flight_bytes
        self._sequence = 0
        self._waiting: deque[tuple[Opening, bytes]] = deque()
        self._under_way: dict[int, int] = {}  # lengths by number
        self._workers: list[threading.Thread] = []
        self._idle = 0
        self._ended = False
        self._changed = threading.Condition()

    def put(self, opening: Opening, data: bytes, check: Callable[[], None]) -> None:
        """Take a frame, numbered as the next one; wait while too much is on its way.

        Parameters
        ----------
        check : callable
            Called a few times a second; raises to give up.
        """
        with self._changed:
            while self._bytes() > WAITING_BYTES and not self._ended:
                check()
                self._changed.wait(_POLL_SECONDS)
            self._sequence += 1
            self._waiting.append((replace(opening, sequence=self._sequence), data))
            if not self._idle and len(self._workers) < _WORKERS:
                worker = threading.Thread(
                    target=self._work, name=f"{self._name} {len(self._workers)}", daemon=True
                )
                self._workers.append(worker)
                worker.start()
            self._changed.notify_all()

    def flush(self, check: Callable[[], None]) -> None:
        """Return when all frames have arrived; `check` as in `put`."""
        with self._changed:
            while (self._waiting or self._under_way) and not self._ended:
                check()
                self._changed.wait(_POLL_SECONDS)
        check()

    def end(self) -> None:
        """Bring no more frames."""
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()

    def join(self) -> None:
        """Wait for the threads to end."""
        for worker in self._workers:
            worker.join()

    def _bytes(self) -> int:
        return sum(len(data) for _, data in self._waiting) + sum(self._under_way.values())

    def _next(self) -> tuple[Opening, bytes] | None:
        """Return the next frame if it may go now."""
        if not self._waiting:
            return None
        opening, data = self._waiting[0]
        if self._under_way:
            late = opening.sequence - min(self._under_way) >= WINDOW
            if late or sum(self._under_way.values()) + len(data) > self._in_flight_bytes:
                return None
        self._under_way[opening.sequence] = len(data)
        return self._waiting.popleft()

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._ended and (frame := self._next()) is None:
                    self._idle += 1
                    self._changed.wait()
                    self._idle -= 1
                if self._ended:
                    return
            assert frame is not None
            error: Exception | None = None
            try:
                self._deliver(*frame)
            except Exception as failure:  # raised where the party waits or sends
                error = failure
            with self._changed:
                del self._under_way[frame[0].sequence]
                ended, self._ended = self._ended, self._ended or error is not None
                self._changed.notify_all()
            if error is not None and not ended:
                self._failed(error)
