# SPDX-License-Identifier: Apache-2.0
"""The JSON Web Key form of numbers, that of python-paillier's `pheutil`; knows no scheme.

Keys of other schemes than python-paillier's have an algorithm of their own, which it refuses.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pyfate_gpu.errors import KeyFileError

KEY_TYPE = "DAJ"


def public_document(algorithm: str, numbers: Mapping[str, int], kid: str) -> dict[str, Any]:
    """JSON-able form of a public key, given its numbers by the names of their members."""
    return {
        "kty": KEY_TYPE,
        "alg": algorithm,
        "key_ops": ["encrypt"],
        "kid": kid,
        **{name: encode_number(value) for name, value in numbers.items()},
    }


def private_document(numbers: Mapping[str, int], public: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-able form of a private key, given the document of its public half: as secret as the key."""
    return {
        "kty": KEY_TYPE,
        "key_ops": ["decrypt"],
        **{name: encode_number(value) for name, value in numbers.items()},
        "pub": public,
        "kid": public["kid"],
    }


def check_type(jwk: Any, operation: str) -> None:
    """Raise KeyFileError unless `jwk` is a key of this form for `operation`, encrypt or decrypt."""
    if not isinstance(jwk, Mapping):
        raise KeyFileError("the key is no JSON object")
    operations = jwk.get("key_ops")
    if jwk.get("kty") != KEY_TYPE or not isinstance(operations, list):
        raise KeyFileError(f"the key has kty {jwk.get('kty')!r}; {KEY_TYPE!r} was expected")
    if operation not in operations:
        raise KeyFileError(
            f"the key is for {operations!r}, not for {operation!r}; "
            f"public and private keys are different files"
        )


def encode_number(value: int) -> str:
    """Base64url of a positive integer, big-endian, as RFC 7518 has it."""
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_number(jwk: Mapping[str, Any], member: str) -> int:
    """The integer of a member.

    Raises
    ------
    KeyFileError
        When it is missing or no such number.
    """
    text = jwk.get(member)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,4096}={0,2}", text):
        raise KeyFileError(f"member {member!r} of the key is missing or no base64url number")
    text = text.rstrip("=")
    try:
        value = int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    except binascii.Error:
        raise KeyFileError(f"member {member!r} of the key is no base64url number") from None
    if encode_number(value) != text:
        raise KeyFileError(f"member {member!r} of the key is no base64url number of RFC 7518")
    return value


def default_kid(fingerprint: str) -> str:
    """A name for a key: which, by whom, when."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return f"Paillier key {fingerprint} written by pyfate-gpu on {moment}"
