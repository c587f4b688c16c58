# SPDX-License-Identifier: Apache-2.0
"""Which rows are in which bins of which columns, and how to sum them (docs/algorithms/candidate-sums.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.he.array.stages import Stages

Cells = npt.NDArray[np.signedinteger]
"""Numbers of cells; the one beyond the last says that nothing is to be summed."""


@dataclass(frozen=True)
class Part:
    """Cells that rows are summed into: those of a leaf are bins, those of two halves are joint."""

    cells: int
    within: Index | None
    """Own cell for each cell of the part above, `cells` where it has none; None at the top."""
    bins: Index | None
    """The bin of each cell of a leaf."""
    halves: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Group:
    """Columns whose rows are summed together, and the cell of each row, [n]."""

    top: Part
    cells: Cells


def plan_group(group: Group, rows: Index, stages: Stages) -> list[Index]:
    """Put the sums of a group over chosen rows into stages.

    Returns
    -------
    list of int64 arrays
        The bins of the sums that each of the new entries of ``stages.wanted`` holds; a bin that is
        missing has no rows.
    """
    own = group.cells[rows]
    kept = own < group.top.cells
    return list(_plan(group.top, own[kept], rows[kept], 0, stages))


def _plan(part: Part, cells: Cells, sources: Index, level: int, stages: Stages) -> list[Index]:
    """Sums of sources by their cells, none of which is beyond the last."""
    lengths = np.bincount(cells, minlength=part.cells)
    occupied = np.flatnonzero(lengths)
    if part.bins is None:
        raise NotImplementedError
    order = np.argsort(cells, kind="stable")
    first = stages.at(level).append(sources[order], lengths[occupied])
    stages.wanted.append((level, first + np.arange(len(occupied), dtype=np.int64)))
    return [part.bins[occupied]]
