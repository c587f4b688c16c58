# SPDX-License-Identifier: Apache-2.0
"""The CPU engine for arrays larger than the memory they may take: they lie in files and pass in windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuPublicEngine, Rows
from pyfate_gpu.backends.cpu.file_rows import FileRows, Files
from pyfate_gpu.backends.matrices import CsrMatrix, HeldMatrix, Index
from pyfate_gpu.backends.numbers import PublicNumbers
from pyfate_gpu.backends.sharded.pieces import PiecewiseEngine
from pyfate_gpu.backends.sharded.plan import cuts
from pyfate_gpu.backends.words import SignedWords, UnsignedWords

SHARE = 4  # of the memory is an array's, as an operation has up to three
WINDOW_BYTES = 64 << 20
COMPANY = 128
"""Rows that may come to memory with one: the system maps 64 KiB at a time, of rows of 512 bytes."""


class OutOfCorePublicEngine(PiecewiseEngine, CpuPublicEngine):
    """`CpuPublicEngine` by windows where an operand or the result is too large.

    Parameters
    ----------
    numbers : PublicNumbers
    options : EngineOptions
    memory : int
        Bytes; an array of more than a quarter of them lies in a file.
    """

    whole = CpuPublicEngine

    def __init__(self, numbers: PublicNumbers, options: EngineOptions, memory: int) -> None:
        super().__init__(numbers, options)
        self._words = numbers.words
        self._array_bytes = memory // SHARE
        self._files = Files()

    def export_words(self, rows: Rows) -> UnsignedWords:
        """Out of Montgomery form, in memory whatever their size: who asks for them asks in parts."""
        if not self._is_far(rows):
            return CpuPublicEngine.export_words(self, rows)
        out = np.empty((len(rows), 2 * self._words), dtype=np.uint64)

        def write(piece: slice, turn: int) -> None:
            out[piece] = CpuPublicEngine.export_words(self, self._part(rows, piece))

        self._in_turns(cuts(len(rows), self._piece), write)
        return out

    def place(self, matrix: SignedWords | CsrMatrix) -> Any:
        """Natively if a product by it is near, and as it is otherwise."""
        if max(matrix.shape[:2]) <= self._limit:
            return CpuPublicEngine.place(self, matrix)
        return HeldMatrix(matrix)

    def matmul_placed(self, placed: Any, transposed: bool, c: Rows, columns: int) -> Rows:
        """As `matmul`, by the matrix or its transpose."""
        if isinstance(placed, HeldMatrix):
            product: Rows = self.matmul(placed.side(transposed), c, columns)
            return product
        return CpuPublicEngine.matmul_placed(self, placed, transposed, c, columns)

    @property
    def _limit(self) -> int:
        return max(2, self._array_bytes // (16 * self._words))

    @property
    def _piece(self) -> int:
        return max(1, min(self._array_bytes, WINDOW_BYTES) // (16 * self._words))

    def _is_far(self, rows: Rows) -> bool:
        return isinstance(rows, FileRows)

    def _empty(self, rows: int) -> Rows:
        if rows > self._limit:
            return self._files.rows(rows, self._words)
        return np.empty((rows, 2, self._words), dtype=np.uint64)

    def _put(self, out: Rows, piece: slice, part: Rows) -> None:
        if isinstance(out, FileRows):
            out.write(piece.start, part)
        else:
            out[piece] = part

    def _part(self, rows: Rows, piece: slice, index: Index | None = None) -> Rows:
        if index is None:
            return rows[piece].view(np.ndarray)
        chosen = index[piece]
        if len(chosen) and (np.diff(chosen) == 1).all():  # a sum of neighbours, for one: no copy
            return rows[int(chosen[0]) : int(chosen[-1]) + 1].view(np.ndarray)
        part: Rows = np.empty((len(chosen), 2, self._words), dtype=np.uint64)
        # A row brings others with it, so that not all may stay until the last.
        for some in cuts(len(chosen), max(1, self._piece // COMPANY)):
            part[some] = np.take(rows, chosen[some], axis=0)
            if self._is_far(rows):
                self._files.leave_memory()
        return part

    def _in_turns(self, pieces: Iterable[slice], work: Callable[[slice, int], None]) -> None:
        for piece in pieces:
            work(piece, 0)
            self._files.leave_memory()
