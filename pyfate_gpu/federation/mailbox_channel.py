# SPDX-License-Identifier: Apache-2.0
"""What every channel does alike: frames to bytes, a mailbox, a transcript."""

from __future__ import annotations

from abc import ABC, abstractmethod

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.frame import Frame, decode_frame, encode_frame
from pyfate_gpu.federation.mailbox import Address, Mailbox
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transcript import Transcript


class MailboxChannel(ABC):
    """A `Channel` but for the way bytes take to another party's mailbox.

    Attributes
    ----------
    mailbox : Mailbox
        Where frames for this party arrive.
    transcript : Transcript or None
        Where messages are noted.
    """

    def __init__(self, party: Party, transcript: Transcript | None = None) -> None:
        self.mailbox = Mailbox(party)
        self.transcript = transcript
        self._party = party

    @property
    def party(self) -> Party:
        """Whose end it is."""
        return self._party

    def send(self, to: Party, frame: Frame) -> int:
        """Hand over `frame` and return its length in bytes; see `Channel.send`."""
        self.mailbox.check()
        if to not in self._peers():
            raise ProtocolError(f"{self._party} cannot send {frame} to {to}: no such peer")
        data = encode_frame(frame, self._party, to)
        address = Address(self._party, frame.name, frame.iteration, frame.batch)
        self._deliver(to, address, data)
        return len(data)

    def receive(
        self, sender: Party, name: str, iteration: int, batch: int, timeout: float
    ) -> Frame:
        """Wait for one frame; see `Channel.receive`."""
        address = Address(sender, name, iteration, batch)
        if sender not in self._peers():
            raise ProtocolError(f"{self._party} cannot receive {address}: no such peer")
        data = self.mailbox.take(address, timeout)
        frame, source, recipient = decode_frame(data)
        found = Address(source, frame.name, frame.iteration, frame.batch)
        if (found, recipient) != (address, self._party):
            raise ProtocolError(
                f"{self._party} was handed {found} for {recipient} in place of {address}"
            )
        if self.transcript is not None:
            self.transcript.record("received", sender, address, data)
        return frame

    def flush(self) -> None:
        """Return when all frames have arrived: a transport that does not wait for them in `_deliver` does here."""
        self.mailbox.check()

    @abstractmethod
    def stop(self, reason: str) -> None:
        """Tell every other party that this one goes no further; see `Channel.stop`."""

    @abstractmethod
    def _peers(self) -> frozenset[Party]:
        """Return everybody else."""

    @abstractmethod
    def _deliver(self, to: Party, address: Address, data: bytes) -> None:
        """See to it that `data` comes into the mailbox of `to`, once, and to `_note_sent` once it is there."""

    def _note_sent(self, to: Party, address: Address, data: bytes) -> None:
        """Note a frame that is in the mailbox of `to`."""
        if self.transcript is not None:
            self.transcript.record("sent", to, address, data)
