# SPDX-License-Identifier: Apache-2.0
"""The only thing that parties share."""

from __future__ import annotations

from typing import Protocol

from pyfate_gpu.federation.frame import Frame
from pyfate_gpu.federation.roles import Party


class Channel(Protocol):
    """One party's end of the connections to all others.

    Frames are delivered once, in any order: a receiver asks for the one it needs by name. Each
    transport has its own class; ``transports/memory.py`` connects parties within one process.
    """

    @property
    def party(self) -> Party:
        """Whose end it is."""

    def send(self, to: Party, frame: Frame) -> int:
        """Hand over `frame` and return its length in bytes; it need not have arrived.

        Raises
        ------
        ProtocolError
            When the payload may not travel, a frame of that name was sent before, or `to` is unknown; or, of a
            frame sent earlier, when it was refused.
        PartyFailedError, ChannelTimeoutError
            When some party has stopped, or a frame sent earlier could not be brought.
        """

    def receive(
        self, sender: Party, name: str, iteration: int, batch: int, timeout: float
    ) -> Frame:
        """Wait for one frame at most `timeout` seconds and return it.

        Raises
        ------
        ChannelTimeoutError
            When it did not come in time.
        PartyFailedError
            When some party has stopped.
        WireFormatError
            When the bytes that came are no frame.
        ProtocolError
            When `sender` is unknown.
        """

    def flush(self) -> None:
        """Return when all frames that were sent have arrived; raises as `send` does."""

    def stop(self, reason: str) -> None:
        """Tell every other party that this one goes no further, and why."""
