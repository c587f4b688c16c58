# SPDX-License-Identifier: Apache-2.0
"""A handshake with oneself: whether gRPC makes connections by certificates, found out by making one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from pyfate_gpu.federation.roles import Party

_SECONDS = 60.0  # no machine takes as long
_OPTIONS = [
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own, not one that others made
    ("grpc.enable_http_proxy", 0),  # proxies of the environment are for the web
]


def rehearse(party: Party, authority: bytes, certificate: bytes, key: bytes) -> str | None:
    """Let a server and a client with the same certificate meet; return what gRPC says if they cannot.

    A party answers calls and makes them, by one certificate: who can talk to itself can talk to others who
    trust the same authority. Nothing is known, and None returned, where a machine is too slow for an answer.

    Parameters
    ----------
    party : Party
        Whose name the certificate has.
    authority, certificate, key : bytes
        PEM, as gRPC takes them.
    """
    with ThreadPoolExecutor(1, thread_name_prefix=f"{party} rehearses") as workers:
        server = grpc.server(workers)
        secure = grpc.ssl_server_credentials(
            [(key, certificate)], root_certificates=authority, require_client_auth=True
        )
        try:
            port = server.add_secure_port("127.0.0.1:0", secure)
            if not port:
                return "no server can be made of them"
            server.start()
            return call(
                f"127.0.0.1:{port}",
                party,
                grpc.ssl_channel_credentials(authority, key, certificate),
            )
        except RuntimeError:
            return "no server can be made of them"
        finally:
            server.stop(None).wait()


def call(address: str, name: Party, credentials: Any, seconds: float = _SECONDS) -> str | None:
    """Make a new connection and a call that nobody knows; return what gRPC says if there is no connection."""
    options = [*_OPTIONS, ("grpc.ssl_target_name_override", name.name)]
    with grpc.secure_channel(address, credentials, options) as channel:
        try:
            channel.unary_unary("/pyfate.Nobody/Knows")(b"", timeout=seconds)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                return str(error.details())
    return None
