# SPDX-License-Identifier: Apache-2.0
"""Columns of which no row has more than one, as one column: those of a one-hot encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.he.array.cells import Cells

OPEN_BUNDLES = 32
"""How many bundles a column is tried with."""


@dataclass(frozen=True)
class Column:
    """Bins of a column, or of several of which no row has more than one: the cells of a leaf.

    `cells` [n] holds ``len(bins)`` for rows that are not summed.
    """

    cells: Cells
    bins: Index


def bundle(columns: Sequence[Column]) -> list[Column]:
    """Put columns together whose rows are disjoint, such as those of a one-hot encoding.

    They take one reading of the rows in place of one each, and as few cells in groups as one column.
    """
    taken: list[tuple[list[int], Cells]] = []
    for number, column in enumerate(columns):
        rows = np.packbits(column.cells < len(column.bins))
        # A column with most of the rows leaves none to others.
        for place in range(len(taken) - 1, max(-1, len(taken) - 1 - OPEN_BUNDLES), -1):
            members, others = taken[place]
            if not (others & rows).any():
                taken[place] = ([*members, number], others | rows)
                break
        else:
            taken.append(([number], rows))
    return [_bundled([columns[number] for number in members]) for members, _ in taken]


def _bundled(columns: Sequence[Column]) -> Column:
    """Columns of which no row is in two, as one."""
    if len(columns) == 1:
        return columns[0]
    total = sum(len(column.bins) for column in columns)
    cells = np.full(len(columns[0].cells), total, dtype=np.min_scalar_type(total))
    first = 0
    for column in columns:
        summed = np.flatnonzero(column.cells < len(column.bins))
        cells[summed] = first + column.cells[summed].astype(np.int64)
        first += len(column.bins)
    return Column(cells, np.concatenate([column.bins for column in columns]))
