# SPDX-License-Identifier: Apache-2.0
"""Keys and ciphertexts as the JSON of python-paillier's `pheutil`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from pyfate_gpu.errors import InvalidCiphertextError, KeyFileError
from pyfate_gpu.integrations.phe.encrypted_number import EncryptedNumber
from pyfate_gpu.integrations.phe.private_key import PaillierPrivateKey
from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey
from pyfate_gpu.integrations.phe.util import base64_to_int, int_to_base64

KEY_TYPE = "DAJ"
ALGORITHM = "PAI-GN1"
CIPHERTEXT_EXPONENT = -32
"""Ciphertexts of the command line have at most this exponent: it tells nothing of the number."""


def public_to_jwk(key: PaillierPublicKey, kid: str | None = None) -> dict[str, Any]:
    """JSON-able form; python-paillier ignores the extra member h, the blinding base."""
    jwk = {
        "kty": KEY_TYPE,
        "alg": ALGORITHM,
        "key_ops": ["encrypt"],
        "n": int_to_base64(key.n),
        "kid": kid or _default_kid("public"),
    }
    return jwk if key._h is None else jwk | {"h": int_to_base64(key._h)}


def private_to_jwk(key: PaillierPrivateKey, kid: str | None = None) -> dict[str, Any]:
    """JSON-able form of a private key: as secret as the key."""
    return {
        "kty": KEY_TYPE,
        "key_ops": ["decrypt"],
        "p": int_to_base64(key.p),
        "q": int_to_base64(key.q),
        "pub": public_to_jwk(key.public_key, kid),
        "kid": kid or _default_kid("private"),
    }


def public_from_jwk(jwk: Any) -> PaillierPublicKey:
    """A public key; KeyFileError if it is none."""
    _check(jwk, "encrypt")
    if jwk.get("alg") != ALGORITHM:
        raise KeyFileError(f"the key has alg {jwk.get('alg')!r}; {ALGORITHM!r} was expected")
    h = _number(jwk, "h") if "h" in jwk else None
    return PaillierPublicKey._with_base(_number(jwk, "n"), h)


def private_from_jwk(jwk: Any) -> PaillierPrivateKey:
    """A private key; KeyFileError if it is none, InvalidKeyError if its numbers do not fit."""
    _check(jwk, "decrypt")
    if not isinstance(jwk.get("pub"), Mapping):
        raise KeyFileError("member 'pub' of the key, its public half, is missing or no JSON object")
    return PaillierPrivateKey(public_from_jwk(jwk.get("pub")), _number(jwk, "p"), _number(jwk, "q"))


def number_to_document(number: EncryptedNumber) -> dict[str, Any]:
    """A ciphertext, blinded, with an exponent that tells nothing of it."""
    if number.exponent > CIPHERTEXT_EXPONENT:
        number = number.decrease_exponent_to(CIPHERTEXT_EXPONENT)
    return {"v": str(number.ciphertext()), "e": number.exponent}


def number_from_document(document: Any, key: PaillierPublicKey) -> EncryptedNumber:
    """The ciphertext of a document.

    Raises
    ------
    InvalidCiphertextError
        If the document is none or its integer is outside [1, n^2).
    """
    if not isinstance(document, Mapping) or not {"v", "e"} <= document.keys():
        raise InvalidCiphertextError("the file is no ciphertext; it needs members 'v' and 'e'")
    value, exponent = document["v"], document["e"]
    if not isinstance(exponent, int) or isinstance(exponent, bool) or abs(exponent) > MAX_EXPONENT:
        raise InvalidCiphertextError(
            f"the exponent is {exponent!r:.40}; it must be an integer of at most {MAX_EXPONENT}"
        )
    if not isinstance(value, str) or not value.isdecimal() or len(value) > len(str(key.nsquare)):
        raise InvalidCiphertextError("member 'v' is no decimal number of the size of this key")
    if not 0 < int(value) < key.nsquare:
        raise InvalidCiphertextError("the ciphertext is outside [1, n^2) of this key")
    return EncryptedNumber(key, int(value), exponent)


MAX_EXPONENT = 4096


def _check(jwk: Any, operation: str) -> None:
    if not isinstance(jwk, Mapping) or jwk.get("kty") != KEY_TYPE:
        raise KeyFileError(f"the file is no key; a JSON object with kty {KEY_TYPE!r} was expected")
    operations = jwk.get("key_ops", [operation])  # optional in RFC 7517
    if not isinstance(operations, list) or operation not in operations:
        raise KeyFileError(
            f"member 'key_ops' of the key is {operations!r:.80}, which is not for {operation!r}"
        )


def _number(jwk: Mapping[str, Any], member: str) -> int:
    """The integer of a member, in either alphabet of base64, padded or not, with zero bytes before it."""
    if member not in jwk:
        raise KeyFileError(f"member {member!r} of the key is missing")
    text = jwk[member]
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9+/_-]+={0,2}", text):
        raise KeyFileError(f"member {member!r} of the key is no base64url number")
    try:
        return base64_to_int(text.rstrip("="))
    except ValueError:
        raise KeyFileError(f"member {member!r} of the key is no base64url number") from None


def _default_kid(kind: str) -> str:
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
    return f"Paillier {kind} key generated by pyfate-gpu on {moment}"
