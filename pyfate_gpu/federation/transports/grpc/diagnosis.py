# SPDX-License-Identifier: Apache-2.0
"""Why no connection comes about with a peer, asked once a call has failed: gRPC may say "Socket closed" only."""

from __future__ import annotations

import socket
import ssl

import grpc

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.pem import read_certificates
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc.calls import printable
from pyfate_gpu.federation.transports.grpc.credentials import Credentials
from pyfate_gpu.federation.transports.grpc.rehearsal import call

_SECONDS = 5.0  # for the peer to answer
#: What OpenSSL's versions call an answer in plaintext.
_PLAINTEXT = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE"})
#: What OpenSSL says of a certificate whose issuer is not among those trusted (its x509_vfy.h).
_NO_ISSUER = frozenset({2, 18, 19, 20, 21})


def why_no_tls(peer: Party, address: str, credentials: Credentials | None) -> str | None:
    """Return what stands between us and a peer that listens; None if nobody does, or nothing is found.

    Parameters
    ----------
    peer : Party
        Whose name the certificate there should have.
    address : str
        ``host:port``.
    credentials : Credentials or None
        Ours; None for plaintext.
    """
    try:
        if credentials is None:
            _certificate(address, peer, _anybody())
            return "it talks by TLS, this party in plaintext: one was told --insecure"
        _certificate(address, peer, _trusting(credentials.authority))
    except ssl.SSLCertVerificationError as error:
        return f"{_distrust(error, credentials)}: {_shown(address, peer)}"
    except ssl.SSLError as error:
        # Bytes that are no TLS are plaintext; a connection that ends says nothing.
        if credentials is None or error.reason not in _PLAINTEXT:
            return None
        return "it talks in plaintext, this party by TLS: one was told --insecure"
    except (OSError, ValueError):
        return None
    own = credentials.certificate
    secure = grpc.ssl_channel_credentials(credentials.authority, credentials.key, own)
    if call(address, peer, secure, _SECONDS) is None:
        return None
    return (
        f"its certificate is good, but it hangs up at ours ({_described(own)}): most likely it does not trust "
        "who issued ours, or its clock is wrong; its log says more"
    )


def _distrust(error: ssl.SSLCertVerificationError, credentials: Credentials | None) -> str:
    reason = printable(error.verify_message)
    if credentials is not None and error.verify_code in _NO_ISSUER:
        reason = f"nobody trusted by {credentials.files[0]} issued it"
    return f"its certificate is not to be trusted, {reason}"


def _shown(address: str, peer: Party) -> str:
    """Return what the certificate says that the peer shows."""
    try:
        return _described(_certificate(address, peer, _anybody()))
    except (OSError, ValueError, ConfigurationError):
        return "it cannot be read"


def _certificate(address: str, peer: Party, context: ssl.SSLContext) -> bytes:
    """Shake hands as a client without a certificate; return the one shown, PEM."""
    host, _, port = address.rpartition(":")
    with (
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as connection,
        context.wrap_socket(connection, server_hostname=peer.name) as secure,
    ):
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"").encode()


def _anybody() -> ssl.SSLContext:
    """Return what takes any certificate: to look at it, nothing is sent."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # what is too weak is for gRPC to say
    return context


def _trusting(authority: bytes) -> ssl.SSLContext:
    """Return what takes certificates that gRPC takes."""
    context = _anybody()
    context.verify_mode = ssl.CERT_REQUIRED
    context.check_hostname = True
    context.load_verify_locations(cadata=authority.decode("ascii"))
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context


def _described(pem: bytes) -> str:
    from pyfate_gpu.federation.transports.grpc.chain import dns_names, name_of

    certificate = read_certificates("it", pem)[0]
    names = ", ".join(map(printable, dns_names(certificate))) or "none"
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (
        f"{name_of(certificate.subject)}, DNS names {names}, issued by {name_of(certificate.issuer)}, "
        f"valid from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"
    )
