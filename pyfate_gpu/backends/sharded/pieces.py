# SPDX-License-Identifier: Apache-2.0
"""Operations piece by piece, for arrays larger than the memory that an engine computes in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from pyfate_gpu.backends.horner import by_steps
from pyfate_gpu.backends.matrices import CsrMatrix, Index, Rows
from pyfate_gpu.backends.sharded.plan import block, cut_segments, cuts, runs
from pyfate_gpu.backends.words import SignedWords, UnsignedWords


class PiecewiseEngine(ABC):
    """Stands before an engine class, `whole`, whose methods compute single pieces.

    Rows are near, where `whole` computes, or far; every operation takes and gives either kind. Where far
    rows lie, and how pieces come and go, is the subclass's.
    """

    whole: ClassVar[Any]
    turns: ClassVar[int] = 1
    """Pieces that are under way at a time."""

    @property
    @abstractmethod
    def _limit(self) -> int:
        """Rows of the largest array that is near."""

    @property
    @abstractmethod
    def _piece(self) -> int:
        """Rows of a piece."""

    @abstractmethod
    def _is_far(self, rows: Rows) -> bool:
        """Whether rows must come near before they are computed on."""

    @abstractmethod
    def _empty(self, rows: int) -> Rows:
        """Rows to be written, far if there are more than the limit."""

    @abstractmethod
    def _put(self, out: Rows, piece: slice, part: Rows) -> None:
        """Write a part into its place."""

    @abstractmethod
    def _part(self, rows: Rows, piece: slice, index: Index | None = None) -> Rows:
        """``rows[index][piece]``, near."""

    @abstractmethod
    def _in_turns(self, pieces: Iterable[slice], work: Callable[[slice, int], None]) -> None:
        """Do the work of each piece, its turn the second argument, and wait for all of it."""

    def import_words(self, canonical: UnsignedWords) -> Rows:
        """Into the form of the engine."""
        return self.by_pieces(
            len(canonical), lambda piece: self.whole.import_words(self, canonical[piece])
        )

    def encrypt(self, plain: SignedWords, *exponents: UnsignedWords | None) -> Rows:
        """Fresh encryptions."""
        return self.by_pieces(
            len(plain),
            lambda piece: self.whole.encrypt(self, plain[piece], *_cut(exponents, piece)),
        )

    def blind(self, rows: Rows, *exponents: UnsignedWords | None) -> Rows:
        """The same plaintexts under fresh randomness."""
        return self.by_pieces(
            len(rows),
            lambda piece: self.whole.blind(self, self._part(rows, piece), *_cut(exponents, piece)),
        )

    def add(
        self, a: Rows, b: Rows, a_index: Index | None = None, b_index: Index | None = None
    ) -> Rows:
        """Products of ciphertexts."""
        rows = _count(a, a_index)
        if self._fits(rows, a, b):
            return self.whole.add(self, a, b, a_index, b_index)
        return self.by_pieces(
            rows,
            lambda piece: self.whole.add(
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
            return self.whole.add_plain(self, a, plain, a_index, plain_index)
        chosen = np.arange(rows) if plain_index is None else plain_index
        flat = plain.reshape(-1, plain.shape[-1])
        return self.by_pieces(
            rows,
            lambda piece: self.whole.add_plain(
                self, self._part(a, piece, a_index), flat[chosen[piece]]
            ),
        )

    def negate(self, a: Rows) -> Rows:
        """Inverses."""
        return self.by_pieces(len(a), lambda piece: self.whole.negate(self, self._part(a, piece)))

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
            return self.whole.scale(self, a, scalars, a_index, scalar_index)
        flat = scalars.reshape(-1, scalars.shape[-1])
        chosen = np.arange(rows) % len(flat) if scalar_index is None else scalar_index
        return self.by_pieces(
            rows,
            lambda piece: self.whole.scale(
                self, self._part(a, piece, a_index), flat[chosen[piece]]
            ),
        )

    def horner(self, a: Rows, numbers: Index, bits: int) -> Rows:
        """Step by step where rows are far."""
        if self._fits(len(numbers), a):
            return self.whole.horner(self, a, numbers, bits)
        return by_steps(self, a, numbers, bits)

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """Blocks of outputs, each a product over blocks of ciphertexts."""
        outputs = matrix.shape[0]
        if self._fits(outputs * columns, c):
            return self.whole.matmul(self, matrix, c, columns)
        out = self._empty(outputs * columns)
        step = max(1, self._piece // max(1, columns))
        for some in cuts(outputs, step):
            product = self._block_product(matrix, some, c, columns, step)
            self._put(out, slice(some.start * columns, some.stop * columns), product)
        return out

    def _block_product(
        self, matrix: SignedWords | CsrMatrix, outputs: slice, c: Rows, columns: int, step: int
    ) -> Rows:
        """A block of outputs: each turn multiplies up its terms."""
        products: list[Rows | None] = [None] * self.turns

        def multiply(terms: slice, turn: int) -> None:
            bases = self._part(c, slice(terms.start * columns, terms.stop * columns))
            factor = self.whole.matmul(self, block(matrix, outputs, terms), bases, columns)
            before = products[turn]
            products[turn] = factor if before is None else self.whole.add(self, before, factor)

        self._in_turns(cuts(matrix.shape[1], step), multiply)
        first, *others = (product for product in products if product is not None)
        for other in others:
            first = self.whole.add(self, first, other)
        return first

    def segment_sum(self, a: Rows, index: Index, offsets: Index) -> Rows:
        """Segments in pieces, then the products of the pieces, until every segment is one."""
        segments = len(offsets) - 1
        if self._fits(segments, a):
            return self.whole.segment_sum(self, a, index, offsets)
        starts, ends = cut_segments(offsets, self._piece)
        products = self._empty(len(starts) - 1)

        def multiply(some: slice, turn: int) -> None:
            bounds = starts[some.start : some.stop + 1]
            rows = self._part(a, slice(int(bounds[0]), int(bounds[-1])), index)
            everything = np.arange(len(rows))
            part = self.whole.segment_sum(self, rows, everything, bounds - bounds[0])
            self._put(products, some, part)

        self._in_turns(runs(starts, self._piece), multiply)
        if len(starts) - 1 == segments:
            return products
        return self.segment_sum(products, np.arange(len(starts) - 1), np.append(0, ends))

    def take(self, rows: Rows, index: Index) -> Rows:
        """A copy of the chosen rows."""
        if self._fits(len(index), rows):
            return self.whole.take(self, rows, index)
        return self.by_pieces(len(index), lambda piece: self._part(rows, piece, index))

    def concatenate(self, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        total = sum(len(part) for part in parts)
        if total <= self._limit:
            return self.whole.concatenate(self, [self._part(part, slice(None)) for part in parts])
        out, end = self._empty(total), 0
        for part in parts:
            begin, end = end, end + len(part)
            self._put(out, slice(begin, end), part)
        return out

    def parts(self, rows: Rows) -> Iterator[Rows]:
        """Rows near, as many at a time as may be there; at least one part."""
        if not self._is_far(rows):
            yield rows
            return
        for piece in cuts(len(rows), self._piece):
            yield self._part(rows, piece)

    def _fits(self, rows: int, *operands: Rows) -> bool:
        return rows <= self._limit and not any(self._is_far(each) for each in operands)

    def by_pieces(self, rows: int, compute: Callable[[slice], Rows]) -> Rows:
        """All rows by `compute`, which gives those of a slice."""
        if rows <= self._limit:
            return compute(slice(0, rows))
        out = self._empty(rows)
        self._in_turns(
            cuts(rows, self._piece), lambda piece, turn: self._put(out, piece, compute(piece))
        )
        return out


def _cut(words: Sequence[UnsignedWords | None], piece: slice) -> list[UnsignedWords | None]:
    return [None if each is None else each[piece] for each in words]


def _count(rows: Rows, index: Index | None) -> int:
    return len(rows) if index is None else len(index)
