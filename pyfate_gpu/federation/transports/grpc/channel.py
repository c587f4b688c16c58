# SPDX-License-Identifier: Apache-2.0
"""A channel over gRPC: parties as processes, on one machine or several."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Mapping
from types import TracebackType

import grpc

from pyfate_gpu.errors import ChannelTimeoutError, PartyFailedError, ProtocolError
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.mailbox_channel import MailboxChannel
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.session import DEFAULT_TIMEOUT
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.federation.transports.grpc.calls import Caller, Opening
from pyfate_gpu.federation.transports.grpc.credentials import Credentials, check_loopback
from pyfate_gpu.federation.transports.grpc.inbox import Inbox, Rule
from pyfate_gpu.federation.transports.grpc.link import REFUSALS, Link, reason_of
from pyfate_gpu.federation.transports.grpc.peers import Peers
from pyfate_gpu.federation.transports.grpc.server import Server

logger = logging.getLogger(__name__)

DEFAULT_PEER_TIMEOUT = 20.0
MAX_FRAME_BYTES = 4 << 30
MAX_PARKED_BYTES = 8 << 30
_BEATS = 5  # in the time after which a silent peer is given up
_GOODBYE_SECONDS = 5.0


class GrpcChannel(MailboxChannel):
    """One party's end of the connections to all others, with mutual TLS.

    Every party listens and calls all others. A frame is sent in chunks of 1 MiB, as fast as HTTP/2's flow control lets
    it through; `send` returns when the recipient has all of it. When a connection drops, the frame goes on
    where it stopped.

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
        self._peer_timeout = peer_timeout
        self._others = Peers(peers)
        self._links = {
            peer: Link(Caller(party, peer, instance), address, credentials)
            for peer, address in peers.items()
        }
        self._locks = {peer: threading.Lock() for peer in peers}  # one frame to a peer at a time
        self._server = Server(
            self.mailbox,
            Inbox(self.mailbox, max_frame_bytes, rule),
            self._others,
            instance=instance,
            credentials=credentials,
            max_parked_bytes=max_parked_bytes,
        )
        self._closing = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"{party} heartbeat", daemon=True)
        self.port = self._server.start(listen)

    def connect(self) -> None:
        """Wait until every other party is there, and watch from then on that they stay.

        Raises
        ------
        ChannelTimeoutError
            Naming who did not come within the timeout, and why as far as known.
        ProtocolError
            When somebody refuses us.
        """
        deadline, pause = time.monotonic() + self._timeout, 0.05
        missing = dict.fromkeys(self._links, "")  # and why, as far as known
        while missing:
            for peer in tuple(missing):
                self.mailbox.check()
                missing[peer], met = self._meet(peer, missing[peer], deadline)
                if met:
                    del missing[peer]
            if missing and time.monotonic() > deadline:
                raise ChannelTimeoutError(self._nobody(missing))
            if missing:
                time.sleep(pause)
                pause = min(1.0, 1.5 * pause)
        self._heart.start()
        logger.info("%s is connected to %s", self._party, ", ".join(map(str, self._links)))

    def stop(self, reason: str) -> None:
        """Make every other party's waits end with `reason`."""
        for peer, link in self._links.items():
            if self._others.met(peer) and not self._others.has_left(peer):
                link.stop(reason or f"{self._party} stopped", _GOODBYE_SECONDS)

    def close(self) -> None:
        """Say goodbye to the others, who need not wait for us any more, and end all connections."""
        self._closing.set()
        for peer, link in self._links.items():
            if self._others.met(peer) and not self._others.has_left(peer):
                link.stop("", _GOODBYE_SECONDS)
        if self._heart.is_alive():
            self._heart.join()
        self._server.close(grace=1.0)
        for link in self._links.values():
            link.close()

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
        elif kind is not None:
            self.stop(f"{self._party} stopped by {kind.__name__}")
        self.close()

    def _peers(self) -> frozenset[Party]:
        return self._others.names()

    def _deliver(self, to: Party, address: Address, data: bytes) -> None:
        if self._others.has_left(to):
            raise ProtocolError(f"{to} has done its part and left; {address.name!r} comes too late")
        opening = Opening(
            0, address.name, address.iteration, address.batch, len(data), data[-32:].hex()
        )
        with self._locks[to]:
            self._links[to].deliver(opening, data, self._timeout, self.mailbox.check)

    def _meet(self, peer: Party, reason: str, deadline: float) -> tuple[str, bool]:
        """Greet `peer` once; return why it did not answer, as far as known so far, and whether it did."""
        link = self._links[peer]
        try:
            self._others.hear(peer, link.greet(max(0.1, min(5.0, deadline - time.monotonic()))))
            return "", True
        except grpc.RpcError as error:
            if self._others.has_left(peer):
                return "", True  # it had little to do, and greeted us before it left
            if error.code() in REFUSALS:
                raise ProtocolError(
                    f"{peer} at {link.address} refused: {reason_of(error)}"
                ) from None
            if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
                return reason or reason_of(error), False  # that the time was over says the least
            return link.why_no_tls() or reason_of(error), False

    def _nobody(self, missing: Mapping[Party, str]) -> str:
        """Return who did not come, and why."""
        each = []
        for peer, reason in missing.items():
            link = self._links[peer]
            earlier = f"; before, {link.trouble}" if link.trouble not in (None, reason) else ""
            each.append(f"for {peer} at {link.address}: {reason}{earlier}")
        return (
            f"{self._party} waited {self._timeout:g} s {', and '.join(each)}. Is every party running there, "
            "with a certificate of the same authority?"
        )

    def _beat(self) -> None:
        """Look for signs of life of all peers until closing or until one is missed."""
        pause = self._peer_timeout / _BEATS
        while not self._closing.wait(pause):
            for peer, link in self._links.items():
                if self._others.has_left(peer) or self._closing.is_set():
                    continue
                try:
                    self._others.hear(peer, link.greet(pause))
                except PartyFailedError as error:
                    self._give_up(str(error))
                    return
                except grpc.RpcError as error:
                    if (
                        self._others.has_left(peer)
                        or self._others.silence(peer) < self._peer_timeout
                    ):
                        continue
                    link.why_no_tls()  # into the log; what others hear names no certificates
                    self._give_up(
                        f"{peer} at {link.address} was silent for {self._peer_timeout:g} s: "
                        f"it crashed or cannot be reached; {reason_of(error)}"
                    )
                    return

    def _give_up(self, reason: str) -> None:
        logger.info("%s: %s", self._party, reason)
        self.mailbox.fail(reason)
        self.stop(reason)
