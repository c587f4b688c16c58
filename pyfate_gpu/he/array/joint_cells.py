# SPDX-License-Identifier: Apache-2.0
"""Joint cells of two groups of columns: which occur, and how many additions they save."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.he.array.bundles import Column
from pyfate_gpu.he.array.cells import CELL_COST, Cells, Part, saved

GLANCE = 1 << 13
"""Rows that are enough to see that hardly any two are in one cell."""
ALONE = 0.93
"""Share of those rows that are in cells of their own where joint cells save nothing."""


@dataclass(frozen=True, eq=False)
class Group:
    """A column, or two groups, and the cell of each row of a sample.

    `first` is the number of its first column, `count` how many cells there are, `summed` how many rows of
    the sample are in one, `leaves` how many columns there are, and `saved` what all joint cells of the
    group save.
    """

    first: int
    cells: Cells
    count: int
    summed: int
    leaves: int = 1
    saved: float = 0.0
    column: Column | None = None
    halves: tuple[Group, ...] = ()


def group_of(number: int, column: Column, sample: Index) -> Group:
    """A column by itself."""
    cells, count = column.cells[sample], len(column.bins)
    return Group(number, cells, count, int(np.count_nonzero(cells < count)), column=column)


def join(one: Group, other: Group, saved_by_both: float) -> Group:
    """Two groups in joint cells, which save what `saved_by` says."""
    cells, count, _ = _joint(one.cells, one.count, other.cells, other.count)
    return Group(
        min(one.first, other.first), cells, count, int(np.count_nonzero(cells < count)),
        one.leaves + other.leaves, one.saved + other.saved + saved_by_both, halves=(one, other),
    )  # fmt: skip


def saved_by(one: Group, other: Group, positions: int = 1) -> float:
    """Additions that joint cells of two groups save on the sample, less what the cells cost; see `cells.saved`."""
    width = other.count + 1
    size = (one.count + 1) * width
    if size > _table_size(len(one.cells)) and _hardly_meet(one, other):
        return -1
    keys: Cells = one.cells.astype(np.min_scalar_type(size - 1)) * width + other.cells
    rows = np.count_nonzero(keys < size - 1)
    if size > _table_size(len(keys)):
        pairs = _distinct(keys)
        cells = np.count_nonzero(pairs < size - 1)
        into_one = np.count_nonzero(pairs < one.count * width)
        into_other = np.count_nonzero(pairs % width < other.count)
    else:
        occurs = np.zeros(size, dtype=np.bool_)
        occurs[keys] = True
        cells = np.count_nonzero(occurs[:-1])
        into_one = np.count_nonzero(occurs[: one.count * width])
        into_other = np.count_nonzero(occurs.reshape(-1, width)[:, :-1])
    into, each = positions * int(into_one + into_other), positions * int(cells)
    # Of the ciphertexts of cells, one for each position, as many have rows as can.
    sums = min(each, int(rows))
    return saved(int(rows), sums, one.summed + other.summed, into) - CELL_COST * each


def _hardly_meet(one: Group, other: Group) -> bool:
    """Whether nearly all of a few rows are in cells of their own."""
    few = slice(None, None, -(-len(one.cells) // GLANCE))
    first, second = one.cells[few].astype(np.uint64), other.cells[few]
    keys = first * (other.count + 1) + second
    rows = np.count_nonzero((first < one.count) | (second < other.count))
    return bool(len(_distinct(keys)) > ALONE * rows)


def _distinct(keys: Cells) -> Cells:
    """The keys that occur, by sorting, which takes less than the hashing of `numpy.unique`."""
    keys = np.sort(keys)
    return keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys


def part_of(group: Group) -> Part:
    """The part of a group, its cells over all rows."""
    if group.column is not None:
        return Part(group.count, group.column.cells, group.column.bins)
    halves = [part_of(half) for half in group.halves]
    cells, count, places = _joint(
        halves[0].within, halves[0].cells, halves[1].within, halves[1].cells
    )
    below = tuple(replace(half, within=half.within[places]) for half in halves)
    return Part(count, cells, halves=below)


def restrict(part: Part, numbers: Index) -> Part | None:
    """The part of some bins only: `numbers` has the new number of each, or -1. None if none is left."""
    if part.bins is not None:
        kept = np.flatnonzero(numbers[part.bins] >= 0)
        cells = np.full(part.cells + 1, len(kept), dtype=np.min_scalar_type(len(kept)))
        cells[kept] = np.arange(len(kept))
        left = Part(len(kept), cells[part.within], numbers[part.bins[kept]])
        return left if len(kept) else None
    halves = [
        half for half in (restrict(half, numbers) for half in part.halves) if half is not None
    ]
    if len(halves) < 2:
        # What is left of one half, from the cells of the part above.
        return (
            replace(halves[0], within=_through(part, halves[0].within, halves[0].cells))
            if halves
            else None
        )
    one, other = halves
    cells, count, places = _joint(one.within, one.cells, other.within, other.cells)
    below = tuple(replace(half, within=half.within[places]) for half in halves)
    return Part(count, _through(part, cells, count), halves=below)


def _through(part: Part, cells: Cells, count: int) -> Cells:
    """What becomes of the cells of a part, for what these are cells of; `count` is of what is not summed."""
    return np.append(cells, count).astype(cells.dtype)[part.within]


def _joint(one: Cells, one_count: int, other: Cells, other_count: int) -> tuple[Cells, int, Index]:
    """Numbers for the pairs of cells that occur, how many, and where each occurs.

    What neither sums has the number beyond the last.
    """
    keys = one.astype(np.int64) * (other_count + 1) + other
    size = (one_count + 1) * (other_count + 1)
    if size > _table_size(len(keys)):
        # The greatest key, which says that nothing is summed, is numbered whether it occurs or not.
        occurring, numbers = np.unique(np.append(keys, size - 1), return_inverse=True)
        numbers, count = numbers[:-1], len(occurring) - 1
    else:
        occurs = np.zeros(size, dtype=np.bool_)
        occurs[keys] = True
        occurs[-1] = True
        numbers, count = (np.cumsum(occurs) - 1)[keys], int(np.count_nonzero(occurs)) - 1
    places = np.empty(count + 1, dtype=np.int64)
    places[numbers] = np.arange(len(numbers))
    return numbers.astype(np.min_scalar_type(count)), count, places[:-1]


def _table_size(rows: int) -> int:
    """Keys up to here are looked up, greater ones sorted."""
    return 4 * rows + (1 << 16)
