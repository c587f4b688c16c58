# SPDX-License-Identifier: Apache-2.0
"""Answers the calls of other parties: knows who calls, and puts what they bring into the inbox."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from pyfate_gpu.errors import ConfigurationError, PartyFailedError, ProtocolError
from pyfate_gpu.federation.mailbox import Mailbox
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc.calls import (
    MAX_MESSAGE_BYTES,
    SERVICE,
    Caller,
    Opening,
    printable,
)
from pyfate_gpu.federation.transports.grpc.credentials import Credentials, party_of
from pyfate_gpu.federation.transports.grpc.inbox import Inbox, Superseded
from pyfate_gpu.federation.transports.grpc.peers import Peers

_MAX_REASON = 2000
_POLL_SECONDS = 0.05
_OPTIONS = [
    ("grpc.so_reuseport", 0),  # a port in use is an error, not shared
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_concurrent_streams", 16),
]


class Server:
    """One party's end of the others' links.

    Parameters
    ----------
    mailbox, inbox, peers
        What the calls change.
    instance : str
        Of this process.
    credentials : Credentials or None
        None for plaintext, where callers are who they say they are.
    greet : callable
        Asks the process at a peer's address for its instance.
    max_parked_bytes : int
        While more than this lies unread from one party, its chunks wait on the wire.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        inbox: Inbox,
        peers: Peers,
        *,
        instance: str,
        credentials: Credentials | None,
        max_parked_bytes: int,
        greet: Callable[[Party], str],
    ) -> None:
        self._mailbox = mailbox
        self._inbox = inbox
        self._peers = peers
        self._instance = instance
        self._credentials = credentials
        self._max_parked_bytes = max_parked_bytes
        self._greet_peer = greet
        unary = grpc.unary_unary_rpc_method_handler
        handlers = {
            "Greet": unary(self._greet),
            "Stop": unary(self._stop),
            "Resume": unary(self._resume),
            "Deliver": grpc.stream_unary_rpc_method_handler(self._deliver),
        }
        self._workers = ThreadPoolExecutor(
            4 + 4 * len(peers.names()), thread_name_prefix=f"{mailbox.owner} answers"
        )
        self._server = grpc.server(
            self._workers,
            [grpc.method_handlers_generic_handler(SERVICE, handlers)],
            options=_OPTIONS,
        )

    def start(self, address: str) -> int:
        """Listen at `address` (``host:port``) and return the port.

        Raises
        ------
        ConfigurationError
            When that is not possible.
        """
        try:
            if self._credentials is None:
                port = self._server.add_insecure_port(address)
            else:
                port = self._server.add_secure_port(address, _server_credentials(self._credentials))
        except RuntimeError:
            port = 0
        if not port:
            raise ConfigurationError(
                f"{self._mailbox.owner} cannot listen at {address}: in use, or not an address of this machine"
            )
        self._server.start()
        return int(port)

    def close(self, grace: float) -> None:
        """Answer no more new calls; let running ones end within `grace` seconds."""
        self._server.stop(grace).wait()
        self._workers.shutdown(wait=False)  # gRPC leaves that to whoever made them

    def _greet(self, request: bytes, context: Any) -> bytes:
        self._caller(context)
        return self._instance.encode("ascii")

    def _stop(self, request: bytes, context: Any) -> bytes:
        sender = self._caller(context)
        reason = printable(request[:_MAX_REASON].decode("utf-8", "replace"))
        if reason:
            self._mailbox.fail(reason)
        else:
            self._peers.leave(sender)
            self._mailbox.expect_no_more(sender)
        return b""

    def _resume(self, request: bytes, context: Any) -> bytes:
        sender = self._caller(context)
        try:
            return str(self._inbox.resume(sender, Opening.unpack(request))).encode("ascii")
        except ProtocolError as error:
            raise _refuse(context, grpc.StatusCode.FAILED_PRECONDITION, str(error)) from None

    def _deliver(self, pieces: Iterator[bytes], context: Any) -> bytes:
        sender = self._caller(context)
        try:
            attempt = self._inbox.begin(sender, Opening.unpack(next(pieces, b"")))
            if attempt is None:
                return b""
            for chunk in pieces:
                self._inbox.append(sender, attempt, chunk)
                while self._mailbox.parked_bytes(sender) > self._max_parked_bytes:
                    if not context.is_active():
                        return b""
                    time.sleep(_POLL_SECONDS)
            if context.is_active():  # a dropped connection ends the pieces early
                self._inbox.finish(sender, attempt)
        except Superseded:
            context.abort(grpc.StatusCode.ABORTED, "begun again on another connection")
        except ProtocolError as error:
            raise _refuse(context, grpc.StatusCode.FAILED_PRECONDITION, str(error)) from None
        return b""

    def _caller(self, context: Any) -> Party:
        """Return who calls, by certificate; end the call of anybody who is not a peer of this job."""
        own = self._mailbox.owner
        try:
            caller = Caller.read(context.invocation_metadata())
            certified = self._certified(context, caller)
            if caller.party != certified:
                named = certified or "no party, or several"
                raise ProtocolError(
                    f"the caller says {caller.party}, its certificate names {named}"
                )
            if caller.to != own:
                raise ProtocolError(
                    f"this is {own}, not {caller.to}: check the addresses of the peers"
                )
            self._peers.hear(caller.party, caller.instance)
        except PartyFailedError as error:
            if self._lives(caller.party):
                text = f"another process is {caller.party} in this job, and lives"
                raise _refuse(context, grpc.StatusCode.PERMISSION_DENIED, text) from None
            self._mailbox.fail(error)
            raise _refuse(
                context,
                grpc.StatusCode.UNAVAILABLE,  # it shall try again: this process is about to end
                f"{own} is still busy with an earlier session",
            ) from None
        except ProtocolError as error:
            raise _refuse(context, grpc.StatusCode.PERMISSION_DENIED, str(error)) from None
        return caller.party

    def _lives(self, party: Party) -> bool:
        """Return whether the process that we know as `party` still answers at its address."""
        try:
            return self._peers.is_instance(party, self._greet_peer(party))
        except grpc.RpcError:
            return False

    def _certified(self, context: Any, caller: Caller) -> Party | None:
        if self._credentials is None:
            return caller.party
        names = context.auth_context().get("x509_subject_alternative_name", [])
        return party_of(name.decode("utf-8", "replace") for name in names)


def _refuse(context: Any, code: Any, text: str) -> Exception:
    context.abort(code, text)  # raises
    raise AssertionError


def _server_credentials(credentials: Credentials) -> Any:
    return grpc.ssl_server_credentials(
        [(credentials.key, credentials.certificate)],
        root_certificates=credentials.authority,
        require_client_auth=True,
    )
