# SPDX-License-Identifier: Apache-2.0
"""Keys as JSON Web Keys, in the form of python-paillier's `pheutil`, with the extra member h.

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
from pyfate_gpu.he.keys import SCHEMES
from pyfate_gpu.he.paillier.private_key import PrivateKey
from pyfate_gpu.he.paillier.public_key import PublicKey

KEY_TYPE = "DAJ"
ALGORITHMS = {scheme.algorithm: scheme for scheme in SCHEMES.values()}


def public_to_jwk(key: PublicKey, kid: str | None = None) -> dict[str, Any]:
    """JSON-able form of a public key; python-paillier ignores h."""
    jwk = {
        "kty": KEY_TYPE,
        "alg": SCHEMES[key.scheme].algorithm,
        "key_ops": ["encrypt"],
        "n": _encode(key.n),
        "kid": kid or _default_kid(key),
    }
    return jwk if key.h is None else jwk | {"h": _encode(key.h)}


def private_to_jwk(key: PrivateKey, kid: str | None = None) -> dict[str, Any]:
    """JSON-able form of a private key: as secret as the key."""
    secrets = zip(key.secret_members, map(_encode, key._secret_numbers()), strict=True)
    return {
        "kty": KEY_TYPE,
        "key_ops": ["decrypt"],
        **dict(secrets),
        "pub": public_to_jwk(key.public_key, kid),
        "kid": kid or _default_kid(key.public_key),
    }


def public_from_jwk(jwk: Any, *, allow_insecure_key_size: bool = False) -> PublicKey:
    """A public key from its JSON form.

    Raises
    ------
    KeyFileError
        If it is no such JSON object.
    InvalidKeyError
        If its numbers are no key.
    """
    _check_type(jwk, "encrypt")
    algorithm = jwk.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise KeyFileError(f"the key has alg {algorithm!r}; one of {list(ALGORITHMS)} was expected")
    h = _decode(jwk, "h") if "h" in jwk else None
    return ALGORITHMS[algorithm].public_key(
        _decode(jwk, "n"), h, allow_insecure_key_size=allow_insecure_key_size
    )


def private_from_jwk(jwk: Any, *, allow_insecure_key_size: bool = False) -> PrivateKey:
    """A private key from its JSON form; raises as `public_from_jwk` does."""
    _check_type(jwk, "decrypt")
    public_key = public_from_jwk(jwk.get("pub"), allow_insecure_key_size=allow_insecure_key_size)
    kind = SCHEMES[public_key.scheme].private_key
    return kind(public_key, *(_decode(jwk, name) for name in kind.secret_members))


def _check_type(jwk: Any, operation: str) -> None:
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


def _encode(value: int) -> str:
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _decode(jwk: Mapping[str, Any], member: str) -> int:
    text = jwk.get(member)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]{1,4096}={0,2}", text):
        raise KeyFileError(f"member {member!r} of the key is missing or no base64url number")
    text = text.rstrip("=")
    try:
        value = int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
    except binascii.Error:
        raise KeyFileError(f"member {member!r} of the key is no base64url number") from None
    if _encode(value) != text:
        raise KeyFileError(f"member {member!r} of the key is no base64url number of RFC 7518")
    return value


def _default_kid(key: PublicKey) -> str:
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return f"Paillier key {key.fingerprint} written by pyfate-gpu on {moment}"
