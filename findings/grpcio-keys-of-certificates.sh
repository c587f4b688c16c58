#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# grpcio 1.85.3, with certificates made by cryptography 50.0.2.
#
# A self-signed certificate over an Ed25519 or a P-521 key is valid, and Python's ssl (OpenSSL) serves and verifies
# it. A good guess is that gRPC does, too: the server takes both and binds its port. No client gets through:
# handshakes find no signature algorithm in common, and the client hears UNAVAILABLE, "Socket closed", as if nobody
# were there. P-256, P-384 and RSA keys work on both.
#
# Seen:
#   P-256, P-384, RSA of 3072 bits -> answered over gRPC and over ssl
#   P-521, Ed25519                 -> UNAVAILABLE over gRPC, answered over ssl
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -I -m venv .
bin/python -I -m pip install --quiet --disable-pip-version-check grpcio==1.85.3 cryptography==50.0.2
bin/python -I - <<'END'
import datetime
import socket
import ssl
import threading
from concurrent import futures
from pathlib import Path

import grpc
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

NAME = "localhost"


def certificate(key):
    """Return a certificate of a day and its key, both PEM."""
    now = datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(pem), secret


class Echo(grpc.GenericRpcHandler):
    def service(self, _):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


def over_grpc(certificate, key):
    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Echo(),))
    credentials = grpc.ssl_server_credentials([(key, certificate)])
    port = server.add_secure_port(f"{NAME}:0", credentials)
    server.start()
    trusted = grpc.ssl_channel_credentials(certificate)
    try:
        with grpc.secure_channel(f"{NAME}:{port}", trusted) as channel:
            return channel.unary_unary("/service/echo")(b"hello", timeout=60)
    except grpc.RpcError as error:
        return error.code()
    finally:
        server.stop(0)


def over_ssl(certificate, key):
    Path("both.pem").write_bytes(certificate + key)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain("both.pem")
    client = ssl.create_default_context(cadata=certificate.decode())
    listener = socket.create_server((NAME, 0))

    def serve():
        with server.wrap_socket(listener.accept()[0], server_side=True) as channel:
            channel.sendall(channel.recv(5))

    threading.Thread(target=serve).start()
    with client.wrap_socket(
        socket.create_connection(listener.getsockname()), server_hostname=NAME
    ) as channel:
        channel.sendall(b"hello")
        return channel.recv(5)


unavailable = grpc.StatusCode.UNAVAILABLE
for name, key, expected in (
    ("P-256", ec.generate_private_key(ec.SECP256R1()), b"hello"),
    ("P-384", ec.generate_private_key(ec.SECP384R1()), b"hello"),
    ("RSA", rsa.generate_private_key(65537, 3072), b"hello"),
    ("P-521", ec.generate_private_key(ec.SECP521R1()), unavailable),
    ("Ed25519", ed25519.Ed25519PrivateKey.generate(), unavailable),
):
    pair = certificate(key)
    answers = over_grpc(*pair), over_ssl(*pair)
    print(name, *answers)
    assert answers == (expected, b"hello")
END
