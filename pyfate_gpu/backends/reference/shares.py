# SPDX-License-Identifier: Apache-2.0
"""Shares mod 2^128 in Python integers, a line a formula: the oracle of the tests."""

from __future__ import annotations

import secrets

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.shares import Masks, Matrix, check_factors, check_residues
from pyfate_gpu.backends.words import (
    UnsignedWords,
    unsigned_to_integers,
    unsigned_to_words,
    words_for_bits,
)
from pyfate_gpu.errors import BoundError

RING = 1 << 128


class ReferenceShares:
    """`ShareKernels`, slow and meant to be read."""

    def random_words(self, count: int) -> UnsignedWords:
        """One after the other."""
        return unsigned_to_words((secrets.randbits(64) for _ in range(count)), 1).reshape(count)

    def residue_masks(self, count: int, n: int) -> Masks:
        """By `secrets.randbelow`."""
        masks = [secrets.randbelow(n) for _ in range(count)]
        plain = unsigned_to_words(masks, words_for_bits(n.bit_length()) + 1)
        return plain.view(np.int64), _shares([-mask for mask in masks])

    def slot_masks(self, count: int, width: int, slots: int) -> Masks:
        """By `secrets.randbits`."""
        half = 1 << width - 2
        masks = [
            [secrets.randbits(width - 1) - half for _ in range(slots)] for _ in range(count)
        ]  # fmt: skip
        words = words_for_bits(width * slots + 1)
        sums = (
            sum(mask << width * slot for slot, mask in enumerate(row)) % (1 << 64 * words)
            for row in masks
        )
        plain = unsigned_to_words(sums, words).view(np.int64)
        return plain, _shares([-mask for row in masks for mask in row]).reshape(count, slots, 2)

    def unpack(self, residues: UnsignedWords, n: int, width: int, slots: int) -> UnsignedWords:
        """The lowest slot first: what it takes from its neighbours is known then."""
        check_residues(residues, n)
        found = []
        for row, residue in enumerate(unsigned_to_integers(residues)):
            rest = residue - n if residue > n // 2 else residue
            for _ in range(slots):
                digit = (rest + (1 << width - 1)) % (1 << width) - (1 << width - 1)
                found.append(digit)
                rest = (rest - digit) >> width
            if rest:
                raise BoundError(
                    f"row {row} is not {slots} slots of {width} bits; its sender encrypted something else"
                )
        return _shares(found).reshape(len(residues), slots, 2)

    def multiply(self, matrix: Matrix, transposed: bool, shares: UnsignedWords) -> UnsignedWords:
        """By NumPy's product of objects."""
        check_factors(matrix, transposed, shares)
        plain: npt.NDArray[np.object_] = (matrix.T if transposed else matrix).astype(object)
        rows, width = len(plain), shares.shape[1]
        if not plain.size or not width:
            return np.zeros((rows, width, 2), dtype=np.uint64)
        product = plain @ unsigned_to_integers(shares)
        return _shares(product.ravel().tolist()).reshape(rows, width, 2)


def _shares(values: list[int]) -> UnsignedWords:
    """Integers mod 2^128."""
    return unsigned_to_words((value % RING for value in values), 2)
