# SPDX-License-Identifier: Apache-2.0
"""One peer, from its first sign of life to its last: who is waited for, who came, who vanished."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable

import grpc

from pyfate_gpu.errors import DistrustError, PartyFailedError, ProtocolError, PyFateError
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc.link import REFUSALS, Link, reason_of
from pyfate_gpu.federation.transports.grpc.peers import Peers

logger = logging.getLogger(__name__)

_BEATS = 5  # in the time after which a silent peer is given up, and one a second at least
#: A peer that nobody trusts, or at whose address nobody listens any more, has this long to be set right.
PATIENCE = 2.0
_TELL_AGAIN = 30.0  # seconds from one line on a peer that is waited for to the next
_GREETING_SECONDS = 5.0


class Watch(threading.Thread):
    """Greets a peer until it answers, and from then on to see that it lives.

    Parameters
    ----------
    party : Party
        Who we are.
    link : Link
        The way to the peer.
    peers : Peers
        Where signs of life are noted.
    timeout : float
        Seconds after which a peer that lives and is silent is given up.
    closing : threading.Event
        Ends the watch.
    lost : callable
        Called once with the error that ends the session, if there is one.

    Attributes
    ----------
    met : threading.Event
        Set once the peer has answered.
    reason : str
        Why it has not, as far as known.
    """

    def __init__(
        self,
        party: Party,
        link: Link,
        peers: Peers,
        *,
        timeout: float,
        closing: threading.Event,
        lost: Callable[[PyFateError], None],
    ) -> None:
        super().__init__(name=f"{party} watches {link.peer}", daemon=True)
        self.met = threading.Event()
        self.reason = "no answer yet"
        self._party = party
        self._link = link
        self._peers = peers
        self._timeout = timeout
        self._closing = closing
        self._lost = lost
        self._distrusted: float | None = None  # since when
        self._told = float("-inf")

    def run(self) -> None:
        """Wait for the peer, then for its end."""
        try:
            if self._meet():
                self._stay()
        except PyFateError as error:
            if not self._closing.is_set():
                self._lost(error)

    @property
    def _left(self) -> bool:
        return self._peers.has_left(self._link.peer)

    def _meet(self) -> bool:
        """Greet until there is an answer; return whether there was one before closing."""
        pause = 0.05
        while not self._closing.is_set():
            if self._left or self._greet_first():  # it may have had little to do, and left
                logger.info("%s: %s is here", self._party, self._link.peer)
                self.met.set()
                return True
            self._closing.wait(pause)
            pause = min(1.0, 1.5 * pause)
        return False

    def _greet_first(self) -> bool:
        link = self._link
        try:
            self._peers.hear(link.peer, link.greet(_GREETING_SECONDS))
        except ValueError:  # the link was closed
            return False
        except grpc.RpcError as error:
            if self._closing.is_set():
                return False
            if error.code() in REFUSALS:
                raise ProtocolError(
                    f"{link.peer} at {link.address} refused: {reason_of(error)}"
                ) from None
            if error.code() != grpc.StatusCode.DEADLINE_EXCEEDED:  # which says the least
                self._note(link.why_no_tls(), error)
            return False
        return True

    def _note(self, trouble: str | None, error: grpc.RpcError) -> None:
        """Keep why there is no answer; end what will not come right by itself."""
        link, now = self._link, time.monotonic()
        self.reason = trouble or reason_of(error)
        if trouble is not None and self._distrusted is None:
            self._distrusted = now
        if self._distrusted is not None:  # also when the peer has given up in the meantime
            if now - self._distrusted > PATIENCE:
                raise DistrustError(
                    f"no connection to {link.peer} at {link.address}: {link.trouble}"
                )
        elif now - self._told >= _TELL_AGAIN:
            self._told = now
            logger.info("%s waits for %s at %s", self._party, link.peer, link.address)

    def _stay(self) -> None:
        """Look for signs of life until closing or until they are missed."""
        pause = min(1.0, self._timeout / _BEATS)
        while not self._closing.wait(pause) and not self._left:
            try:
                self._peers.hear(self._link.peer, self._link.greet(pause))
            except ValueError:  # the link was closed
                return
            except grpc.RpcError as error:
                if not (self._left or self._closing.is_set()):
                    self._judge(self._peers.silence(self._link.peer), error)

    def _judge(self, silence: float, error: grpc.RpcError) -> None:
        link = self._link
        gone = silence >= PATIENCE and nobody_listens(link.address)
        if silence < self._timeout and not gone:
            return
        if error.code() == grpc.StatusCode.UNAVAILABLE and not gone:
            link.why_no_tls()  # into the log; what others hear names no certificates
        what = "is gone" if gone else f"was silent for {self._timeout:g} s"
        raise PartyFailedError(
            f"{link.peer} at {link.address} {what}: it crashed or cannot be reached; {reason_of(error)}"
        )


def nobody_listens(address: str) -> bool:
    """Return whether the machine at `address` (``host:port``) says that nobody listens there."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), 1.0).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return False
