# SPDX-License-Identifier: Apache-2.0
"""Certificates of every shape: good ones unless told otherwise, issued by themselves or by one another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel

KEYS = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p224": lambda: ec.generate_private_key(ec.SECP224R1()),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "secp256k1": lambda: ec.generate_private_key(ec.SECP256K1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
    "ed448": ed448.Ed448PrivateKey.generate,
    "dsa": lambda: dsa.generate_private_key(2048),
}
#: How errors write dates.
DATES = r"\d{4}-\d\d-\d\d \d\d:\d\d"
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
_USAGES = [
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
]


@dataclass
class Issued:
    """A certificate and its key."""

    key: object
    certificate: x509.Certificate

    @property
    def pem(self):
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def end(self):
        return f"{self.certificate.not_valid_after_utc:%Y-%m-%d %H:%M}"

    @property
    def start(self):
        return f"{self.certificate.not_valid_before_utc:%Y-%m-%d %H:%M}"

    def key_pem(self, form=PrivateFormat.PKCS8, encryption=None):
        return self.key.private_bytes(Encoding.PEM, form, encryption or NoEncryption())


def issue(
    name,
    by=None,
    *,
    key="p256",
    ca=False,
    days=(-1, 30),
    usage=None,
    purposes=(SERVER, CLIENT),
    names=None,
    constraints=True,
    extensions=(),
):
    """Issue a certificate; `names` are DNS names, the party's own by default."""
    key = KEYS[key]() if isinstance(key, str) else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(
        subject_name=subject,
        issuer_name=by.certificate.subject if by else subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now + timedelta(days=days[0]),
        not_valid_after=now + timedelta(days=days[1]),
    )
    usage = usage or ("key_cert_sign" if ca else "digital_signature")
    found = [(x509.KeyUsage(**{each: each == usage for each in _USAGES}), True), *extensions]
    if constraints:
        found.append((x509.BasicConstraints(ca=ca, path_length=None), True))
    if purposes and not ca:
        found.append((x509.ExtendedKeyUsage(purposes), False))
    if not ca:
        found.append((x509.SubjectAlternativeName(map(x509.DNSName, names or [name])), False))
    for extension, critical in found:
        builder = builder.add_extension(extension, critical)
    signer = by.key if by else key
    plain = isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return Issued(key, builder.sign(signer, None if plain else hashes.SHA256()))


def credentials(issued, *chain, trust):
    """Of a certificate, with others beside it."""
    return Credentials(
        b"".join(each.pem for each in trust),
        b"".join(each.pem for each in (issued, *chain)),
        issued.key_pem(),
        files=("ca.pem", "guest.pem", "guest.key"),
    )


def opened_by(own):
    """Open a guest that has nobody to call."""
    with GrpcChannel(GUEST, "127.0.0.1:0", {}, credentials=own):
        pass
