# SPDX-License-Identifier: Apache-2.0
"""What protocols ask a backend for shares mod 2^128: uint64 ``[..., 2]``, the low word first."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import SignedWords, UnsignedWords, words_for_bits
from pyfate_gpu.errors import ShapeError

Matrix = npt.NDArray[np.int64]
Masks = tuple[SignedWords, UnsignedWords]
"""Masks as signed integers to encrypt, and minus each of them mod 2^128."""


class ShareKernels(Protocol):
    """Randomness is the operating system's; nothing depends on values in time but `unpack`'s refusal."""

    def random_words(self, count: int) -> UnsignedWords:
        """Uniform words."""
        ...

    def residue_masks(self, count: int, n: int) -> Masks:
        """Masks uniform in [0, n): int64 ``[count, words of n + 1]`` and uint64 ``[count, 2]``."""
        ...

    def slot_masks(self, count: int, width: int, slots: int) -> Masks:
        """Masks uniform in [-2^(width - 2), 2^(width - 2)) for each slot.

        int64 ``[count, words of all slots and a sign]`` and uint64 ``[count, slots, 2]``.
        """
        ...

    def unpack(self, residues: UnsignedWords, n: int, width: int, slots: int) -> UnsignedWords:
        """The slots of residues mod n, signed as those above n/2 are, mod 2^128: ``[rows, slots, 2]``.

        Raises
        ------
        ShapeError
            If residues have not the words of n.
        BoundError
            If one does not fit its slots.
        """
        ...

    def multiply(self, matrix: Matrix, transposed: bool, shares: UnsignedWords) -> UnsignedWords:
        """``matrix @ shares``, or by its transpose, mod 2^128; shares ``[n, k, 2]``.

        Raises
        ------
        ShapeError
            If there are not as many shares as the matrix has columns, or rows when transposed.
        """
        ...


def check_residues(residues: UnsignedWords, n: int) -> None:
    """Raise ShapeError unless these are residues mod n."""
    words = words_for_bits(n.bit_length())
    if residues.ndim != 2 or residues.shape[1] != words:
        raise ShapeError(f"residues have shape {residues.shape}; it must be (rows, {words})")


def check_factors(matrix: Matrix, transposed: bool, shares: UnsignedWords) -> None:
    """Raise ShapeError unless a matrix and shares can be multiplied."""
    terms = matrix.shape[0 if transposed else 1]
    if shares.ndim != 3 or shares.shape[0] != terms or shares.shape[2] != 2:
        raise ShapeError(
            f"shares have shape {shares.shape}; a matrix with {terms} "
            f"{'rows' if transposed else 'columns'} takes ({terms}, k, 2)"
        )
