# SPDX-License-Identifier: Apache-2.0
"""The helpers of ``phe.util``, by gmpy2 and the standard library."""

from __future__ import annotations

import base64
import math
import secrets

import gmpy2

HAVE_GMP = True
HAVE_CRYPTO = False

first_primes = [p for p in range(2, 17864) if gmpy2.is_prime(p)]


def powmod(a: int, b: int, c: int) -> int:
    """``a ** b % c``."""
    return int(gmpy2.powmod(a, b, c))


def mulmod(a: int, b: int, c: int) -> int:
    """``a * b % c``."""
    # An mpz times a NumPy integer would wrap around.
    return int(gmpy2.mpz(a) * gmpy2.mpz(b) % gmpy2.mpz(c))


def extended_euclidean_algorithm(a: int, b: int) -> tuple[int, int, int]:
    """``(r, s, t)`` with ``r = gcd(a, b) = s a + t b``."""
    r, s, t = gmpy2.gcdext(a, b)
    return int(r), int(s), int(t)


def invert(a: int, b: int) -> int:
    """Inverse of a mod b; ZeroDivisionError if there is none."""
    return int(gmpy2.invert(a, b))


def getprimeover(N: int) -> int:
    """A random prime of exactly N bits from the operating system's randomness."""
    while True:
        candidate = secrets.randbits(N) | 1 << (N - 1)
        if is_prime(candidate):
            return candidate


def isqrt(N: int) -> int:
    """Integer part of the square root."""
    return math.isqrt(N)


def improved_i_sqrt(n: int) -> int:
    """Integer part of the square root."""
    return math.isqrt(n)


def base64url_encode(payload: bytes | str) -> str:
    """URL-safe base64 without padding (RFC 7515)."""
    data = payload.encode("utf-8") if isinstance(payload, str) else payload
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def base64url_decode(payload: str) -> bytes:
    """Bytes of URL-safe base64, padded or not."""
    return base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))


def base64_to_int(source: str) -> int:
    """Integer of base64url text, big-endian."""
    return int.from_bytes(base64url_decode(source), "big")


def int_to_base64(source: int) -> str:
    """Base64url text of a positive integer; AssertionError for 0."""
    if source == 0:
        raise AssertionError("0 has no base64 form; the integer must be positive")
    return base64url_encode(source.to_bytes((source.bit_length() + 7) // 8, "big"))


def miller_rabin(n: int, k: int) -> bool:
    """Whether odd n passes k rounds of Miller and Rabin with random witnesses."""
    return all(gmpy2.is_strong_prp(n, 2 + secrets.randbelow(n - 3)) for _ in range(k))


def is_prime(n: int, mr_rounds: int = 25) -> bool:
    """Whether n is prime, wrong with probability below ``4**-mr_rounds``."""
    return n > 1 and bool(gmpy2.is_prime(n, mr_rounds))
