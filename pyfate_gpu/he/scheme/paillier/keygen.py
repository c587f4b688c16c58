# SPDX-License-Identifier: Apache-2.0
"""Key generation: Damgard-Jurik-Nielsen keys from the operating system's randomness."""

from __future__ import annotations

import secrets

import gmpy2

from pyfate_gpu.he.scheme.paillier.checks import check_key_bits
from pyfate_gpu.he.scheme.paillier.primes import random_prime
from pyfate_gpu.he.scheme.paillier.private_key import PrivateKey
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey


def generate_paillier_keypair(
    key_bits: int, allow_insecure: bool = False
) -> tuple[PublicKey, PrivateKey]:
    """Primes p = q = 3 mod 4 with gcd(p-1, q-1) = 2, h = -x^2 mod n; n has `key_bits` bits.

    Source: Damgard, Jurik, Nielsen, "A generalization of Paillier's public-key system with
    applications to electronic voting", Int. J. Inf. Secur. 9 (2010), section 4.2.
    """
    check_key_bits(key_bits, allow_insecure)
    half = int(key_bits) // 2
    p = random_prime(half)
    q = random_prime(half, lambda q: _go_together(p, q, half))
    n = p * q
    public_key = PublicKey(n, _random_blinding_base(n), allow_insecure_key_size=allow_insecure)
    return public_key, PrivateKey._of_new_primes(public_key, p, q)


def _go_together(p: int, q: int, bits: int) -> bool:
    coprime = gmpy2.gcd(p - 1, q - 1) == 2 and gmpy2.gcd(p * q, (p - 1) * (q - 1)) == 1
    return coprime and are_far_apart(p, q, bits)


def are_far_apart(p: int, q: int, bits: int) -> bool:
    """FIPS 186-5 A.1.1: primes of `bits` bits too close together are found by Fermat's method."""
    return abs(p - q) >> (bits - 100 if bits > 200 else bits // 2) != 0


def _random_blinding_base(n: int) -> int:
    while True:
        x = 2 + secrets.randbelow(n - 3)
        h = -x * x % n
        if gmpy2.gcd(x, n) == 1 and 1 < h < n - 1:
            return h
