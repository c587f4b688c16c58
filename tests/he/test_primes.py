# SPDX-License-Identifier: Apache-2.0
"""Primes are drawn from all that suit, and tested as often as random numbers need."""

from __future__ import annotations

import gmpy2
import pytest

from pyfate_gpu.he.scheme.paillier.primes import has_small_factor, random_prime, rounds_for_random


@pytest.mark.parametrize("bits", [128, 256, 512])
def test_primes_are_three_mod_four_with_both_top_bits(bits: int) -> None:
    for _ in range(5):
        p = random_prime(bits)
        assert gmpy2.is_prime(p, 40)
        assert p % 4 == 3
        assert p >> (bits - 2) == 3


def test_candidates_that_do_not_suit_are_left_out() -> None:
    assert all(random_prime(128, lambda p: p % 3 == 1) % 3 == 1 for _ in range(10))


def test_residues_of_primes_are_uniform() -> None:
    """Among 300 primes the classes 1 and 2 mod 3 differ by less than seven deviations."""
    ones = sum(random_prime(128) % 3 == 1 for _ in range(300))
    assert abs(2 * ones - 300) < 7 * 300**0.5


def test_the_sieve_finds_all_factors_below_its_limit() -> None:
    large = gmpy2.next_prime(1 << 128)
    factor = gmpy2.mpz(2)
    while factor < 1 << 15:
        assert has_small_factor(int(factor * large))
        factor = gmpy2.next_prime(factor)
    assert not has_small_factor(int(factor * large))


def test_shorter_primes_take_more_rounds() -> None:
    rounds = [rounds_for_random(bits) for bits in (128, 512, 1024, 1536, 2048, 4096)]
    assert rounds == sorted(rounds, reverse=True)
    assert rounds[0] == 64  # no average-case bound: 4^-64
