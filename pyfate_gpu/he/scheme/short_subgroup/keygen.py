# SPDX-License-Identifier: Apache-2.0
"""Key generation: primes with a prime of chosen length in p - 1, from the operating system."""

from __future__ import annotations

import secrets

import gmpy2

from pyfate_gpu.he.scheme.paillier.checks import check_key_bits
from pyfate_gpu.he.scheme.paillier.keygen import are_far_apart
from pyfate_gpu.he.scheme.paillier.primes import BAILLIE_PSW, has_small_factor, random_prime
from pyfate_gpu.he.scheme.short_subgroup.private_key import ShortSubgroupPrivateKey
from pyfate_gpu.he.scheme.short_subgroup.public_key import ShortSubgroupPublicKey
from pyfate_gpu.he.scheme.short_subgroup.sizes import order_bits

_ROUNDS = 5
"""Of Miller-Rabin, for a prime p drawn with a given prime in p - 1.

Source: FIPS 186-5, table B.1: 5 rounds for primes of 1024 bits, fewer for longer ones.
"""


def generate_short_subgroup_keypair(
    key_bits: int, allow_insecure: bool = False
) -> tuple[ShortSubgroupPublicKey, ShortSubgroupPrivateKey]:
    """Primes 2 u k + 1 and 2 v l + 1 over primes u, v of `order_bits`; h = -y^(2 k l) mod n.

    k and l are odd, and gcd(p - 1, q - 1) = 2. Source: Ma, Han, Lei, "Optimized Paillier's
    cryptosystem with fast encryption and decryption", ACSAC 2021, section 3.2.
    """
    check_key_bits(key_bits, allow_insecure)
    half, length = int(key_bits) // 2, order_bits(int(key_bits))
    while True:
        u, v = random_prime(length), random_prime(length)
        p, q = _random_prime_over(u, half), _random_prime_over(v, half)
        k, l = (p - 1) // (2 * u), (q - 1) // (2 * v)  # noqa: E741 - the paper's letters
        # The orders are prime to all else, so that h has them and nothing of k and l.
        alone = gmpy2.gcd(u * v, k * l) == 1 and gmpy2.gcd(p - 1, q - 1) == 2
        if alone and are_far_apart(p, q, half) and gmpy2.gcd(p * q, (p - 1) * (q - 1)) == 1:
            break
    n = p * q
    while True:
        y = 2 + secrets.randbelow(n - 3)
        root = int(gmpy2.powmod(y, 2 * k * l, n))
        if gmpy2.gcd(y, n) == 1 and root % p != 1 and root % q != 1:
            break
    public_key = ShortSubgroupPublicKey(n, n - root, allow_insecure_key_size=allow_insecure)
    return public_key, ShortSubgroupPrivateKey(public_key, p, q, u, v)


def _random_prime_over(order: int, bits: int) -> int:
    """A prime 1 mod 2 `order` and 3 mod 4, uniform among those with both top bits set."""
    low, high = (3 << (bits - 2)) // (2 * order) + 1, ((1 << bits) - 2) // (2 * order)
    while True:
        factor = low + secrets.randbelow(high - low + 1)
        candidate = 2 * order * factor + 1
        if factor % 2 == 0 or has_small_factor(candidate):
            continue
        if gmpy2.is_prime(candidate, BAILLIE_PSW + _ROUNDS):
            return candidate
