# SPDX-License-Identifier: Apache-2.0
"""What makes numbers a Paillier key. One sentence for each violated rule."""

from __future__ import annotations

import gmpy2

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import InsecureKeyError, InvalidKeyError
from pyfate_gpu.he.scheme.paillier.primes import is_prime_of_anybody

MIN_KEY_BITS = 256
MIN_SECURE_KEY_BITS = 2048
MAX_KEY_BITS = 8192


def check_key_bits(key_bits: int, allow_insecure: bool) -> None:
    """Raise unless `key_bits` is an even integer in range."""
    key_bits = as_integer(key_bits, "key_bits", InvalidKeyError)
    if key_bits % 2 or not MIN_KEY_BITS <= key_bits <= MAX_KEY_BITS:
        raise InvalidKeyError(
            f"key_bits is {key_bits}; it must be even and from {MIN_KEY_BITS} to {MAX_KEY_BITS} "
            f"(3072 is the default)"
        )
    if key_bits < MIN_SECURE_KEY_BITS and not allow_insecure:
        raise InsecureKeyError(
            f"a key of {key_bits} bits can be broken; the limit is {MIN_SECURE_KEY_BITS}. "
            f"Tests may pass allow_insecure_key_size=True"
        )


def check_modulus(n: int, allow_insecure: bool) -> None:
    """Raise unless n can be the modulus of a Paillier key, as far as that shows without factors."""
    if isinstance(n, bool) or not isinstance(n, int):
        raise InvalidKeyError(f"n is a {type(n).__name__}; it must be a Python integer")
    if n <= 0:
        raise InvalidKeyError("n is not positive; it must be the product of two odd primes")
    if n % 2 == 0:
        raise InvalidKeyError("n is even; it must be the product of two odd primes")
    check_key_bits(n.bit_length(), allow_insecure)
    if gmpy2.is_square(n):
        raise InvalidKeyError("n is a square; its two primes must differ")
    if gmpy2.is_prime(n):
        raise InvalidKeyError("n is prime; it must be the product of two primes")
    if gmpy2.gcd(n, gmpy2.primorial(1 << 12)) != 1:
        raise InvalidKeyError(
            "n has a factor below 4096; it must be the product of two large primes"
        )


def check_blinding_base(n: int, h: int) -> None:
    """Raise unless h can be ``-x**2`` mod n of a key with both primes 3 mod 4.

    Such an h has Jacobi symbol +1. A base that is 0 or +-1, or not coprime to n, would blind
    nothing or give a factor away.
    """
    if isinstance(h, bool) or not isinstance(h, int):
        raise InvalidKeyError(f"h is a {type(h).__name__}; it must be a Python integer")
    if not 1 < h < n - 1:
        raise InvalidKeyError("h is not between 1 and n - 1; a base of 0 or +-1 blinds nothing")
    if gmpy2.gcd(h, n) != 1:
        raise InvalidKeyError("h is not coprime to n; the key is broken or hostile")
    if gmpy2.jacobi(h, n) != 1:
        raise InvalidKeyError("h has Jacobi symbol -1; it must be -x^2 mod n, whose symbol is +1")


def check_factors(n: int, p: int, q: int) -> None:
    """Raise unless p and q are the primes of n and n is coprime to (p - 1)(q - 1)."""
    for name, value in (("p", p), ("q", q)):
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidKeyError(
                f"{name} is a {type(value).__name__}; it must be a Python integer"
            )
    if p == q:
        raise InvalidKeyError("p equals q; the two primes must differ")
    if p * q != n or p <= 1 or q <= 1:
        raise InvalidKeyError("p*q is not n; the private key does not belong to this public key")
    if not (is_prime_of_anybody(p) and is_prime_of_anybody(q)):
        raise InvalidKeyError("p or q is not prime")
    if gmpy2.gcd(n, (p - 1) * (q - 1)) != 1:
        raise InvalidKeyError("n is not coprime to (p-1)(q-1); choose primes of equal length")
