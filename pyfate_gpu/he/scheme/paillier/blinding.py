# SPDX-License-Identifier: Apache-2.0
"""The bases that blind ciphertexts of a key."""

from __future__ import annotations

from functools import lru_cache

import gmpy2

from pyfate_gpu.backends.numbers import BlindingNumbers


@lru_cache(
    maxsize=16
)  # two powers of full length, public as the key is: every party of a process has them to make
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
