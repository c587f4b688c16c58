# SPDX-License-Identifier: Apache-2.0
"""Frames that arrived for one party; every transport delivers into one of these."""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from pyfate_gpu.errors import ChannelTimeoutError, PartyFailedError, ProtocolError, PyFateError
from pyfate_gpu.federation.frame import describe
from pyfate_gpu.federation.roles import Party


class Address(NamedTuple):
    """What makes a frame unique for its recipient."""

    sender: Party
    name: str
    iteration: int
    batch: int

    def __str__(self) -> str:
        return f"{describe(self.name, self.iteration, self.batch)} from {self.sender}"


class Mailbox:
    """Holds each frame until it is asked for; wakes the waiting party when a peer stops."""

    def __init__(self, owner: Party) -> None:
        self.owner = owner
        self._arrived: dict[Address, bytes] = {}
        self._known: set[Address] = set()
        self._finished: set[Party] = set()
        self._failure: PyFateError | None = None
        self._changed = threading.Condition()

    def put(self, address: Address, data: bytes) -> None:
        """Store the frame of `address`.

        Raises
        ------
        ProtocolError
            When a frame of that address came before: it is delivered once or not at all.
        """
        with self._changed:
            if address in self._known:
                raise ProtocolError(f"{self.owner} already had {address}: sent twice or replayed")
            self._known.add(address)
            self._arrived[address] = data
            self._changed.notify_all()

    def take(self, address: Address, timeout: float) -> bytes:
        """Wait for the frame of `address` and remove it.

        Raises
        ------
        ChannelTimeoutError, PartyFailedError
            When it did not come within `timeout` seconds, or will not come any more.
        """
        deadline = time.monotonic() + timeout
        with self._changed:
            while address not in self._arrived:
                self.check()
                if address.sender in self._finished:
                    raise PartyFailedError(
                        f"{self.owner} waits for {address}, who has done its part and left: "
                        "are the parties set to the same task?"
                    )
                remaining = deadline - time.monotonic()
                if remaining <= 0:
                    raise ChannelTimeoutError(self._complaint(address, timeout))
                self._changed.wait(remaining)
            return self._arrived.pop(address)

    def fail(self, reason: str | PyFateError) -> None:
        """Make every wait for a frame that is not here end, by PartyFailedError or that error; the first counts."""
        with self._changed:
            if self._failure is None:
                self._failure = PartyFailedError(reason) if isinstance(reason, str) else reason
            self._changed.notify_all()

    def expect_no_more(self, sender: Party) -> None:
        """Make every wait for a frame of `sender` that is not here end: it has done its part."""
        with self._changed:
            self._finished.add(sender)
            self._changed.notify_all()

    def parked_bytes(self, sender: Party) -> int:
        """Return how many bytes of `sender` lie here and were not asked for yet."""
        with self._changed:
            return sum(
                len(data) for address, data in self._arrived.items() if address.sender == sender
            )

    @property
    def failed(self) -> bool:
        """Whether a peer has stopped, or something stands between us and one."""
        return self._failure is not None

    def check(self) -> None:
        """Raise PartyFailedError when a peer has stopped, or the error that stands between us and one."""
        if self._failure is not None:
            raise self._failure

    def _complaint(self, address: Address, timeout: float) -> str:
        text = f"{self.owner} waited {timeout:g} s for {address}: it did not come"
        others = [str(other) for other in self._arrived]
        if others:
            text += f"; here and not asked for: {', '.join(others[:5])}"
        return text + ". Is that party running, with the same task? Or raise the session's timeout"
