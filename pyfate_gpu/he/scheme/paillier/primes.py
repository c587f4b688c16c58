# SPDX-License-Identifier: Apache-2.0
"""Random primes: candidates from the operating system, sieved, tested."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from functools import cache

import gmpy2

BAILLIE_PSW = 24
"""GMP takes 24 of the rounds asked for as a strong test to base 2 and a strong Lucas test."""
_WORST_CASE_ROUNDS = 64


def random_prime(bits: int, suits: Callable[[int], bool] = lambda candidate: True) -> int:
    """A prime p = 3 mod 4, uniform among those that suit and have both top bits set.

    Each candidate is drawn by itself: searching upwards from one would prefer primes after long gaps.
    Sieving and `suits` reject before the dear test what would be rejected after it, which leaves the
    distribution as it is.

    Examples
    --------
    >>> random_prime(128).bit_length()
    128
    """
    rounds = BAILLIE_PSW + rounds_for_random(bits)
    while True:
        candidate = secrets.randbits(bits) | 3 << (bits - 2) | 3
        if has_small_factor(candidate) or not suits(candidate):
            continue
        if gmpy2.is_prime(candidate, rounds):
            return candidate


def is_prime_of_anybody(number: int) -> bool:
    """Whether a number is prime that an enemy may have chosen: Baillie-PSW, then 40 random bases."""
    return bool(gmpy2.is_prime(number, BAILLIE_PSW + 40))


def has_small_factor(candidate: int) -> bool:
    """Whether a prime below 2^15 divides the candidate, which must be above that.

    >>> has_small_factor(32749 * (1 << 61) + 32749), has_small_factor((1 << 127) - 1)
    (True, False)
    """
    # Four in five have a factor below 2^8, which takes a tenth of the time to find.
    return any(gmpy2.gcd(candidate, _primorial(bits)) != 1 for bits in (8, 15))


@cache
def _primorial(bits: int) -> gmpy2.mpz:
    return gmpy2.primorial(1 << bits)


@cache
def rounds_for_random(bits: int) -> int:
    """Rounds of Miller-Rabin that a random composite passes with a probability below 2^-128.

    A random odd number of k bits that passes t rounds is composite with probability below
    k^(3/2) 2^t t^(-1/2) 4^(2 - sqrt(t k)) for 3 <= t <= k/9. Ours are one odd number in four, which
    makes the bound four times as large at most, and so, with room, does what they must suit: gcd(p - 1,
    q - 1) = 2 makes it 1.75 times as large, on average over p. GMP's Baillie-PSW comes on top. Where no
    such t is enough, 4^-64 for any number is.

    Source: Damgard, Landrock, Pomerance, "Average case error estimates for the strong probable prime
    test", Math. Comp. 61 (1993); Menezes, van Oorschot, Vanstone, "Handbook of applied cryptography",
    fact 4.48. FIPS 186-5, table B.1, has 5 rounds for primes of 1024 bits, at 2^-112.

    >>> [rounds_for_random(bits) for bits in (1024, 1536, 2048)]
    [6, 4, 3]
    """
    for t in range(3, bits // 9 + 1):
        bound = 1.5 * math.log2(bits) + t - math.log2(t) / 2 + 4 - 2 * math.sqrt(t * bits)
        if bound + 4 < -128:
            return t
    return _WORST_CASE_ROUNDS
