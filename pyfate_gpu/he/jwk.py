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
_URL_SAFE = str.maketrans("+/", "-_")


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


def check_type(jwk: Any, operation: str, of: str = "the key") -> None:
    """Raise KeyFileError unless `jwk` is a key of this form for `operation`, encrypt or decrypt.

    Member ``key_ops`` is optional, as RFC 7517 has it: a private key is one with a public half.
    """
    if not isinstance(jwk, Mapping):
        raise KeyFileError(f"{of} is no JSON object")
    if jwk.get("kty") != KEY_TYPE:
        raise KeyFileError(
            f"member 'kty' of {of} is {jwk.get('kty')!r:.40}; {KEY_TYPE!r} was expected"
        )
    operations = jwk.get("key_ops", ["decrypt" if "pub" in jwk else "encrypt"])
    if not isinstance(operations, list):
        raise KeyFileError(
            f"member 'key_ops' of {of} is {operations!r:.40}; a list with {operation!r} was expected"
        )
    if operation not in operations:
        raise KeyFileError(
            f"{of} is for {operations!r:.80}, not for {operation!r}; "
            f"public and private keys are different files"
        )


def encode_number(value: int) -> str:
    """Base64url of a positive integer, big-endian, as RFC 7518 has it."""
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode_number(jwk: Mapping[str, Any], member: str, of: str = "the key") -> int:
    """The integer of a member, as any tool writes it.

    Leading zero bytes, as of signed integers, padding and the letters ``+/`` in place of ``-_`` change nothing.

    Raises
    ------
    KeyFileError
        When it is missing or no such number.
    """
    if member not in jwk:
        raise KeyFileError(f"member {member!r} of {of} is missing")
    text = jwk[member]
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9+/_-]{1,4096}={0,2}", text):
        raise KeyFileError(f"member {member!r} of {of} is no base64url number")
    text = text.rstrip("=").translate(_URL_SAFE)
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        data = b""
    # The last letter has bits to spare, which every tool leaves 0: others come of cutting.
    if base64.urlsafe_b64encode(data).rstrip(b"=") != text.encode("ascii"):
        raise KeyFileError(f"member {member!r} of {of} is a base64url number cut short or damaged")
    return int.from_bytes(data, "big")


def default_kid(fingerprint: str) -> str:
    """A name for a key: which, by whom, when."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return f"key {fingerprint} written by pyfate-gpu on {moment}"
