# SPDX-License-Identifier: Apache-2.0
"""A certificate authority for development, and certificates that name parties; takes ``cryptography``."""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.extras import install_line
from pyfate_gpu.federation.pem import read_certificates, read_key
from pyfate_gpu.federation.roles import Party

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, CertificateBuilder, ExtensionType, KeyUsage, Name

AUTHORITY = "ca"
_CLOCK_SKEW = timedelta(minutes=5)


class Authority:
    """Issues certificates; its private key decides who takes part, so it belongs on no party's machine.

    Examples
    --------
    >>> from pyfate_gpu.federation.certificates import Authority
    >>> from pyfate_gpu import Party
    >>> authority = Authority.create()
    >>> key, certificate = authority.issue(Party.parse("guest"))
    >>> certificate.splitlines()[0]
    b'-----BEGIN CERTIFICATE-----'
    """

    def __init__(self, key: EllipticCurvePrivateKey, certificate: Certificate) -> None:
        self._key = key
        self._certificate = certificate

    @classmethod
    def create(cls, days: float = 365) -> Authority:
        """Make a new authority (P-256), its certificate valid for `days`."""
        require_cryptography()
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes

        key = _new_key()
        name = _name("pyfate-gpu development authority")
        builder = _builder(days).subject_name(name).issuer_name(name).public_key(key.public_key())
        builder = builder.add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        builder = builder.add_extension(_usage(signs_certificates=True), critical=True)
        identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
        builder = builder.add_extension(identifier, critical=False)
        return cls(key, builder.sign(key, hashes.SHA256()))

    @classmethod
    def load(cls, folder: Path) -> Authority:
        """Read the authority that `save` wrote.

        Raises
        ------
        ConfigurationError
            When its files cannot be read, are not of one authority, or its time is over.
        """
        require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

        key_file, file = folder / f"{AUTHORITY}.key", folder / f"{AUTHORITY}.pem"
        try:
            key = read_key(str(key_file), key_file.read_bytes())
            certificate, *_ = read_certificates(str(file), file.read_bytes())
        except OSError as error:
            raise ConfigurationError(f"no authority can be read from {folder}: {error}") from None
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ConfigurationError(
                f"the authority's key in {folder} was not made by this command"
            )
        anew = (
            f"remove {key_file.name} and {file.name} there to make a new authority, for all parties"
        )
        if key.public_key() != certificate.public_key():
            raise ConfigurationError(f"the key in {key_file} is not that of {file}: {anew}")
        if certificate.not_valid_after_utc < datetime.now(timezone.utc):
            end = f"{certificate.not_valid_after_utc:%Y-%m-%d %H:%M}"
            raise ConfigurationError(f"the authority in {file} ended at {end} UTC: {anew}")
        return cls(key, certificate)

    @property
    def pem(self) -> bytes:
        """The authority's certificate, which every party has to trust."""
        from cryptography.hazmat.primitives.serialization import Encoding

        pem: bytes = self._certificate.public_bytes(Encoding.PEM)
        return pem

    def issue(self, party: Party, days: float = 90) -> tuple[bytes, bytes]:
        """Return a private key and a certificate for `party`, PEM; never valid longer than the authority."""
        key = _new_key()
        return _key_pem(key), self._certify(party, key.public_key(), days)

    def renew(self, party: Party, file: str, certificate: bytes, days: float = 90) -> bytes:
        """Return another certificate for the key of one that this authority issued to `party`, PEM.

        The private key stays where it is, with the party.

        Raises
        ------
        ConfigurationError
            When it is of another party, or another authority issued it.
        """
        from cryptography.exceptions import InvalidSignature

        old, *_ = read_certificates(file, certificate)
        try:
            old.verify_directly_issued_by(self._certificate)
        except (ValueError, TypeError, InvalidSignature):
            raise ConfigurationError(f"{file} was not issued by the authority beside it") from None
        if old.subject != _name(party.name):
            raise ConfigurationError(f"{file} is of {old.subject.rfc4514_string()}, not of {party}")
        return self._certify(party, old.public_key(), days)

    def _certify(self, party: Party, public_key: Any, days: float) -> bytes:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.serialization import Encoding
        from cryptography.x509.oid import ExtendedKeyUsageOID

        builder = _builder(days, self._certificate.not_valid_after_utc)
        builder = builder.subject_name(_name(party.name)).issuer_name(self._certificate.subject)
        builder = builder.public_key(public_key)
        extensions: list[tuple[ExtensionType, bool]] = [
            (x509.BasicConstraints(ca=False, path_length=None), True),
            (_usage(signs_certificates=False), True),
            (
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                False,
            ),
            (x509.SubjectAlternativeName([x509.DNSName(party.name)]), False),
            (x509.SubjectKeyIdentifier.from_public_key(public_key), False),
            (x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), False),
        ]
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical=critical)
        certificate = builder.sign(self._key, hashes.SHA256())
        pem: bytes = certificate.public_bytes(Encoding.PEM)
        return pem

    def save(self, folder: Path) -> None:
        """Write ``ca.key`` (for its owner only) and ``ca.pem``; neither may exist."""
        write_new(folder / f"{AUTHORITY}.key", _key_pem(self._key), mode=0o600)
        write_new(folder / f"{AUTHORITY}.pem", self.pem, mode=0o644)


def require_cryptography() -> None:
    """Raise ConfigurationError where the package is not installed."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise ConfigurationError(
            f"certificates take the package cryptography: {install_line('grpc')}"
        ) from None


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file that does not exist yet, with its permissions from the start.

    Raises
    ------
    ConfigurationError
        When it exists, or cannot be written.
    """
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    except FileExistsError:
        raise ConfigurationError(f"{path} exists; remove it or choose another folder") from None
    except OSError as error:
        raise ConfigurationError(f"cannot write {path}: {error.strerror}") from None


def _new_key() -> EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _key_pem(key: EllipticCurvePrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
    )

    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem


def _name(text: str) -> Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _builder(days: float, latest: datetime | None = None) -> CertificateBuilder:
    from cryptography import x509

    now = datetime.now(timezone.utc)
    end = now + timedelta(days=days)
    if latest is not None:
        end = min(end, latest)
    builder = x509.CertificateBuilder().serial_number(x509.random_serial_number())
    start = min(now, end) - _CLOCK_SKEW
    return builder.not_valid_before(start).not_valid_after(end)
