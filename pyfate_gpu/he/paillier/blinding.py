# SPDX-License-Identifier: Apache-2.0
"""Blinding: the bases of a key, and which ciphertexts still have randomness nobody has seen."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

import gmpy2

from pyfate_gpu.backends.base import BlindingNumbers

_lock = threading.Lock()


def blinding_numbers(n: int, h: int) -> BlindingNumbers:
    """Bases of ``h_s**a * (y**n)**b``, computed here so that nobody can hand over a bad h_s.

    h_s = h^n has Jacobi symbol +1, a full r^n has -1 half the time: re-blinding c^e by h_s^a alone
    would show e mod 2. y, the smallest integer with symbol -1, restores the coin (b is a random
    bit). Exponents a have half the bits of n (docs/design/0004).
    """
    y = 2
    while gmpy2.jacobi(y, n) != -1:
        y += 1
    n2 = n * n
    return BlindingNumbers(
        base=int(gmpy2.powmod(h, n, n2)),
        sign_base=int(gmpy2.powmod(y, n, n2)),
        exponent_bits=n.bit_length() // 2,
    )


class FreshBatch:
    """Ciphertexts encrypted together, none of which has left this process yet.

    Slices and shuffles of an array share its batch. The first export uses the randomness up: a
    second one as it stands would show which rows are the same, so it is re-blinded. A forked child
    inherits used batches only, its parent may still export them.
    """

    __slots__ = ("_process", "_used")

    def __init__(self) -> None:
        self._used = False
        self._process = os.getpid()

    @property
    def used(self) -> bool:
        """Whether the randomness may have been seen."""
        return self._used or self._process != os.getpid()


Freshness = frozenset[FreshBatch]
"""The batches an array's rows come from; empty for derived ciphertexts."""

DERIVED: Freshness = frozenset()


def merge(parts: Iterable[Freshness]) -> Freshness:
    """Freshness of arrays put together: derived if one is, or if a batch occurs twice."""
    parts = list(parts)
    union = DERIVED.union(*parts)
    if not all(parts) or len(union) != sum(map(len, parts)):
        return DERIVED
    return union


def is_fresh(batches: Freshness) -> bool:
    """Whether rows of these batches may leave as they are."""
    return bool(batches) and not any(batch.used for batch in batches)


def use_up(batches: Freshness) -> bool:
    """Claim the randomness for one export; False if somebody did before."""
    with _lock:
        if not is_fresh(batches):
            return False
        for batch in batches:
            batch._used = True
        return True
