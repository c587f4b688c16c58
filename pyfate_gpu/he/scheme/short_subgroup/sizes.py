# SPDX-License-Identifier: Apache-2.0
"""How long the subgroups of a key are."""

from __future__ import annotations

LEVELS = {2048: 112, 3072: 128, 4096: 152, 7680: 192, 8192: 200}
"""Bits of security of n by its length: NIST SP 800-57 part 1, and for 4096 and 8192 the formula of
the implementation guidance to FIPS 140-3, D.B."""

INSECURE_LEVEL = 80  # of keys below 2048 bits, or less where the primes leave no room for it


def security_level(key_bits: int) -> int:
    """Bits of security that the subgroups of a key are made for: of n itself, never less."""
    if key_bits < min(LEVELS):
        return min(INSECURE_LEVEL, key_bits // 8)
    return next(level for bits, level in LEVELS.items() if bits >= key_bits)


def order_bits(key_bits: int) -> int:
    """Bits of the order of the subgroup modulo each prime.

    Twice the level: collisions among 2**level powers of h modulo one prime give a factor of n.
    """
    return 2 * security_level(key_bits)


def exponent_bits(key_bits: int) -> int:
    """Bits of the exponents of h that blind: as many as the product of both orders has."""
    return 2 * order_bits(key_bits)
