# SPDX-License-Identifier: Apache-2.0
"""A channel over gRPC: parties as processes, on one machine or several."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Iterable, Mapping
from functools import partial
from types import TracebackType

from pyfate_gpu.errors import (
    ChannelTimeoutError,
    ConfigurationError,
    PartyFailedError,
    ProtocolError,
    PyFateError,
)
from pyfate_gpu.federation.farewell import told
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.mailbox_channel import MailboxChannel
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.session import DEFAULT_TIMEOUT
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.federation.transports.grpc.calls import Caller, Opening
from pyfate_gpu.federation.transports.grpc.credentials import Credentials, check_loopback
from pyfate_gpu.federation.transports.grpc.inbox import Inbox, Rule
from pyfate_gpu.federation.transports.grpc.link import Link
from pyfate_gpu.federation.transports.grpc.outbox import IN_FLIGHT_BYTES, Outbox
from pyfate_gpu.federation.transports.grpc.peers import Peers
from pyfate_gpu.federation.transports.grpc.server import Server
from pyfate_gpu.federation.transports.grpc.watch import Watch

logger = logging.getLogger(__name__)

DEFAULT_PEER_TIMEOUT = 20.0
MAX_FRAME_BYTES = 4 << 30
MAX_PARKED_BYTES = 8 << 30
_GOODBYE_SECONDS = 2.0
_FAREWELL_SECONDS = 3.0  # for a peer that is about to come to hear that we stopped
_GREETING_SECONDS = 2.0
_POLL_SECONDS = 0.1


def tell_peers(
    party: Party, peers: Mapping[Party, str], credentials: Credentials | None, reason: str
) -> None:
    """Tell others that `party` does not come, and why, where they are or come within moments."""
    instance = secrets.token_hex(16)
    links = [
        Link(Caller(party, peer, instance), address, credentials) for peer, address in peers.items()
    ]
    _wait([link.stop(reason, _FAREWELL_SECONDS, patient=True) for link in links])
    for link in links:
        link.close()


def _wait(calls: Iterable[threading.Event]) -> None:
    for ended in calls:
        ended.wait(_FAREWELL_SECONDS + 1)


class GrpcChannel(MailboxChannel):
    """One party's end of the connections to all others, with mutual TLS.

    Every party listens and calls all others. A frame is sent in chunks of 1 MiB, as fast as HTTP/2's flow control lets
    it through, beside the others that are under way; `send` does not wait for it to arrive, `flush` does. When a
    connection drops, the frame goes on where it stopped.

    Parameters
    ----------
    party : Party
        Who we are.
    listen : str
        ``host:port`` to listen at.
    peers : mapping
        Addresses of the others, ``host:port``.
    credentials : Credentials or None
        Certificate, key and authority; None for plaintext, which takes addresses of this machine.
    timeout : float
        Seconds to wait for the other parties at the start, and for progress of a frame.
    peer_timeout : float
        A party that was silent for so many seconds is given up.
    max_frame_bytes, max_parked_bytes : int
        Longest frame taken; how much may lie unread from one party before it has to wait.
    rule : callable or None
        Says which messages are unknown; None takes all names.
    transcript : Transcript or None
        Where messages are noted.

    Raises
    ------
    ConfigurationError
        When certificate or addresses cannot be used.

    Examples
    --------
    >>> from pyfate_gpu import Party
    >>> from pyfate_gpu.federation.transports.grpc import GrpcChannel
    >>> guest, host = Party.parse("guest"), Party.parse("host-0")
    >>> with GrpcChannel(guest, "127.0.0.1:0", {host: "127.0.0.1:7011"}) as channel:
    ...     channel.party.name
    'guest'
    """

    def __init__(
        self,
        party: Party,
        listen: str,
        peers: Mapping[Party, str],
        *,
        credentials: Credentials | None = None,
        timeout: float = DEFAULT_TIMEOUT,
        peer_timeout: float = DEFAULT_PEER_TIMEOUT,
        max_frame_bytes: int = MAX_FRAME_BYTES,
        max_parked_bytes: int = MAX_PARKED_BYTES,
        rule: Rule | None = None,
        transcript: Transcript | None = None,
    ) -> None:
        super().__init__(party, transcript)
        if credentials is None:
            for address in (listen, *peers.values()):
                check_loopback(address)
        else:
            credentials = credentials.check(party)
        instance = secrets.token_hex(16)
        self._timeout = timeout
        self._others = Peers(peers)
        self._links = {
            peer: Link(Caller(party, peer, instance), address, credentials)
            for peer, address in peers.items()
        }
        self._outboxes = {
            peer: Outbox(
                f"{party} sends to {peer}",
                partial(self._bring, peer),
                self._break_off,
                in_flight_bytes=min(IN_FLIGHT_BYTES, max_frame_bytes),
            )
            for peer in peers
        }
        self._server = Server(
            self.mailbox,
            Inbox(self.mailbox, max_frame_bytes, rule),
            self._others,
            instance=instance,
            credentials=credentials,
            max_parked_bytes=max_parked_bytes,
            greet=lambda peer: self._links[peer].greet(_GREETING_SECONDS),
        )
        self._closing = threading.Event()
        self._stopped = False
        try:
            self.port = self._server.start(listen)
        except ConfigurationError as error:
            self.stop(told(party, error))
            self._end_links()
            raise
        self._watches = {
            peer: Watch(
                party,
                link,
                self._others,
                timeout=peer_timeout,
                closing=self._closing,
                lost=partial(self._give_up, peer),
            )
            for peer, link in self._links.items()
        }
        for watch in self._watches.values():
            watch.start()

    def connect(self) -> None:
        """Wait until every other party is there; from the start on it was watched that they stay.

        Raises
        ------
        ChannelTimeoutError
            Naming who did not come within the timeout, and why as far as known.
        DistrustError
            When certificates stand between us and a peer.
        PartyFailedError, ProtocolError
            When somebody stopped already, or refuses us.
        """
        deadline = time.monotonic() + self._timeout
        while True:
            self.mailbox.check()
            missing = [peer for peer, watch in self._watches.items() if not watch.met.is_set()]
            if not missing:
                break
            if time.monotonic() > deadline:
                raise ChannelTimeoutError(self._nobody(missing))
            self._watches[missing[0]].met.wait(_POLL_SECONDS)
        logger.info("%s is connected to %s", self._party, ", ".join(map(str, self._links)))

    def stop(self, reason: str) -> None:
        """Make every other party's waits end with `reason`, also of those that are just coming; once."""
        if self._stopped:
            return
        self._stopped = True
        self._end_sending()
        self._call_all(reason or f"{self._party} stopped", patient=not self.mailbox.failed)

    def flush(self) -> None:
        """Return when all frames that were sent have arrived.

        Raises
        ------
        ChannelTimeoutError, PartyFailedError, ProtocolError, StorageError
            When one cannot be brought, or not be noted.
        """
        for outbox in self._outboxes.values():
            outbox.flush(self.mailbox.check)

    def close(self) -> None:
        """Say goodbye to the others, who need not wait for us any more, and end all connections.

        Raises
        ------
        ChannelTimeoutError, PartyFailedError, ProtocolError, StorageError
            As `flush` does, when all is closed.
        """
        try:
            if not self._stopped:
                self.flush()
        except PyFateError as error:
            self.stop(
                str(error) if isinstance(error, PartyFailedError) else told(self._party, error)
            )
            raise
        finally:
            self._end()

    def _end(self) -> None:
        self._closing.set()
        self._end_sending()
        if not self._stopped:
            self._call_all("")
        self._server.close(grace=0.2 if self._stopped else 1.0)
        self._end_links()  # which ends what watches are waiting for
        for watch in self._watches.values():
            watch.join()
        for outbox in self._outboxes.values():
            outbox.join()

    def __enter__(self) -> GrpcChannel:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, PartyFailedError):
            self.stop(str(error))  # what began it, not that it came here
        elif error is not None:
            self.stop(told(self._party, error))
        self.close()

    def _call_all(self, reason: str, *, patient: bool = False) -> None:
        """Tell all peers why we stop, at the same time; if patient, also those not met so far who come in moments."""
        _wait(
            [
                link.stop(reason, _GOODBYE_SECONDS)
                if self._others.met(peer)
                else link.stop(reason, _FAREWELL_SECONDS, patient=patient)
                for peer, link in self._links.items()
                if not self._others.has_left(peer) and (reason or self._others.met(peer))
            ]
        )

    def _end_links(self) -> None:
        for link in self._links.values():
            link.close()

    def _end_sending(self) -> None:
        for outbox in self._outboxes.values():
            outbox.end()

    def _peers(self) -> frozenset[Party]:
        return self._others.names()

    def _deliver(self, to: Party, address: Address, data: bytes) -> None:
        if self._others.has_left(to):
            raise ProtocolError(f"{to} has done its part and left; {address.name!r} comes too late")
        opening = Opening(
            0, address.name, address.iteration, address.batch, len(data), data[-32:].hex()
        )
        self._outboxes[to].put(opening, data, self.mailbox.check)

    def _bring(self, to: Party, opening: Opening, data: bytes) -> None:
        """Bring a frame to its recipient, in a thread of the outbox."""
        self._links[to].deliver(opening, data, self._timeout, self._check_open)
        self._note_sent(to, opening.address(self._party), data)

    def _check_open(self) -> None:
        self.mailbox.check()
        if self._stopped:
            raise PartyFailedError(f"{self._party} stopped")

    def _break_off(self, error: Exception) -> None:
        """Have the party end by an error of a thread that sends."""
        if not self._closing.is_set():
            if not isinstance(error, PyFateError):
                error = ProtocolError(f"a frame was not sent: {error}")
            self.mailbox.fail(error)

    def _nobody(self, missing: Iterable[Party]) -> str:
        """Return who did not come, and why."""
        each = []
        for peer in missing:
            link, reason = self._links[peer], self._watches[peer].reason
            earlier = f"; before, {link.trouble}" if link.trouble not in (None, reason) else ""
            each.append(f"for {peer} at {link.address}: {reason}{earlier}")
        return (
            f"{self._party} waited {self._timeout:g} s {', and '.join(each)}. Is every party running there, "
            "with a certificate of the same authority?"
        )

    def _give_up(self, peer: Party, error: PyFateError) -> None:
        """End the session by what the watch of a peer found out; who is lost is not told."""
        logger.info("%s: %s", self._party, error)
        self.mailbox.fail(error)
        self._others.leave(peer)
        self.stop(str(error) if isinstance(error, PartyFailedError) else told(self._party, error))
