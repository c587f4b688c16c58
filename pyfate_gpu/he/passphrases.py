# SPDX-License-Identifier: Apache-2.0
"""Private keys under a passphrase: scrypt (RFC 7914) and AES-256-GCM.

The standard library has scrypt but no authenticated cipher; `cryptography` is an optional
dependency for that, the extra ``pyfate-gpu[keys]``.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from typing import Any

from pyfate_gpu.errors import KeyFileError
from pyfate_gpu.extras import install_line

KIND = "pyfate-gpu sealed private key"
VERSION = 1
SCRYPT = {"n": 1 << 17, "r": 8, "p": 1}
SCRYPT_MEMORY = 256 << 20
SALT_BYTES = 32
NONCE_BYTES = 12


def seal(document: dict[str, Any], passphrase: str | bytes) -> dict[str, Any]:
    """An encrypted document; the public key stays readable and is authenticated with the rest."""
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    sealed: dict[str, Any] = {
        "kind": KIND,
        "version": VERSION,
        "kdf": {"name": "scrypt", "salt": _encode(salt), **SCRYPT},
        "cipher": {"name": "AES-256-GCM", "nonce": _encode(nonce)},
        "pub": document["pub"],
    }
    cipher = _cipher(_derive(passphrase, salt))
    data = cipher.encrypt(nonce, json.dumps(document).encode("ascii"), _associated(sealed))
    return sealed | {"data": _encode(data)}


def is_sealed(document: Any) -> bool:
    """Whether a key file is one of ours under a passphrase."""
    return isinstance(document, dict) and document.get("kind") == KIND


def unseal(document: dict[str, Any], passphrase: str | bytes) -> Any:
    """The document inside.

    Raises
    ------
    KeyFileError
        If the passphrase is wrong, the file was changed, or its version is unknown.
    """
    if document.get("version") != VERSION:
        raise KeyFileError(
            f"the key file has version {document.get('version')!r}; this release reads {VERSION}"
        )
    rest = dict(document)
    try:
        kdf, data = document["kdf"], _decode(rest.pop("data"))
        # Costs from the file are not trusted: they could ask for all memory of the machine.
        known = {"name": "scrypt", "salt": kdf["salt"], **SCRYPT} == kdf
        salt, nonce = _decode(kdf["salt"]), _decode(document["cipher"]["nonce"])
    except (KeyError, TypeError, ValueError):
        raise KeyFileError("the sealed key file is malformed") from None
    if not known or document["cipher"].get("name") != "AES-256-GCM" or len(nonce) != NONCE_BYTES:
        raise KeyFileError("the sealed key file asks for ciphers this release does not know")
    cipher = _cipher(_derive(passphrase, salt))
    from cryptography.exceptions import InvalidTag

    try:
        return json.loads(cipher.decrypt(nonce, data, _associated(rest)))
    except (InvalidTag, ValueError):
        raise KeyFileError("wrong passphrase, or the key file was changed") from None


def _derive(passphrase: str | bytes, salt: bytes) -> bytes:
    if not isinstance(passphrase, str | bytes):  # bytes(7) would be seven zeros
        raise KeyFileError(f"the passphrase is a {type(passphrase).__name__}; it must be a text")
    secret = passphrase.encode("utf-8") if isinstance(passphrase, str) else passphrase
    if not secret:
        raise KeyFileError("the passphrase is empty; leave it out for a file without one")
    return hashlib.scrypt(secret, salt=salt, **SCRYPT, maxmem=SCRYPT_MEMORY, dklen=32)


def _cipher(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError:
        raise KeyFileError(
            f"passphrases need the package cryptography: {install_line('keys')}"
        ) from None
    return AESGCM(key)


def _associated(sealed: dict[str, Any]) -> bytes:
    return json.dumps(sealed, sort_keys=True, separators=(",", ":")).encode("ascii")


def _encode(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _decode(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
