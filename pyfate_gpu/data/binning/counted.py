# SPDX-License-Identifier: Apache-2.0
"""Bins from counts alone: parties add up how many rows they have in which cell, and nobody shows a value.

A cell is all float64 that have their first bits in common, in an order of bits that is that of numbers. Cells of many
rows are counted again, by `STEP_BITS` more, until none has much more than a part of a bin.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.numeric import NumericBins, check_bin_count
from pyfate_gpu.data.binning.quantiles import even_starts
from pyfate_gpu.data.binning.splits import TableBins
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats, Integers

#: Bits by which a cell is parted.
STEP_BITS = 6
#: Sign, exponent and 24 bits behind it: neighbours that float32 holds are told apart.
MOST_BITS = 36
#: Cells of a bin, about.
PARTS = 4
#: Cells of fewer rows are never parted.
LEAST_ROWS = 10

Keys = NDArray[np.uint64]


class _Cells(NamedTuple):
    """Cells of a column that are parted no further: where each begins, and its rows."""

    starts: list[Floats]
    counts: list[Integers]


class CountedBins:
    """How columns are cut, found together: `count` at each party, the sum to `take` at all, while `is_open`.

    Parameters
    ----------
    columns : int
    max_bin : int
        Bins of a column, beside that of missing values.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.binning.counted import CountedBins
    >>> x = np.arange(1000.0)[:, np.newaxis]
    >>> found = CountedBins(1, max_bin=4)
    >>> while found.is_open:
    ...     found.take(found.count(x[:300]) + found.count(x[300:]))
    >>> found.bins().bins[0].cuts.tolist()
    [250.0, 500.0, 752.0]
    """

    def __init__(self, columns: int, max_bin: int) -> None:
        self._most = check_bin_count("max_bin", max_bin)
        self._bits = 0
        self._parted: list[Keys] = [np.zeros(1, dtype=np.uint64)] * columns
        self._cells = [_Cells([], []) for _ in range(columns)]
        self._missing = np.zeros(columns, dtype=np.int64)
        self._rows = 0

    @property
    def is_open(self) -> bool:
        """Whether there are cells to count."""
        return any(len(parted) for parted in self._parted)

    @property
    def size(self) -> int:
        """How many counts there are."""
        cells = sum(len(parted) for parted in self._parted) << STEP_BITS
        return cells + (len(self._parted) if not self._bits else 0)

    def count(self, values: Floats) -> Integers:
        """Return how many rows of a party's table are in each cell, int64 [size]; NaN are missing values.

        Raises
        ------
        DataError
            When the table has other columns.
        """
        if values.ndim != 2 or values.shape[1] != len(self._parted):
            raise DataError(
                f"the table has shape {values.shape}; it must have {len(self._parted)} columns"
            )
        found = []
        for parted, column in zip(self._parted, values.T, strict=True):
            kept = column[~np.isnan(column)]
            children = _keys(kept) >> np.uint64(64 - self._bits - STEP_BITS)
            place = np.searchsorted(parted, children >> np.uint64(STEP_BITS))
            inside = place < len(parted)
            inside[inside] = parted[place[inside]] == children[inside] >> np.uint64(STEP_BITS)
            last = children[inside] & np.uint64((1 << STEP_BITS) - 1)
            cells = (place[inside] << STEP_BITS) + last.astype(np.int64)
            found.append(np.bincount(cells, minlength=len(parted) << STEP_BITS))
        if not self._bits:
            found.append(np.isnan(values).sum(axis=0))
        return np.concatenate(found).astype(np.int64)

    def take(self, counts: Integers) -> None:
        """Go on with the counts of all parties.

        Raises
        ------
        DataError
            When they are not as many, or below 0.
        """
        if counts.shape != (self.size,) or counts.min(initial=0) < 0:
            raise DataError("the counts are not those of the cells: no row was lost or added")
        if not self._bits:
            columns = len(self._parted)
            counts, self._missing = counts[:-columns], counts[-columns:]
            self._rows = int(counts[: 1 << STEP_BITS].sum() + self._missing[0])
        self._bits += STEP_BITS
        start = 0
        for column, parted in enumerate(self._parted):
            stop = start + (len(parted) << STEP_BITS)
            self._part(column, parted, counts[start:stop])
            start = stop

    def _part(self, column: int, parted: Keys, counts: Integers) -> None:
        within = np.arange(1 << STEP_BITS, dtype=np.uint64)
        keys = ((parted[:, np.newaxis] << np.uint64(STEP_BITS)) | within).ravel()
        many = (counts >= LEAST_ROWS) & (counts * PARTS * self._most > self._rows)
        if self._bits >= MOST_BITS:
            many[:] = False
        done = (counts > 0) & ~many
        self._cells[column].starts.append(_numbers(keys[done] << np.uint64(64 - self._bits)))
        self._cells[column].counts.append(counts[done])
        self._parted[column] = keys[many]

    def bins(self) -> TableBins:
        """Return the bins, cut at the beginning of cells."""
        found = []
        for cells in self._cells:
            starts, counts = np.concatenate(cells.starts), np.concatenate(cells.counts)
            order = np.argsort(starts, kind="stable")
            found.append(NumericBins(starts[order][even_starts(counts[order], self._most)]))
        return TableBins(tuple(found), self._missing > 0)


def _keys(values: Floats) -> Keys:
    """Bits of numbers, in their order; there is one 0."""
    bits = (values + 0.0).view(np.uint64)
    top = np.uint64(1 << 63)
    return np.where(bits & top, ~bits, bits | top)


def _numbers(keys: Keys) -> Floats:
    """The way back; what lies below all numbers is -inf."""
    top = np.uint64(1 << 63)
    values = np.where(keys & top, keys ^ top, ~keys).view(np.float64)
    return np.where(np.isnan(values), -np.inf, values)
