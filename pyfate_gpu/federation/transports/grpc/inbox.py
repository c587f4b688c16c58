# SPDX-License-Identifier: Apache-2.0
"""Frames on their way in: put together from chunks, across dropped connections, each handed on once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.mailbox import Address, Mailbox
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc.calls import Opening

#: Says why a frame of that address, for that party, is none that the job knows; None if it is one.
Rule = Callable[[Address, Party], str | None]


class Superseded(Exception):  # noqa: N818 # no error: the sender began again on another connection
    """A later attempt to deliver the same frame has begun."""


@dataclass
class _Sender:
    """What came from one party: frames complete so far, and the one under way."""

    delivered: int = 0
    last: Opening | None = None  # the one under way, or the last complete one
    received: bytearray | None = None
    attempt: int = 0


class Inbox:
    """Takes the chunks of frames from all peers into one mailbox.

    Each peer sends one frame after another, so a peer cannot have more than one frame half here. A frame is
    known by its number: the number after the last complete one is new, the last complete one again
    is a sender that did not hear of its success, any other was replayed or left out.

    Parameters
    ----------
    mailbox : Mailbox
        Where complete frames go.
    max_frame_bytes : int
        Longer frames are refused before a byte of them is taken.
    rule : callable or None
        Which addresses are known.
    """

    def __init__(self, mailbox: Mailbox, max_frame_bytes: int, rule: Rule | None = None) -> None:
        self._mailbox = mailbox
        self._limit = max_frame_bytes
        self._rule = rule
        self._senders: dict[Party, _Sender] = {}
        self._lock = threading.Lock()

    def resume(self, sender: Party, opening: Opening) -> int:
        """Return how many bytes of a frame are here; its length when it is complete.

        Raises
        ------
        ProtocolError
            As `begin` does.
        """
        with self._lock:
            state = self._state(sender, opening)
            if state.delivered == opening.sequence:
                return opening.length
            state.attempt += 1  # what an older connection still brings is no longer wanted
            return len(state.received or b"")

    def begin(self, sender: Party, opening: Opening) -> int | None:
        """Start, or go on with, a frame; return the number of this attempt, None for a complete frame.

        Raises
        ------
        ProtocolError
            When the frame is too long, of an unknown name, out of order or sent twice.
        """
        with self._lock:
            state = self._state(sender, opening)
            if state.delivered == opening.sequence:
                return None
            if state.received is None or opening.offset == 0:
                state.received = bytearray()
            if opening.offset != len(state.received):
                raise ProtocolError(
                    f"{sender} goes on with {opening.address(sender)} at byte {opening.offset}, "
                    f"{len(state.received)} are here"
                )
            state.last = replace(opening, offset=0)
            state.attempt += 1
            return state.attempt

    def append(self, sender: Party, attempt: int, chunk: bytes) -> None:
        """Add a chunk.

        Raises
        ------
        ProtocolError
            When the frame becomes longer than announced.
        Superseded
            When a later attempt has begun.
        """
        with self._lock:
            state = self._current(sender, attempt)
            assert state.received is not None
            assert state.last is not None
            state.received += chunk
            if len(state.received) > state.last.length:
                state.received = None
                raise ProtocolError(
                    f"{state.last.address(sender)} is longer than the {state.last.length} bytes announced"
                )

    def finish(self, sender: Party, attempt: int) -> None:
        """Hand the frame on to the mailbox.

        Raises
        ------
        ProtocolError
            When it was cut, is another frame than announced, or one of its address came before.
        Superseded
            When a later attempt has begun.
        """
        with self._lock:
            state = self._current(sender, attempt)
            assert state.received is not None
            assert state.last is not None
            opening, data = state.last, bytes(state.received)
            state.received = None
            address = opening.address(sender)
            if len(data) != opening.length or data[-32:].hex() != opening.digest:
                raise ProtocolError(
                    f"what came for {address} is not the frame announced: cut or altered"
                )
            self._mailbox.put(address, data)
            state.delivered = opening.sequence

    def _state(self, sender: Party, opening: Opening) -> _Sender:
        """Return what is known of `sender`, having checked `opening` against it."""
        state = self._senders.setdefault(sender, _Sender())
        address = opening.address(sender)
        same = state.last == replace(opening, offset=0)
        if opening.sequence not in (state.delivered, state.delivered + 1) or (
            opening.sequence == state.delivered and not same
        ):
            raise ProtocolError(
                f"{self._mailbox.owner} refuses {address}, frame {opening.sequence} of {sender}: "
                f"replayed or out of order, {state.delivered} came before"
            )
        if state.received is not None and not same:
            state.received = None  # the sender gave the other one up
        if opening.length > self._limit:
            raise ProtocolError(
                f"{address} has {opening.length} bytes, {self._mailbox.owner} takes at most {self._limit}: "
                "train in smaller batches, or raise the limit at every party"
            )
        problem = self._rule(address, self._mailbox.owner) if self._rule else None
        if problem is not None:
            raise ProtocolError(f"{self._mailbox.owner} refuses {address}: {problem}")
        return state

    def _current(self, sender: Party, attempt: int) -> _Sender:
        state = self._senders[sender]
        if state.attempt != attempt:
            raise Superseded
        return state
