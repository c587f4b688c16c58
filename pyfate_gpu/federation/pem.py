# SPDX-License-Identifier: Apache-2.0
"""Certificates and private keys out of PEM files, however they were exported; takes ``cryptography``."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pyfate_gpu.errors import ConfigurationError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATES = ("CERTIFICATE", "X509 CERTIFICATE")
_KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY")
_ENCRYPTED = "ENCRYPTED PRIVATE KEY"


def read_certificates(file: str, data: bytes) -> list[Certificate]:
    """Return the certificates of a file, in its order; other text in it is passed over.

    Parameters
    ----------
    file : str
        Its name, for errors.
    data : bytes
        Its contents.

    Raises
    ------
    ConfigurationError
        When there is none, or one cannot be read.

    Examples
    --------
    >>> from pyfate_gpu.federation.certificates import Authority
    >>> from pyfate_gpu.federation.pem import read_certificates
    >>> [c.subject.rfc4514_string() for c in read_certificates("ca.pem", Authority.create().pem)]
    ['CN=pyfate-gpu development authority']
    """
    from cryptography import x509

    found = [body for label, body in _blocks(data) if label in _CERTIFICATES]
    if not found:
        raise ConfigurationError(f"{file} holds no certificate: {_instead(file, data)}")
    certificates = []
    for number, body in enumerate(found, 1):
        try:
            certificate = x509.load_der_x509_certificate(_decoded(body))
            certificate.public_key(), list(certificate.extensions)  # read late, and may fail
        except Exception as error:  # of many kinds, by what is broken
            raise ConfigurationError(
                f"certificate {number} of {len(found)} in {file} cannot be read ({error}): "
                "export it again, or take it out of the file"
            ) from None
        certificates.append(certificate)
    return certificates


def read_key(file: str, data: bytes, passphrase: bytes | None = None) -> PrivateKeyTypes:
    """Return the private key of a file: PKCS#8, PKCS#1 or SEC1, encrypted or not.

    Raises
    ------
    ConfigurationError
        When there is none or several, it cannot be read, or takes a passphrase, or another one.
    """
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    blocks = list(_blocks(data))
    if any(label == _ENCRYPTED or "ENCRYPTED" in body for label, body in blocks):
        return _read_encrypted(file, data, passphrase)
    found = [body for label, body in blocks if label in _KEYS]
    if len(found) > 1:
        raise ConfigurationError(f"{file} holds {len(found)} private keys: leave the right one")
    if not found:
        raise ConfigurationError(f"{file} holds no private key: {_instead(file, data)}")
    try:
        return load_der_private_key(_decoded(found[0]), password=None)
    except Exception as error:  # of many kinds, by what is broken
        raise ConfigurationError(
            f"the private key in {file} cannot be read ({error}): export it again"
        ) from None


def _read_encrypted(file: str, data: bytes, passphrase: bytes | None) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not passphrase:
        raise ConfigurationError(
            f"the private key in {file} is encrypted: name a file whose first line is its passphrase, "
            "passphrase in [tls], for its owner only (chmod 600)"
        )
    try:
        return load_pem_private_key(data, passphrase)
    except Exception as error:  # of many kinds, by what is broken
        raise ConfigurationError(
            f"the private key in {file} does not open ({error}): is it another passphrase?"
        ) from None


def _blocks(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield label and text of each block."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))  # written by a shell of Windows
    text = data.decode("utf-16" if wide else "latin-1", "replace")
    for match in _BLOCK.finditer(text):
        yield match[1], match[2]


def _decoded(body: str) -> bytes:
    return base64.b64decode("".join(body.split()), validate=True)


def _instead(file: str, data: bytes) -> str:
    """Return what a file without the right block is, and what to do about it."""
    labels = sorted({label for label, _ in _blocks(data)})
    if labels:
        return f"it has {', '.join(labels)}; were files exchanged?"
    if not data.strip():
        return "it is empty"
    return (
        "it is no PEM file; openssl x509 -inform der, openssl pkey -inform der and "
        f"openssl pkcs12 -nodes write one from other forms (-in {file} -out NEW)"
    )
