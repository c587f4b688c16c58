# SPDX-License-Identifier: Apache-2.0
"""The CUDA engine for arrays larger than the device: they lie on the host and pass through in pieces.

An array of more than `Device.array_bytes` is `HostRows`, in the Montgomery form it would have on the
device. Every operation takes and gives either kind. Pieces go to two streams in turn, so that one copies
while the other computes, and are half as large as the largest array on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import cycle

import numpy as np

from pyfate_gpu.backends.cuda.device import Limbs
from pyfate_gpu.backends.cuda.engine import CudaPublicEngine, Rows
from pyfate_gpu.backends.cuda.matmul import DeviceMatrix
from pyfate_gpu.backends.matrices import CsrMatrix, Index
from pyfate_gpu.backends.sharded.pieces import PiecewiseEngine
from pyfate_gpu.backends.sharded.plan import cuts
from pyfate_gpu.backends.words import SignedWords, UnsignedWords

STREAMS = 2


class HostRows(np.ndarray[tuple[int, ...], np.dtype[np.uint32]]):
    """Rows in the memory of the host, pinned where there is enough, uint32 ``[rows, 2, limbs]``."""


class StreamedPublicEngine(PiecewiseEngine, CudaPublicEngine):
    """`CudaPublicEngine` piece by piece where an operand or the result is too large."""

    whole = CudaPublicEngine
    turns = STREAMS

    def export_words(self, rows: Rows) -> UnsignedWords:
        """Out of Montgomery form, to the host."""
        if self._fits(0, rows):
            return CudaPublicEngine.export_words(self, rows)
        out = self.on.host_empty(len(rows), 4 * self.words).view(HostRows)
        self._in_turns(
            cuts(len(rows), self._piece),
            lambda piece, turn: self._put(
                out, piece, self.ring.leave(self._part(rows, piece))[:, : 4 * self.words]
            ),
        )
        return out.view(np.ndarray).view(np.uint64)

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """Blocks of outputs, each a product over blocks of ciphertexts."""
        with self.on:
            out = super().matmul(matrix, c, columns)
            self.on.wait()
        return out

    def matmul_placed(self, placed: DeviceMatrix, transposed: bool, c: Rows, columns: int) -> Rows:
        """On the device if all fits there, or else by blocks of what the host keeps."""
        matrix = placed.side(transposed)
        if self._fits(matrix.shape[0] * columns, c):
            return CudaPublicEngine.matmul_placed(self, placed, transposed, c, columns)
        return self.matmul(matrix, c, columns)

    def concatenate(self, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        with self.on:
            out = super().concatenate(parts)
            self.on.wait()
        return out

    @property
    def _limit(self) -> int:
        return max(2, self.on.array_bytes // (8 * self.ring.limbs))

    @property
    def _piece(self) -> int:
        return max(1, self._limit // STREAMS)

    def _is_far(self, rows: Rows) -> bool:
        return isinstance(rows, HostRows)

    def _in_turns(self, pieces: Iterable[slice], work: Callable[[slice, int], None]) -> None:
        """Enqueue the work of each piece in the next of the streams, and wait for all of it.

        What it makes on the device must stay within its stream, but for what it writes to arrays from
        outside; arrays of the host that it reads must last until then.
        """
        with self.on:
            try:
                with self.on.streams(STREAMS) as streams:
                    for piece, (turn, stream) in zip(
                        pieces, cycle(enumerate(streams)), strict=False
                    ):
                        with stream:
                            work(piece, turn)
            finally:
                self.on.wait()

    def _empty(self, rows: int) -> Rows:
        if rows > self._limit:
            return self.on.host_empty(rows, 2, self.ring.limbs).view(HostRows)
        with self.on:
            return self.ring.new(rows)

    def _put(self, out: Rows, piece: slice, part: Rows) -> None:
        """Write the rows of `part`, which may not be there before the stream has come to it."""
        if isinstance(out, HostRows) and not isinstance(part, HostRows):
            self.on.copy_out(self.on.arrays.ascontiguousarray(part), out[piece])
        else:
            out[piece] = part

    def _part(self, rows: Rows, piece: slice, index: Index | None = None) -> Limbs:
        chosen = piece if index is None else index[piece]
        with self.on:
            if isinstance(rows, HostRows):
                return self.on.copy_in(np.ascontiguousarray(rows[chosen]))
            return rows[piece] if index is None else rows[self.on.index_array(chosen)]
