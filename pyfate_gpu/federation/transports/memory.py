# SPDX-License-Identifier: Apache-2.0
"""Frames between parties that run as threads of one process.

They travel as the same bytes as over a network: parties never share an object.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.mailbox_channel import MailboxChannel
from pyfate_gpu.federation.roles import Party


class MemoryChannel(MailboxChannel):
    """A `Channel` that knows everybody's mailbox; `connect` makes one for each party."""

    def __init__(self, party: Party, channels: dict[Party, MemoryChannel]) -> None:
        super().__init__(party)
        self._channels = channels

    @classmethod
    def connect(cls, parties: Iterable[Party]) -> dict[Party, MemoryChannel]:
        """Return connected channels, one for each party."""
        channels: dict[Party, MemoryChannel] = {}
        channels.update((party, cls(party, channels)) for party in parties)
        return channels

    def stop(self, reason: str) -> None:
        """Make every other party's waits end with `reason`."""
        for party in self._peers():
            self._channels[party].mailbox.fail(reason)

    def _peers(self) -> frozenset[Party]:
        return frozenset(self._channels.keys() - {self._party})

    def _deliver(self, to: Party, address: Address, data: bytes) -> None:
        self._channels[to].mailbox.put(address, data)
        self._note_sent(to, address, data)
