# SPDX-License-Identifier: Apache-2.0
"""Secrets in shares, any `threshold` of which give it back and fewer say nothing (Shamir 1979)."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

import gmpy2

PRIME = (1 << 256) + 297
"""The smallest prime above all secrets of 256 bits."""
SECRET_BYTES = 32
SHARE_BYTES = 33


def split(secret: bytes, holders: Iterable[int], threshold: int) -> dict[int, bytes]:
    """A share for each holder.

    Parameters
    ----------
    secret : bytes
        32 of them.
    holders : iterable of int
        Numbers from 0 on; the share of holder j is the polynomial at j + 1.
    threshold : int
        How many shares it takes.

    Examples
    --------
    >>> from pyfate_gpu.homo.masks.shamir import combine, split
    >>> shares = split(bytes(range(32)), [0, 4, 7], threshold=2)
    >>> combine({holder: shares[holder] for holder in (7, 0)}) == bytes(range(32))
    True
    """
    constant = int.from_bytes(secret, "big")
    coefficients = [constant, *(secrets.randbelow(PRIME) for _ in range(threshold - 1))]
    return {
        holder: _evaluate(coefficients, holder + 1).to_bytes(SHARE_BYTES, "big")
        for holder in holders
    }


def combine(shares: Mapping[int, bytes]) -> bytes | None:
    """The secret of exactly as many shares as it takes, by holder; None when they are of no secret."""
    factors = weights(tuple(shares))
    value = (
        sum(
            factor * int.from_bytes(share, "big")
            for factor, share in zip(factors, shares.values(), strict=True)
        )
        % PRIME
    )
    return value.to_bytes(SECRET_BYTES, "big") if value < 1 << (8 * SECRET_BYTES) else None


def weights(holders: Sequence[int]) -> list[int]:
    """Lagrange's coefficients at 0 for the shares of these holders."""
    points = [holder + 1 for holder in holders]
    result = []
    for point in points:
        above = below = 1
        for other in points:
            if other != point:
                above = above * other % PRIME
                below = below * (other - point) % PRIME
        result.append(int(above * gmpy2.invert(below, PRIME) % PRIME))
    return result


def _evaluate(coefficients: Sequence[int], point: int) -> int:
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * point + coefficient) % PRIME
    return value
