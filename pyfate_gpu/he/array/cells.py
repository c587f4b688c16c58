# SPDX-License-Identifier: Apache-2.0
"""Cells that rows are summed into, and when to sum them there (docs/algorithms/candidate-sums.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.he.array.stages import Stages

Cells = npt.NDArray[np.integer[Any]]
"""Numbers of cells, of the narrowest unsigned type; the one beyond the last is of what is not summed."""

CELL_COST = 0.25
"""What a sum costs beside its additions: its memory, in additions."""


@dataclass(frozen=True)
class Part:
    """Columns whose rows are summed together: into bins, or into joint cells of two halves."""

    cells: int
    within: Cells
    """Own cell of each cell of the part above, or of each row where there is none above."""
    bins: Index | None = None
    """The bin of each cell, where cells are bins."""
    halves: tuple[Part, ...] = ()


def plan(part: Part, rows: Index, sources: Index, stages: Stages, offset: int) -> None:
    """Put the sums of the bins of a part over chosen rows into stages; bins without rows are left out.

    `sources` are the ciphertexts of the rows. Bins are numbered from `offset` on.
    """
    own = part.within[rows]
    kept = own < part.cells
    _plan(part, own[kept], sources[kept], 0, stages, offset)


def _plan(
    part: Part, cells: Cells, sources: Index, level: int, stages: Stages, offset: int
) -> None:
    """Sums of sources by their cells, none of which is beyond the last."""
    occupied, lengths = _tally(cells, part.cells)
    if part.bins is None and not _pays(part, occupied, lengths):
        for half in part.halves:
            own = half.within[cells]
            kept = own < half.cells
            _plan(half, own[kept], sources[kept], level, stages, offset)
        return
    order = np.argsort(cells, kind="stable")
    first = stages.at(level).append(sources[order], lengths)
    if part.bins is not None:
        stages.give(level, first, part.bins[occupied] + offset)
        return
    for half in part.halves:
        own = half.within[occupied]
        into = np.flatnonzero(own < half.cells)
        _plan(half, own[into], first + into, level + 1, stages, offset)


def saved(rows: int, cells: int, rows_of_halves: int, cells_of_halves: int) -> float:
    """Additions that joint cells of two halves save, less what the cells cost beside additions.

    Joint cells take one for each row beyond the first of a cell, and the halves one for each cell that
    they sum; without them the halves take one for each row that they sum. Both leave out one for each cell
    of a half, and what comes after the halves is the same.
    """
    return rows_of_halves - (rows - cells + cells_of_halves) - CELL_COST * cells


def _pays(part: Part, occupied: Index, lengths: Index) -> bool:
    """Whether to sum into joint cells."""
    kept = [half.within[occupied] < half.cells for half in part.halves]
    rows = sum(int(lengths[each].sum()) for each in kept)
    cells = sum(int(np.count_nonzero(each)) for each in kept)
    return saved(int(lengths.sum()), len(occupied), rows, cells) > 0


def _tally(cells: Cells, count: int) -> tuple[Index, Index]:
    """Which cells have sources, and how many."""
    if 8 * len(cells) < count:
        occupied, lengths = np.unique(cells, return_counts=True)
        return occupied.astype(np.int64), lengths
    tally = np.bincount(cells, minlength=count)
    occupied = np.flatnonzero(tally)
    return occupied, tally[occupied]
