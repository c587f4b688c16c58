# SPDX-License-Identifier: Apache-2.0
"""Cells that rows are summed into, and when to sum them there (docs/algorithms/candidate-sums.md)."""

from __future__ import annotations

from dataclasses import dataclass, replace
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

    `sources` are the places of the rows among those that are encrypted. Bins are numbered from `offset`
    on.
    """
    own = part.within[rows]
    kept = own < part.cells
    _Planner(stages, offset).plan(part, own[kept], sources[kept], 0)


def plan_cells(part: Part, cells: Cells, stages: Stages, places: Index) -> None:
    """The same for a part whose cells are known: `places` are the ciphertexts of sums of `cells`."""
    _Planner(stages, 0).plan(part, cells, places, 0)


def used_parts(part: Part, positions: int) -> list[Part]:
    """The parts that all rows are summed into first: the part itself, or halves of it, over all rows."""
    occupied, lengths = _tally(part.within[part.within < part.cells], part.cells, 1)
    if part.bins is not None or pays(part, occupied, lengths, positions):
        return [part]
    found = []
    for half in part.halves:
        own = np.append(half.within, half.cells).astype(half.within.dtype)[part.within]
        found += used_parts(replace(half, within=own), positions)
    return found


@dataclass(frozen=True)
class _Planner:
    stages: Stages
    offset: int

    def plan(self, part: Part, cells: Cells, sources: Index, level: int) -> None:
        """Sums of sources by their cells, none of which is beyond the last."""
        # Rows of a ciphertext are told apart in the first stage; later ones sum each position alike.
        positions = 1 if level else self.stages.positions
        keys = cells if positions == 1 else cells.astype(np.int64) * positions + sources % positions
        occupied, lengths = _tally(keys, part.cells, positions)
        if part.bins is None and not pays(part, occupied, lengths, positions):
            for half in part.halves:
                own = half.within[cells]
                kept = own < half.cells
                self.plan(half, own[kept], sources[kept], level)
            return
        stage = self.stages.at(level)
        first = stage.append(sources[np.argsort(keys, kind="stable")], lengths)
        if part.bins is not None:
            stage.give(first, part.bins[occupied] + self.offset)
            return
        for half in part.halves:
            own = half.within[occupied]
            into = np.flatnonzero(own < half.cells)
            self.plan(half, own[into], first + into, level + 1)


def pays(part: Part, occupied: Index, lengths: Index, positions: int = 1) -> bool:
    """Whether to sum into joint cells, given which are occupied and by how many rows.

    `lengths` has an axis of positions where those of each are summed by themselves; where it has none,
    rows are taken to be at as many positions as they can.
    """
    kept = [half.within[occupied] < half.cells for half in part.halves]
    rows = sum(int(lengths[each].sum()) for each in kept)
    sums = np.count_nonzero(lengths) if lengths.ndim == 2 else np.minimum(lengths, positions).sum()
    cells = positions * sum(int(np.count_nonzero(half)) for half in kept)
    # A cell has a ciphertext for each position, with rows or without.
    price = CELL_COST * positions * len(occupied)
    return saved(int(lengths.sum()), int(sums), rows, cells) > price


def saved(rows: int, cells: int, rows_of_halves: int, cells_of_halves: int) -> int:
    """Additions that joint cells of two halves save, whatever the cells cost beside additions.

    Joint cells take one for each row beyond the first of a cell, and the halves one for each cell that
    they sum; without them the halves take one for each row that they sum. Both leave out one for each cell
    of a half, and what comes after the halves is the same.
    """
    return rows_of_halves - (rows - cells + cells_of_halves)


def _tally(keys: Cells, count: int, positions: int) -> tuple[Index, Index]:
    """Which of `count` cells have sources, and how many, with an axis of positions if there are several."""
    if positions == 1 and 8 * len(keys) < count:
        found, numbers = np.unique(keys, return_counts=True)
        return found.astype(np.int64), numbers
    tally = np.bincount(keys, minlength=count * positions)
    if positions == 1:
        occupied = np.flatnonzero(tally)
        return occupied, tally[occupied]
    table = tally.reshape(count, positions)
    occupied = np.flatnonzero(table.any(axis=1))
    return occupied, table[occupied]
