# SPDX-License-Identifier: Apache-2.0
"""Exponents of base 16 that may come from anybody."""

from __future__ import annotations

from pyfate_gpu.errors import BoundError

DIGIT_BITS = 4


def alignment(digits: int, n: int) -> int:
    """``16**digits``, the factor between two exponents.

    Raises
    ------
    BoundError
        If no number could be multiplied by it without passing n many times over: one of the exponents
        is corrupt, and computing the factor might take all memory.
    """
    if DIGIT_BITS * digits > 2 * n.bit_length():
        raise BoundError(
            f"the exponents of two numbers are {digits} apart; a key of {n.bit_length()} bits holds "
            f"numbers {n.bit_length() // DIGIT_BITS} apart at most: one of them is corrupt or foreign"
        )
    return 1 << DIGIT_BITS * digits
