# SPDX-License-Identifier: Apache-2.0
"""The CUDA engine for arrays larger than the device: they lie on the host and pass through in pieces.

An array of more than `Device.array_bytes` is `HostRows`, in the Montgomery form it would have on the
device. Every operation takes and gives either kind. Pieces go to two streams in turn, so that one copies
while the other computes, and are half as large as the largest array on the device.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.cuda.device import Limbs
from pyfate_gpu.backends.cuda.engine import CudaPublicEngine, Rows
from pyfate_gpu.backends.cuda.matmul import DeviceMatrix
from pyfate_gpu.backends.matrices import CsrMatrix, Index
from pyfate_gpu.backends.words import SignedWords, UnsignedWords

Whole = CudaPublicEngine
STREAMS = 2


class HostRows(np.ndarray[tuple[int, ...], np.dtype[np.uint32]]):
    """Rows in the memory of the host, pinned where there is enough, uint32 ``[rows, 2, limbs]``."""


class StreamedPublicEngine(CudaPublicEngine):
    """`CudaPublicEngine` piece by piece where an operand or the result is too large.

    Single pieces are computed by the methods of `Whole`.
    """

    def import_words(self, canonical: UnsignedWords) -> Rows:
        """Into Montgomery form."""
        return self._pieces(
            len(canonical), lambda piece: Whole.import_words(self, canonical[piece])
        )

    def export_words(self, rows: Rows) -> UnsignedWords:
        """Out of Montgomery form, to the host."""
        if self._fits(0, rows):
            return Whole.export_words(self, rows)
        out = self.on.host_empty(len(rows), 4 * self.words).view(HostRows)
        self._in_turns(
            _cuts(len(rows), self._piece),
            lambda piece, turn: self._put(
                out, piece, self.ring.leave(self._part(rows, piece))[:, : 4 * self.words]
            ),
        )
        return out.view(np.ndarray).view(np.uint64)

    def encrypt(self, plain: SignedWords, exponents: UnsignedWords | None = None) -> Rows:
        """Fresh encryptions."""
        return self._pieces(
            len(plain), lambda piece: Whole.encrypt(self, plain[piece], _cut(exponents, piece))
        )

    def blind(self, rows: Rows, exponents: UnsignedWords | None = None) -> Rows:
        """The same plaintexts under fresh randomness."""
        return self._pieces(
            len(rows),
            lambda piece: Whole.blind(self, self._part(rows, piece), _cut(exponents, piece)),
        )

    def add(
        self, a: Rows, b: Rows, a_index: Index | None = None, b_index: Index | None = None
    ) -> Rows:
        """Products of ciphertexts."""
        rows = _count(a, a_index)
        if self._fits(rows, a, b):
            return Whole.add(self, a, b, a_index, b_index)
        return self._pieces(
            rows,
            lambda piece: Whole.add(
                self, self._part(a, piece, a_index), self._part(b, piece, b_index)
            ),
        )

    def add_plain(
        self,
        a: Rows,
        plain: SignedWords,
        a_index: Index | None = None,
        plain_index: Index | None = None,
    ) -> Rows:
        """Products by plaintexts' ciphertexts without randomness."""
        rows = _count(a, a_index)
        if self._fits(rows, a):
            return Whole.add_plain(self, a, plain, a_index, plain_index)
        chosen = np.arange(rows) if plain_index is None else plain_index
        flat = plain.reshape(-1, plain.shape[-1])
        return self._pieces(
            rows,
            lambda piece: Whole.add_plain(self, self._part(a, piece, a_index), flat[chosen[piece]]),
        )

    def negate(self, a: Rows) -> Rows:
        """Inverses."""
        return self._pieces(len(a), lambda piece: Whole.negate(self, self._part(a, piece)))

    def scale(
        self,
        a: Rows,
        scalars: SignedWords,
        a_index: Index | None = None,
        scalar_index: Index | None = None,
    ) -> Rows:
        """Powers by signed integers."""
        rows = _count(a, a_index)
        if self._fits(rows, a):
            return Whole.scale(self, a, scalars, a_index, scalar_index)
        flat = scalars.reshape(-1, scalars.shape[-1])
        chosen = np.arange(rows) % len(flat) if scalar_index is None else scalar_index
        return self._pieces(
            rows,
            lambda piece: Whole.scale(self, self._part(a, piece, a_index), flat[chosen[piece]]),
        )

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """Blocks of outputs, each a product over blocks of ciphertexts."""
        outputs = matrix.shape[0]
        if self._fits(outputs * columns, c):
            return Whole.matmul(self, matrix, c, columns)
        out = self._empty(outputs * columns)
        step = max(1, self._piece // columns)
        for block in _cuts(outputs, step):
            products = self._products(matrix, block, c, columns, step)
            with self.on:
                place = slice(block.start * columns, block.stop * columns)
                self._put(out, place, self.ring.multiply(*products))
                self.on.wait()
        return out

    def matmul_placed(self, placed: DeviceMatrix, transposed: bool, c: Rows, columns: int) -> Rows:
        """On the device if all fits there, or else by blocks of what the host keeps."""
        matrix = placed.side(transposed)
        if self._fits(matrix.shape[0] * columns, c):
            return Whole.matmul_placed(self, placed, transposed, c, columns)
        return self.matmul(matrix, c, columns)

    def _products(
        self, matrix: SignedWords | CsrMatrix, block: slice, c: Rows, columns: int, step: int
    ) -> list[Limbs]:
        """A block of outputs as two factors, one made in each stream."""
        with self.on:
            products = [
                self.ring.ones((block.stop - block.start) * columns) for _ in range(STREAMS)
            ]

        def multiply(terms: slice, turn: int) -> None:
            bases = self._part(c, slice(terms.start * columns, terms.stop * columns))
            factor = Whole.matmul(self, _block(matrix, block, terms), bases, columns)
            products[turn][:] = self.ring.multiply(products[turn], factor)

        self._in_turns(_cuts(matrix.shape[1], step), multiply)
        return products

    def segment_sum(self, a: Rows, index: Index, offsets: Index) -> Rows:
        """Segments in pieces, then the products of the pieces, until every segment is one."""
        segments = len(offsets) - 1
        if self._fits(segments, a):
            return Whole.segment_sum(self, a, index, offsets)
        lengths = np.maximum(1, -(-np.diff(offsets) // self._piece))
        ends = np.cumsum(lengths)
        place = np.arange(int(ends[-1]) if segments else 0)
        segment = np.searchsorted(ends, place, side="right")
        starts = offsets[segment] + self._piece * (place - (ends - lengths)[segment])
        starts = np.append(starts, offsets[-1])
        products = self._empty(len(place))

        def multiply(some: slice, turn: int) -> None:
            bounds = starts[some.start : some.stop + 1]
            rows = self._part(a, slice(int(bounds[0]), int(bounds[-1])), index)
            everything = np.arange(len(rows))
            self._put(products, some, Whole.segment_sum(self, rows, everything, bounds - bounds[0]))

        self._in_turns(self._runs(starts), multiply)
        if len(place) == segments:
            return products
        return self.segment_sum(products, place, np.append(0, ends))

    def take(self, rows: Rows, index: Index) -> Rows:
        """A copy of the chosen rows."""
        return self._pieces(len(index), lambda piece: self._part(rows, piece, index))

    def concatenate(self, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        total = sum(len(part) for part in parts)
        if total <= self._limit:
            return super().concatenate([self._part(part, slice(None)) for part in parts])
        out, end = self._empty(total), 0
        with self.on:
            for part in parts:
                begin, end = end, end + len(part)
                self._put(out, slice(begin, end), part)
            self.on.wait()
        return out

    def parts(self, rows: Rows) -> Iterator[Rows]:
        """Rows on the device, as many at a time as may be there; at least one part."""
        if not isinstance(rows, HostRows):
            yield rows
            return
        for piece in _cuts(len(rows), self._piece):
            yield self._part(rows, piece)

    @property
    def _limit(self) -> int:
        """Rows of the largest array on the device."""
        return max(2, self.on.array_bytes // (8 * self.ring.limbs))

    @property
    def _piece(self) -> int:
        """Rows of a piece."""
        return max(1, self._limit // STREAMS)

    def _fits(self, rows: int, *operands: Rows) -> bool:
        return rows <= self._limit and not any(isinstance(each, HostRows) for each in operands)

    def _pieces(self, rows: int, compute: Callable[[slice], Rows]) -> Rows:
        """All rows by `compute`, which gives those of a slice on the device."""
        if rows <= self._limit:
            return compute(slice(0, rows))
        out = self._empty(rows)
        self._in_turns(
            _cuts(rows, self._piece), lambda piece, turn: self._put(out, piece, compute(piece))
        )
        return out

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

    def _runs(self, starts: npt.NDArray[np.int64]) -> Iterator[slice]:
        """Neighbouring segments that fit a piece together, none of which is longer."""
        begin, count = 0, len(starts) - 1
        while begin < count:
            end = int(np.searchsorted(starts, starts[begin] + self._piece, side="right")) - 1
            end = min(end, begin + self._piece, count)
            yield slice(begin, end)
            begin = end

    def _empty(self, rows: int) -> Rows:
        """Rows to be written, where so many are kept."""
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
        """``rows[index][piece]`` on the device."""
        chosen = piece if index is None else index[piece]
        with self.on:
            if isinstance(rows, HostRows):
                return self.on.copy_in(np.ascontiguousarray(rows[chosen]))
            return rows[piece] if index is None else rows[self.on.index_array(chosen)]


def _cuts(rows: int, length: int) -> Iterator[slice]:
    """Slices of so many rows; one of none if there are no rows."""
    for begin in range(0, max(1, rows), length):
        yield slice(begin, min(begin + length, rows))


def _cut(words: UnsignedWords | None, piece: slice) -> UnsignedWords | None:
    return None if words is None else words[piece]


def _count(rows: Rows, index: Index | None) -> int:
    return len(rows) if index is None else len(index)


def _block(matrix: SignedWords | CsrMatrix, rows: slice, terms: slice) -> SignedWords | CsrMatrix:
    """The part of a matrix with these rows and columns."""
    if not isinstance(matrix, CsrMatrix):
        return np.ascontiguousarray(matrix[rows, terms])
    starts = matrix.indptr[rows.start : rows.stop + 1]
    entries = slice(int(starts[0]), int(starts[-1]))
    indices: npt.NDArray[np.int64] = matrix.indices[entries]
    inside = (indices >= terms.start) & (indices < terms.stop)
    before = np.append(0, np.cumsum(inside))
    shape = (rows.stop - rows.start, terms.stop - terms.start)
    return CsrMatrix(
        shape,
        before[starts - starts[0]],
        indices[inside] - terms.start,
        matrix.data[entries][inside],
    )
