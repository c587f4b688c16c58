# SPDX-License-Identifier: Apache-2.0
"""Are vectors as short as was agreed? Exactly, without loops over their elements."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import SignedWords, words_to_integers
from pyfate_gpu.encoding.plaintext import PlaintextArray
from pyfate_gpu.errors import BoundError

PIECE_BITS = 21  # three pieces hold |int64|, and 2^21 products of two of them fit int64
CHUNK = 1 << 20


def check_norms(plain: PlaintextArray, norm: int) -> None:
    """Raise BoundError unless the Euclidean norm of each row (the last axis) is at most `norm`.

    Norm and integers are as encoded, without the exponent. A message names rows, never values.
    """
    vectors = plain.words.reshape(-1, *plain.words.shape[-2:])
    for row, vector in enumerate(vectors):
        if _square(vector) > norm * norm:
            raise BoundError(
                f"row {row} of the matrix has a norm beyond the declared one of {norm.bit_length()} "
                f"bits; scale or clip the data, or agree on a larger norm"
            )


def _square(vector: SignedWords) -> int:
    """Sum of the squares of signed words ``[length, k]``."""
    if vector.shape[-1] > 1:
        return sum(int(value) ** 2 for value in words_to_integers(vector))
    total = 0
    for start in range(0, len(vector), CHUNK):
        pieces = _pieces(vector[start : start + CHUNK, 0])
        for i, left in enumerate(pieces):
            for j, right in enumerate(pieces):
                total += int(left @ right) << PIECE_BITS * (i + j)
    return total


def _pieces(values: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """Magnitudes of int64 in pieces of 21 bits and, at the top, 22."""
    magnitude = np.where(values < 0, np.uint64(0) - values.view(np.uint64), values.view(np.uint64))
    low = np.uint64((1 << PIECE_BITS) - 1)
    shifts = (np.uint64(0), np.uint64(PIECE_BITS), np.uint64(2 * PIECE_BITS))
    pieces = [(magnitude >> shift) & low for shift in shifts[:2]] + [magnitude >> shifts[2]]
    return [piece.astype(np.int64) for piece in pieces]
