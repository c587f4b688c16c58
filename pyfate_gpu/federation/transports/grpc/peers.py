# SPDX-License-Identifier: Apache-2.0
"""What is known of the other parties: which process each is, when it was last heard of, whether it left."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass

from pyfate_gpu.errors import PartyFailedError, ProtocolError
from pyfate_gpu.federation.roles import Party


@dataclass
class _Peer:
    instance: str | None = None
    heard: float = 0.0
    left: bool = False


class Peers:
    """The other parties of a job, as one party knows them."""

    def __init__(self, peers: Iterable[Party]) -> None:
        self._peers = {peer: _Peer() for peer in peers}
        self._lock = threading.Lock()

    def names(self) -> frozenset[Party]:
        """Return all of them."""
        return frozenset(self._peers)

    def hear(self, party: Party, instance: str) -> None:
        """Note a sign of life.

        Raises
        ------
        ProtocolError
            When `party` does not take part.
        PartyFailedError
            When it is another process than before: its predecessor died, and with it the session.
        """
        peer = self._peers.get(party)
        if peer is None:
            raise ProtocolError(f"{party} takes no part in this job")
        with self._lock:
            if peer.instance not in (None, instance):
                raise PartyFailedError(
                    f"{party} was restarted: what was agreed with its predecessor is lost, "
                    "start this party again as well"
                )
            peer.instance = instance
            peer.heard = time.monotonic()

    def is_instance(self, party: Party, instance: str) -> bool:
        """Return whether that is the process that we know as `party`."""
        return self._peers[party].instance == instance

    def leave(self, party: Party) -> None:
        """Note that `party` has done its part and left."""
        self._peers[party].left = True

    def has_left(self, party: Party) -> bool:
        """Return whether `party` said goodbye."""
        return self._peers[party].left

    def met(self, party: Party) -> bool:
        """Return whether `party` was ever heard of."""
        return self._peers[party].instance is not None

    def silence(self, party: Party) -> float:
        """Return for how many seconds nothing was heard of `party`."""
        return time.monotonic() - self._peers[party].heard
