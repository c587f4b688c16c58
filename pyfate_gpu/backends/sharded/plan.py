# SPDX-License-Identifier: Apache-2.0
"""Where rows, segments and matrices are cut. Pure functions: nothing is computed or moved here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.matrices import CsrMatrix, Index
from pyfate_gpu.backends.words import SignedWords

FEW_PARTS = 8
"""Comparing with each beginning is quicker than searching for so few."""


def cuts(rows: int, length: int) -> Iterator[slice]:
    """Slices of so many rows; one of none if there are no rows.

    Examples
    --------
    >>> from pyfate_gpu.backends.sharded.plan import cuts
    >>> list(cuts(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    for begin in range(0, max(1, rows), length):
        yield slice(begin, min(begin + length, rows))


def even(rows: int, parts: int, unit: int = 1) -> Index:
    """Where `parts` shares begin and the last one ends, as equal as whole units allow: int64 ``[parts + 1]``.

    Examples
    --------
    >>> from pyfate_gpu.backends.sharded.plan import even
    >>> even(10, 3).tolist(), even(12, 2, unit=4).tolist()
    ([0, 3, 6, 10], [0, 4, 12])
    """
    shares = np.arange(parts + 1, dtype=np.int64) * (rows // unit) // parts * unit
    shares[-1] = rows
    return shares


def owners(index: Index, starts: Index) -> Index:
    """In which part each row is, where parts begin at `starts` and empty parts own nothing."""
    if len(starts) > FEW_PARTS:
        return np.searchsorted(starts, index, side="right") - 1
    found = np.zeros(np.shape(index), dtype=np.uint8)
    for start in starts[1:-1]:
        found += index >= start
    return found.astype(np.int64)


def children(place: int, count: int) -> list[int]:
    """Whose results a place takes where results of so many places are added up in pairs, and pairs of those.

    Examples
    --------
    >>> from pyfate_gpu.backends.sharded.plan import children
    >>> [children(place, 6) for place in range(6)]
    [[1, 2, 4], [], [3], [], [5], []]
    """
    lowest = place & -place or count
    steps = (1 << level for level in range(count.bit_length()))
    return [place + step for step in steps if step < lowest and place + step < count]


def parent(place: int) -> int:
    """Who takes the result of a place among its `children`; the first place is its own.

    Examples
    --------
    >>> from pyfate_gpu.backends.sharded.plan import parent
    >>> [parent(place) for place in range(6)]
    [0, 0, 0, 2, 0, 4]
    """
    return place & (place - 1) if place else 0


def cut_segments(offsets: Index, longest: int) -> tuple[Index, Index]:
    """Segments cut into pieces of at most `longest` elements.

    Returns
    -------
    starts : int64 [pieces + 1]
        Where the pieces begin, and where the last one ends.
    ends : int64 [segments]
        How many pieces there are up to the end of each segment.
    """
    segments = len(offsets) - 1
    lengths = np.maximum(1, -(-np.diff(offsets) // longest))
    ends = np.cumsum(lengths)
    place = np.arange(int(ends[-1]) if segments else 0)
    segment = np.searchsorted(ends, place, side="right")
    starts = offsets[segment] + longest * (place - (ends - lengths)[segment])
    return np.append(starts, offsets[-1]), ends


def narrowed(index: Index) -> npt.NDArray[Any]:
    """Numbers of rows in the narrowest type of no sign, to be sent; `widened` is the way back.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.backends.sharded.plan import narrowed, widened
    >>> narrowed(np.array([0, 300])).dtype, widened(narrowed(np.array([0, 300]))).dtype
    (dtype('uint16'), dtype('int64'))
    """
    kind = np.min_scalar_type(int(index.max(initial=0)))
    return index.astype(kind)


def widened(index: npt.NDArray[Any]) -> Index:
    """Numbers of rows as engines take them."""
    return index.astype(np.int64)


def runs(starts: npt.NDArray[np.int64], longest: int) -> Iterator[slice]:
    """Neighbouring segments with at most `longest` elements together, none of which is longer."""
    begin, count = 0, len(starts) - 1
    while begin < count:
        end = int(np.searchsorted(starts, starts[begin] + longest, side="right")) - 1
        end = min(end, begin + longest, count)
        yield slice(begin, end)
        begin = end


def block(matrix: SignedWords | CsrMatrix, rows: slice, terms: slice) -> SignedWords | CsrMatrix:
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
