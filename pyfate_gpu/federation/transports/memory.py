# SPDX-License-Identifier: Apache-2.0
"""Frames between parties that run as threads of one process.

They travel as the same bytes as over a network: parties never share an object.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.frame import Frame, decode_frame, encode_frame
from pyfate_gpu.federation.mailbox import Address, Mailbox
from pyfate_gpu.federation.roles import Party


class MemoryChannel:
    """A `Channel` made of everybody's mailboxes; `connect` makes one for each party."""

    def __init__(self, party: Party, mailboxes: dict[Party, Mailbox]) -> None:
        self._party = party
        self._mailboxes = mailboxes

    @classmethod
    def connect(cls, parties: Iterable[Party]) -> dict[Party, MemoryChannel]:
        """Return connected channels, one for each party."""
        mailboxes = {party: Mailbox(party) for party in parties}
        return {party: cls(party, mailboxes) for party in mailboxes}

    @property
    def party(self) -> Party:
        """Whose end it is."""
        return self._party

    def send(self, to: Party, frame: Frame) -> int:
        """Put the bytes of `frame` into the mailbox of `to`; see `Channel.send`."""
        self._mailboxes[self._party].check()
        if to == self._party or to not in self._mailboxes:
            raise ProtocolError(f"{self._party} cannot send {frame} to {to}: no such peer")
        data = encode_frame(frame, self._party, to)
        self._mailboxes[to].put(
            Address(self._party, frame.name, frame.iteration, frame.batch), data
        )
        return len(data)

    def receive(
        self, sender: Party, name: str, iteration: int, batch: int, timeout: float
    ) -> Frame:
        """Wait for one frame; see `Channel.receive`."""
        address = Address(sender, name, iteration, batch)
        frame, source, recipient = decode_frame(self._mailboxes[self._party].take(address, timeout))
        found = Address(source, frame.name, frame.iteration, frame.batch)
        if (found, recipient) != (address, self._party):
            raise ProtocolError(
                f"{self._party} was handed {found} for {recipient} in place of {address}"
            )
        return frame

    def stop(self, reason: str) -> None:
        """Make every other party's waits end with `reason`."""
        for party, mailbox in self._mailboxes.items():
            if party != self._party:
                mailbox.fail(reason)
