# SPDX-License-Identifier: Apache-2.0
"""One party's way to another: calls, and the delivery of frames across dropped connections."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import grpc

from pyfate_gpu.errors import ChannelTimeoutError, ConfigurationError, ProtocolError
from pyfate_gpu.federation.frame import describe
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc.calls import (
    CHUNK_BYTES,
    MAX_MESSAGE_BYTES,
    SERVICE,
    Caller,
    Opening,
    printable,
)
from pyfate_gpu.federation.transports.grpc.credentials import Credentials
from pyfate_gpu.federation.transports.grpc.diagnosis import why_no_tls

logger = logging.getLogger(__name__)

#: The peer answered, and its answer will not change.
REFUSALS = frozenset(
    {
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)
_RETRY_SECONDS = 0.1
_POLL_SECONDS = 0.25
_RESUME_SECONDS = 10.0
_OPTIONS = [
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),  # the time a connection has to come about
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.enable_http_proxy", 0),  # proxies of the environment are for the web
]


class Link:
    """Calls to one peer.

    Parameters
    ----------
    caller : Caller
        We, and the peer.
    address : str
        ``host:port`` of the peer.
    credentials : Credentials or None
        None for plaintext. The peer's certificate must have the peer's name.
    """

    def __init__(self, caller: Caller, address: str, credentials: Credentials | None) -> None:
        self.peer = caller.to
        self.address = address
        self._metadata = caller.metadata()
        self._credentials = credentials
        self.trouble: str | None = None  # the last that stood between us and the peer
        self._channel = _channel(self.peer, address, credentials)
        self._greet = self._channel.unary_unary(f"/{SERVICE}/Greet")
        self._stop = self._channel.unary_unary(f"/{SERVICE}/Stop")
        self._resume = self._channel.unary_unary(f"/{SERVICE}/Resume")
        self._deliver = self._channel.stream_unary(f"/{SERVICE}/Deliver")

    def greet(self, timeout: float) -> str:
        """Ask for a sign of life and return the peer's instance.

        Raises
        ------
        grpc.RpcError
            When there was none.
        """
        return str(self._greet(b"", timeout=timeout, metadata=self._metadata).decode("ascii"))

    def why_no_tls(self) -> str | None:
        """Return what stands between us and a peer that listens, None if nothing is known; log what is new."""
        found = why_no_tls(self.peer, self.address, self._credentials)
        if found not in (None, self.trouble):
            logger.warning("no connection to %s at %s: %s", self.peer, self.address, found)
            self.trouble = found
        return found

    def stop(self, reason: str, timeout: float, *, patient: bool = False) -> threading.Event:
        """Tell the peer why we stop, or that all is done when `reason` is empty; return what is set when it heard.

        Or when it cannot hear: at once where nobody listens, unless we are patient, or after `timeout` seconds.
        """
        call = self._stop.future(
            reason.encode(), timeout=timeout, metadata=self._metadata, wait_for_ready=patient
        )
        ended = threading.Event()
        call.add_done_callback(lambda _: ended.set())
        return ended

    def deliver(
        self, opening: Opening, data: bytes, timeout: float, check: Callable[[], None]
    ) -> None:
        """Bring a frame to the peer; on a dropped connection go on where it stopped.

        Parameters
        ----------
        opening : Opening
            The frame's.
        timeout : float
            Seconds without any progress after which to give up.
        check : callable
            Called a few times a second; raises to give up.

        Raises
        ------
        ProtocolError
            When the peer refuses the frame.
        ChannelTimeoutError
            When the peer could not be reached any more, or takes no more of the frame.
        """
        deadline, offset = time.monotonic() + timeout, 0
        while True:
            try:
                self._attempt(replace(opening, offset=offset), data, timeout, check)
                return
            except grpc.RpcError as error:
                _raise_refusal(error, self.peer)
                failure = error
            while True:  # until the peer says how much of it has come
                check()
                if time.monotonic() > deadline:
                    raise self._too_late(opening, timeout, self.why_no_tls() or reason_of(failure))
                try:
                    here = int(
                        self._resume(
                            opening.pack(), timeout=_RESUME_SECONDS, metadata=self._metadata
                        )
                    )
                except grpc.RpcError as error:
                    _raise_refusal(error, self.peer)
                    failure = error
                    time.sleep(_RETRY_SECONDS)
                    continue
                if here > offset:
                    deadline = time.monotonic() + timeout
                offset = here
                break

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def _attempt(
        self, opening: Opening, data: bytes, timeout: float, check: Callable[[], None]
    ) -> None:
        pieces = _Pieces(opening, data)
        call = self._deliver.future(iter(pieces), metadata=self._metadata)
        ended = threading.Event()
        call.add_done_callback(lambda _: ended.set())
        try:
            # gRPC's own wait goes by the time of day: set back by an hour it would not look up for an hour.
            while not ended.wait(_POLL_SECONDS):
                check()
                if time.monotonic() > pieces.last_taken + timeout:
                    reason = "it answers, but takes no more of it"
                    raise self._too_late(opening, timeout, reason)
            call.result()
        finally:
            call.cancel()

    def _too_late(self, opening: Opening, timeout: float, reason: str) -> ChannelTimeoutError:
        frame = describe(opening.name, opening.iteration, opening.batch)
        return ChannelTimeoutError(
            f"{frame} could not be brought to {self.peer} at {self.address} within {timeout:g} s: {reason}"
        )


def reason_of(error: Any) -> str:
    """Return what gRPC says of a failed call."""
    return f"{printable(error.details())} ({error.code().name})"


def _raise_refusal(error: Any, peer: Party) -> None:
    if error.code() in REFUSALS:
        raise ProtocolError(f"{peer} refused: {printable(error.details())}") from None


class _Pieces:
    """The opening and the chunks of a frame, for gRPC to take, and when it took the last one."""

    def __init__(self, opening: Opening, data: bytes) -> None:
        self._opening = opening
        self._data = data
        self.last_taken = time.monotonic()

    def __iter__(self) -> Iterator[bytes]:
        yield self._opening.pack()
        for start in range(self._opening.offset, len(self._data), CHUNK_BYTES):
            self.last_taken = time.monotonic()
            yield self._data[start : start + CHUNK_BYTES]


def _channel(peer: Party, address: str, credentials: Credentials | None) -> Any:
    if credentials is None:
        return grpc.insecure_channel(address, _OPTIONS)
    try:
        secure = grpc.ssl_channel_credentials(
            credentials.authority, credentials.key, credentials.certificate
        )
    except (TypeError, ValueError) as error:  # pragma: no cover # Credentials.check came first
        raise ConfigurationError(f"unusable certificates: {error}") from None
    return grpc.secure_channel(
        address, secure, [*_OPTIONS, ("grpc.ssl_target_name_override", peer.name)]
    )
