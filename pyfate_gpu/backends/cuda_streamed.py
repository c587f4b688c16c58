# SPDX-License-Identifier: Apache-2.0
"""The CUDA engine for arrays larger than the device: they lie on the host and pass through in pieces.

An array of more than `Device.array_bytes` is `HostRows`, in the Montgomery form it would have on the
device. Every operation takes and gives either kind; no piece is larger than that either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.base import CsrMatrix, Index
from pyfate_gpu.backends.cuda import CudaPublicEngine, Rows
from pyfate_gpu.backends.cuda_device import Limbs
from pyfate_gpu.backends.words import SignedWords, UnsignedWords

Whole = CudaPublicEngine


class HostRows(np.ndarray[tuple[int, ...], np.dtype[np.uint32]]):
    """Rows in the memory of the host, uint32 ``[rows, 2, limbs]``."""


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
        return np.concatenate([Whole.export_words(self, part) for part in self.parts(rows)])

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
        outputs, inner = matrix.shape[:2]
        if self._fits(outputs * columns, c):
            return Whole.matmul(self, matrix, c, columns)
        step = max(1, self._limit // columns)
        parts = []
        for begin in range(0, outputs, step):
            rows = slice(begin, min(begin + step, outputs))
            product = None
            for first in range(0, max(1, inner), step):
                terms = slice(first, min(first + step, inner))
                bases = self._part(c, slice(terms.start * columns, terms.stop * columns))
                factor = Whole.matmul(self, _block(matrix, rows, terms), bases, columns)
                product = factor if product is None else Whole.add(self, product, factor)
            parts.append(self._kept(product, outputs * columns))
        return self.concatenate(parts)

    def segment_sum(self, a: Rows, index: Index, offsets: Index) -> Rows:
        """Segments in pieces, then the products of the pieces, until every segment is one."""
        segments = len(offsets) - 1
        if self._fits(segments, a):
            return Whole.segment_sum(self, a, index, offsets)
        lengths = np.maximum(1, -(-np.diff(offsets) // self._limit))
        ends = np.cumsum(lengths)
        place = np.arange(int(ends[-1]) if segments else 0)
        segment = np.searchsorted(ends, place, side="right")
        starts = offsets[segment] + self._limit * (place - (ends - lengths)[segment])
        starts = np.append(starts, offsets[-1])
        begin, parts = 0, [self.ring.new(0)]
        while begin < len(place):
            end = int(np.searchsorted(starts, starts[begin] + self._limit, side="right")) - 1
            end = min(end, begin + self._limit, len(place))
            rows = self._part(a, slice(int(starts[begin]), int(starts[end])), index)
            everything = np.arange(len(rows))
            product = Whole.segment_sum(
                self, rows, everything, starts[begin : end + 1] - starts[begin]
            )
            parts.append(self._kept(product, len(place)))
            begin = end
        products = self.concatenate(parts)
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
        return np.concatenate([self._kept(part, total) for part in parts]).view(HostRows)

    def parts(self, rows: Rows) -> Iterator[Rows]:
        """Rows on the device, as many at a time as may be there; at least one part."""
        for begin in range(0, max(1, len(rows)), self._limit):
            yield self._part(rows, slice(begin, begin + self._limit))

    @property
    def _limit(self) -> int:
        """Rows of the largest array on the device."""
        return max(2, self.on.array_bytes // (8 * self.ring.limbs))

    def _fits(self, rows: int, *operands: Rows) -> bool:
        return rows <= self._limit and not any(isinstance(each, HostRows) for each in operands)

    def _pieces(self, rows: int, compute: Callable[[slice], Rows]) -> Rows:
        """All rows by `compute`, which gives those of a slice on the device."""
        if rows <= self._limit:
            return compute(slice(0, rows))
        out = np.empty((rows, 2, self.ring.limbs), dtype=np.uint32).view(HostRows)
        for begin in range(0, rows, self._limit):
            piece = slice(begin, begin + self._limit)
            out[piece] = self._kept(compute(piece), rows)
        return out

    def _part(self, rows: Rows, piece: slice, index: Index | None = None) -> Limbs:
        """``rows[index][piece]`` on the device."""
        chosen = piece if index is None else index[piece]
        with self.on:
            if isinstance(rows, HostRows):
                return self.on.arrays.asarray(np.ascontiguousarray(rows[chosen]).view(np.ndarray))
            return rows[piece] if index is None else rows[self.on.index_array(chosen)]

    def _kept(self, part: Rows, total: int) -> Rows:
        """A part of `total` rows, where such an array is kept."""
        if total <= self._limit or isinstance(part, HostRows):
            return part
        with self.on:
            return self.on.to_host_limbs(part).view(HostRows)


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
