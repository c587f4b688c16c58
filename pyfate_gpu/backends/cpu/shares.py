# SPDX-License-Identifier: Apache-2.0
"""Shares mod 2^128 by the `_cpu` extension: one pass over the words, on several threads."""

from __future__ import annotations

from contextlib import suppress

import numpy as np

from pyfate_gpu.backends.cpu.fixed_base import to_bytes
from pyfate_gpu.backends.shares import Masks, Matrix, check_factors, check_residues
from pyfate_gpu.backends.words import UnsignedWords
from pyfate_gpu.errors import BoundError

with suppress(ImportError):  # CpuBackend.availability says why
    import pyfate_gpu.backends._cpu as _cpu


class CpuShares:
    """`ShareKernels` in native code; precondition: the extension loads."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def random_words(self, count: int) -> UnsignedWords:
        """By ChaCha20 under a fresh key."""
        return _cpu.random_words(count, self.threads)

    def residue_masks(self, count: int, n: int) -> Masks:
        """By rejection."""
        return _cpu.residue_masks(to_bytes(n), count, self.threads)

    def slot_masks(self, count: int, width: int, slots: int) -> Masks:
        """Drawn where they lie in the plaintext."""
        return _cpu.slot_masks(width, slots, count, self.threads)

    def unpack(self, residues: UnsignedWords, n: int, width: int, slots: int) -> UnsignedWords:
        """In time that depends on sizes only."""
        check_residues(residues, n)
        residues = np.ascontiguousarray(residues, dtype=np.uint64)
        try:
            return _cpu.unpack_shares(to_bytes(n), width, slots, residues, self.threads)
        except ValueError as error:
            raise BoundError(f"{error}; its sender encrypted something else") from None

    def multiply(self, matrix: Matrix, transposed: bool, shares: UnsignedWords) -> UnsignedWords:
        """By products of 128 bits, in time that depends on sizes only."""
        check_factors(matrix, transposed, shares)
        factors = np.ascontiguousarray(shares, dtype=np.uint64)
        return _cpu.multiply_shares(
            np.ascontiguousarray(matrix, dtype=np.int64), transposed, factors, self.threads
        )
