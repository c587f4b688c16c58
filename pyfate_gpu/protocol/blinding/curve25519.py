# SPDX-License-Identifier: Apache-2.0
"""Ids on Curve25519: hashed by RFC 9380's curve25519_XMD:SHA-512_ELL2_NU_, raised by X25519 of RFC 7748.

A point is its first coordinate. X25519 takes any of them, and exponents commute on it. All hashes are on the curve,
none on its twist: which of the two a point is on stays the same under any exponent, and would tell a bit of the hash.
Exponents are multiples of 8, so that what a forged point of small order becomes is refused, as RFC 7748 says.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import gmpy2

#: Bytes of a point.
SIZE = 32
#: Sets these hashes apart from those of all other protocols.
DOMAIN = b"PYFATE-GPU-PSI-V01-with-curve25519_XMD:SHA-512_ELL2_NU_"

_P = gmpy2.mpz(2**255 - 19)
_J = gmpy2.mpz(486662)
_FIELD_BYTES = 48


class Blinder:
    """A secret exponent and what it does; takes ``cryptography``.

    Parameters
    ----------
    secret : bytes
        32 of them.

    Examples
    --------
    >>> from pyfate_gpu.protocol.blinding.curve25519 import Blinder
    >>> one, other = Blinder(bytes(range(32))), Blinder(bytes(range(1, 33)))
    >>> other.blind_again(one.blind([b"ann"])) == one.blind_again(other.blind([b"ann"]))
    True
    """

    def __init__(self, secret: bytes) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import (
            X25519PrivateKey,
            X25519PublicKey,
        )

        self._exchange = X25519PrivateKey.from_private_bytes(secret).exchange
        self._point = X25519PublicKey.from_public_bytes

    def blind(self, ids: Iterable[bytes]) -> bytes:
        """Return the points of the ids' hashes under the exponent, one after the other.

        Hashing takes a time that varies with the id, of this party's own ids in the midst of thousands.
        """
        return b"".join(self._exchange(self._point(hash_to_curve_var(name))) for name in ids)

    def blind_again(self, points: bytes) -> bytes:
        """Return points of another exponent under this one too.

        Raises
        ------
        ValueError
            When one of them has a small order.
        """
        parts = (points[start : start + SIZE] for start in range(0, len(points), SIZE))
        try:
            return b"".join(self._exchange(self._point(part)) for part in parts)
        except ValueError:
            raise ValueError("a point of small order") from None


def hash_to_curve_var(message: bytes, domain: bytes = DOMAIN) -> bytes:
    """Return the first coordinate of the point that RFC 9380's mapping gives, before its cofactor is cleared."""
    square = _hash_to_field(message, domain) ** 2 % _P
    x = -_J * gmpy2.invert(1 + 2 * square, _P) % _P  # -1 / 2 is no square: there is an inverse
    if gmpy2.legendre(((x + _J) * x + 1) * x, _P) == -1:
        x = (-x - _J) % _P
    return int(x).to_bytes(SIZE, "little")


def _hash_to_field(message: bytes, domain: bytes) -> gmpy2.mpz:
    """Return RFC 9380's hash_to_field for one element, by expand_message_xmd of SHA-512."""
    suffix = domain + bytes([len(domain)])
    first = hashlib.sha512(bytes(128) + message + b"\x00\x30\x00" + suffix).digest()
    uniform = hashlib.sha512(first + b"\x01" + suffix).digest()[:_FIELD_BYTES]
    return gmpy2.mpz(int.from_bytes(uniform, "big")) % _P
