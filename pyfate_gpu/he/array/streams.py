# SPDX-License-Identifier: Apache-2.0
"""Sums of candidates over rows that come in chunks, which are not kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.backends.matrices import Index, Rows
from pyfate_gpu.errors import ShapeError, SlotMismatchError
from pyfate_gpu.he.array.bounds import check_bound, check_layout
from pyfate_gpu.he.array.cells import Part, plan, plan_cells, used_parts
from pyfate_gpu.he.array.operands import check_same_home
from pyfate_gpu.he.array.sides import masked_middle, side_sums
from pyfate_gpu.he.array.stages import Stages

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray
    from pyfate_gpu.he.array.candidates import Candidates


HELD = 1 << 14
"""Ciphertexts that wait to be summed together, at least."""
ROWS_OF_CELLS = 8
"""So many for each cell: of fewer, too many would be in cells of their own."""


class StreamedSums:
    """What `Candidates.sums` gives, while ciphertexts of rows are still to come.

    Rows are summed, some thousands at a time, into the cells that all rows would be summed into first, and
    those of all times are put together: hardly more additions than if all rows were there. Groups of
    columns that have few rows for each cell are left for the end.

    Parameters
    ----------
    candidates : Candidates
    packed : bool
        Whether rows share ciphertexts, as for `Candidates.packed_sums`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import generate_keypair
    >>> from pyfate_gpu.he.array.candidates import Candidates
    >>> from pyfate_gpu.he.array.streams import StreamedSums
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> codes = np.array([[0], [1], [1], [2]], dtype=np.int16)
    >>> stream = StreamedSums(Candidates(codes, [3], [False]))
    >>> stream.add(public.encrypt([1, 20]), np.array([0, 1]))
    >>> stream.add(public.encrypt([300, 4000]), np.array([2, 3]))
    >>> private.decrypt(stream.sums())
    array([   1, 4000])
    """

    def __init__(self, candidates: Candidates, *, packed: bool = False) -> None:
        self._candidates = candidates
        self._packed = packed
        self._parts, self._late = list[Part](), list[Part]()
        self._starts = np.zeros(1, dtype=np.int64)
        self._seen = np.zeros(candidates.rows, dtype=np.bool_)
        self._first: CiphertextArray | None = None
        self._bound = 0
        self._chunks: list[_Chunk] = []
        self._summed = 0
        self._sums: list[Rows] = []
        self._cells: list[Index] = []

    def add(self, c: CiphertextArray, rows: Index) -> None:
        """Take a chunk, and sum it with others that wait when they are enough.

        Parameters
        ----------
        c : CiphertextArray [m] or [m, k]
            Or [groups] of rows that share ciphertexts, beginning with slot 0 of the first.
        rows : int64 [m]
            Numbers of the rows of the table that they are of.

        Raises
        ------
        ShapeError
            If shapes do not fit, or a row comes twice or is none.
        BoundError
            If the sum of all rows of the table could pass what the key or a slot holds.
        KeyMismatchError, DeviceMismatchError, SlotMismatchError
            If the chunk does not belong to the ones before.
        """
        numbers = self._check(c, rows)
        self._chunks.append(_Chunk(c._rows, numbers, len(c)))
        waiting = sum(chunk.count for chunk in self._chunks[self._summed :])
        most = max((part.cells for part in self._parts), default=0)
        if self._parts and waiting >= max(HELD, ROWS_OF_CELLS * most):
            self._sum_waiting(c)

    def sums(self) -> CiphertextArray:
        """One side of each candidate over the rows that came, [size] or [size, k].

        Its bound is that of all rows of the table. Of rows that share ciphertexts, it has the sums in the
        middle slots, and all other slots are masked.

        Raises
        ------
        ShapeError
            If nothing came.
        """
        c = self._first
        if c is None:
            raise ShapeError("no rows came; add at least one chunk, if only of no rows")
        self._sum_waiting(c)
        width = self._width(c)
        bins, sums = [], []
        for stages, rows, columns in self._stages(c):
            bins.append(stages.bins)
            sums += stages.run(c._engine, rows, columns)
        splits, size = self._candidates.splits, self._candidates.size
        numbers = np.concatenate([np.empty(0, dtype=np.int64), *bins])
        sides = side_sums(c._engine, c._rows, splits, sums, numbers, 1, width)
        if self._packed:
            return masked_middle(c, sides, (size,), self._bound)
        return c._replace(sides, (size, *c.shape[1:]), bound=self._bound)

    def _stages(self, c: CiphertextArray) -> Iterator[tuple[Stages, Rows, int]]:
        """What is left to sum into bins: stages, the ciphertexts that they read, and how many make up one."""
        engine, positions, width = c._engine, self._positions(c), self._width(c)
        if self._sums:
            cells, together = np.concatenate(self._cells), engine.concatenate(self._sums)
            for part, start in zip(self._parts, self._starts, strict=False):
                own = np.flatnonzero((cells >= start) & (cells < start + part.cells))
                numbers = (cells[own] - start).astype(np.min_scalar_type(part.cells))
                stages = Stages()
                plan_cells(part, numbers, stages, own)
                yield stages, together, width
        if self._late and self._chunks:
            numbers, places = _joined(self._chunks, positions)
            together = engine.concatenate([chunk.rows for chunk in self._chunks])
            for part in self._late:
                stages = Stages(positions)
                plan(part, numbers, places, stages, 0)
                yield stages, together, width // positions

    def _sum_waiting(self, c: CiphertextArray) -> None:
        """Sum what waits into cells."""
        waiting = self._chunks[self._summed :]
        self._summed = len(self._chunks)
        if not self._late:
            self._chunks, self._summed = [], 0
        if not waiting or not self._parts:
            return
        positions = self._positions(c)
        numbers, places = _joined(waiting, positions)
        stages = Stages(positions)
        for part, start in zip(self._parts, self._starts, strict=False):
            # Its cells, and nothing of what comes after them.
            cells = Part(part.cells, part.within, np.arange(part.cells))
            plan(cells, numbers, places, stages, int(start))
        together = c._engine.concatenate([chunk.rows for chunk in waiting])
        self._sums += stages.run(c._engine, together, self._width(c) // positions)
        self._cells.append(stages.bins)

    def _positions(self, c: CiphertextArray) -> int:
        return c.slots.count if self._packed and c.slots is not None else 1

    def _width(self, c: CiphertextArray) -> int:
        """Ciphertexts of a sum."""
        return int(np.prod(c.shape[1:], dtype=np.int64)) * self._positions(c)

    def _check(self, c: CiphertextArray, rows: Index) -> Index:
        """Rows of a chunk, marked as seen."""
        if self._packed:
            if c.slots is None:
                raise SlotMismatchError(
                    "the ciphertexts have no slots with rows; encrypt RowSlots.join(rows)"
                )
            check_layout(c.slots.product, c.public_key)
        numbers = np.asarray(rows, dtype=np.int64)
        fits = c.ndim == 1 or (c.ndim == 2 and not self._packed)
        if numbers.ndim != 1 or not fits or -(-len(numbers) // self._positions(c)) != len(c):
            raise ShapeError(
                f"ciphertexts of shape {c.shape} came for rows of shape {numbers.shape}; there must be one for "
                f"each {self._positions(c)} of them"
            )
        if numbers.size and not 0 <= numbers.min() <= numbers.max() < len(self._seen):
            raise ShapeError(
                f"row numbers run from {numbers.min()} to {numbers.max()}; they must be in [0, {len(self._seen)})"
            )
        before = int(np.count_nonzero(self._seen))
        seen = self._seen.copy()
        seen[numbers] = True
        if int(np.count_nonzero(seen)) != before + len(numbers):
            raise ShapeError("a row came twice; each is in one chunk, once")
        self._agree(c)
        self._seen = seen
        return numbers

    def _agree(self, c: CiphertextArray) -> None:
        """Chunks have one key, engine, layout and exponent; the greatest bound is that of all."""
        if self._first is None:
            self._first = c[:0]
            self._divide(self._positions(c))
        elif c.exponent != self._first.exponent or c.shape[1:] != self._first.shape[1:]:
            raise ShapeError(
                f"a chunk of shape {c.shape} and exponent {c.exponent} came after one of shape "
                f"{self._first.shape} and exponent {self._first.exponent}; encrypt all alike"
            )
        else:
            check_same_home(self._first, c)
        most = max(1, len(self._seen))
        bound = check_bound(c.bound * most, c, f"a sum of {most} rows")
        self._bound = max(self._bound, bound)

    def _divide(self, positions: int) -> None:
        """Leave parts with few rows for each cell for the end: they would be summed once or twice before."""
        most = len(self._seen) // (2 * ROWS_OF_CELLS * positions)
        groups = self._candidates.groups(positions)
        parts = [used for part in groups for used in used_parts(part, positions)]
        self._late = [part for part in parts if part.cells > most]
        self._parts = [part for part in parts if part.cells <= most]
        self._starts = np.cumsum([0, *(part.cells for part in self._parts)], dtype=np.int64)


@dataclass(frozen=True)
class _Chunk:
    rows: Rows
    numbers: Index
    count: int


def _joined(chunks: list[_Chunk], positions: int) -> tuple[Index, Index]:
    """The rows of the table of chunks, and their places, where the last ciphertext of a chunk may not be full."""
    counts = np.array([chunk.count * positions for chunk in chunks], dtype=np.int64)
    firsts = np.cumsum(counts) - counts
    places = [
        first + np.arange(len(chunk.numbers)) for first, chunk in zip(firsts, chunks, strict=True)
    ]
    return np.concatenate([chunk.numbers for chunk in chunks]), np.concatenate(places)
