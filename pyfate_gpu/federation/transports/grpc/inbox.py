# SPDX-License-Identifier: Apache-2.0
"""Frames on their way in: put together from chunks, across dropped connections, each handed on once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.mailbox import Address, Mailbox
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc.calls import WINDOW, Opening

#: Says why a frame of that address, for that party, is none that the job knows; None if it is one.
Rule = Callable[[Address, Party], str | None]


class Superseded(Exception):  # noqa: N818 # no error: the sender began again on another connection
    """A later attempt to deliver the same frame has begun."""


class Attempt(NamedTuple):
    """One connection's go at bringing a frame."""

    sequence: int
    number: int


@dataclass
class _UnderWay:
    """A frame that has not come as a whole."""

    opening: Opening
    received: bytearray = field(default_factory=bytearray)
    attempt: int = 0


@dataclass
class _Sender:
    """What came from one party: all frames up to a number, some after it, and those under way, by number."""

    upto: int = 0
    complete: dict[int, Opening] = field(default_factory=dict)  # after `upto`, and the last before
    under_way: dict[int, _UnderWay] = field(default_factory=dict)


class Inbox:
    """Takes the chunks of frames from all peers into one mailbox.

    Each peer sends up to `WINDOW` frames at a time, which may arrive in any order. A frame is known by its number:
    one of the next is new, one of the last complete ones again is a sender that did not hear of its success, any
    other was replayed or left out.

    Parameters
    ----------
    mailbox : Mailbox
        Where complete frames go.
    max_frame_bytes : int
        Longer frames are refused before a byte of them is taken, as are several that together are longer.
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
            if opening.sequence in state.complete:
                return opening.length
            frame = state.under_way.get(opening.sequence)
            if frame is None:
                return 0
            frame.attempt += 1  # what an older connection still brings is no longer wanted
            return len(frame.received)

    def begin(self, sender: Party, opening: Opening) -> Attempt | None:
        """Start, or go on with, a frame; return this attempt at it, None for a complete frame.

        Raises
        ------
        ProtocolError
            When the frame is too long, of an unknown name, out of order or sent twice.
        """
        with self._lock:
            state, number = self._state(sender, opening), opening.sequence
            if number in state.complete:
                return None
            frame = state.under_way.get(number)
            if frame is None or opening.offset == 0:
                attempt = 0 if frame is None else frame.attempt
                frame = _UnderWay(replace(opening, offset=0), attempt=attempt)
            if opening.offset != len(frame.received):
                raise ProtocolError(
                    f"{sender} goes on with {opening.address(sender)} at byte {opening.offset}, "
                    f"{len(frame.received)} are here"
                )
            state.under_way[number] = frame
            frame.attempt += 1
            return Attempt(number, frame.attempt)

    def append(self, sender: Party, attempt: Attempt, chunk: bytes) -> None:
        """Add a chunk.

        Raises
        ------
        ProtocolError
            When the frame becomes longer than announced.
        Superseded
            When a later attempt has begun.
        """
        with self._lock:
            frame = self._current(sender, attempt)
            frame.received += chunk
            if len(frame.received) > frame.opening.length:
                del self._senders[sender].under_way[attempt.sequence]
                raise ProtocolError(
                    f"{frame.opening.address(sender)} is longer than the {frame.opening.length} bytes announced"
                )

    def finish(self, sender: Party, attempt: Attempt) -> None:
        """Hand the frame on to the mailbox.

        Raises
        ------
        ProtocolError
            When it was cut, is another frame than announced, or one of its address came before.
        Superseded
            When a later attempt has begun.
        """
        with self._lock:
            frame = self._current(sender, attempt)
            state, opening, data = self._senders[sender], frame.opening, bytes(frame.received)
            del state.under_way[attempt.sequence]
            address = opening.address(sender)
            if len(data) != opening.length or data[-32:].hex() != opening.digest:
                raise ProtocolError(
                    f"what came for {address} is not the frame announced: cut or altered"
                )
            self._mailbox.put(address, data)
            state.complete[attempt.sequence] = opening
            while state.upto + 1 in state.complete:
                state.upto += 1
                state.complete.pop(state.upto - WINDOW, None)

    def _state(self, sender: Party, opening: Opening) -> _Sender:
        """Return what is known of `sender`, having checked `opening` against it."""
        state = self._senders.setdefault(sender, _Sender())
        address, number = opening.address(sender), opening.sequence
        known = state.complete.get(number)
        if known != replace(opening, offset=0) if known else not 0 < number - state.upto <= WINDOW:
            raise ProtocolError(
                f"{self._mailbox.owner} refuses {address}, frame {number} of {sender}: "
                f"replayed or out of order, {state.upto} came before"
            )
        frame = state.under_way.get(number)
        if frame is not None and frame.opening != replace(opening, offset=0):
            del state.under_way[number]  # the sender gave the other one up
        others = [each.opening.length for at, each in state.under_way.items() if at != number]
        if opening.length + sum(others) > self._limit:
            beside = f" beside {sum(others)} that are under way" if others else ""
            raise ProtocolError(
                f"{address} has {opening.length} bytes{beside}, {self._mailbox.owner} takes at most {self._limit}: "
                "train in smaller batches, or raise the limit at every party"
            )
        problem = self._rule(address, self._mailbox.owner) if self._rule else None
        if problem is not None:
            raise ProtocolError(f"{self._mailbox.owner} refuses {address}: {problem}")
        return state

    def _current(self, sender: Party, attempt: Attempt) -> _UnderWay:
        frame = self._senders[sender].under_way.get(attempt.sequence)
        if frame is None or frame.attempt != attempt.number:
            raise Superseded
        return frame
