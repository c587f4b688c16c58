# SPDX-License-Identifier: Apache-2.0
"""Sums of rows in each bin, and on one side of each split, in clear."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from pyfate_gpu.data.binning.splits import Codes, Split, TableBins
from pyfate_gpu.typing import Integers


class ClearSplits:
    """The splits of some columns of a table that is in clear.

    Parameters
    ----------
    bins : TableBins
        Of all columns of the table.
    codes : int16 [rows, columns]
        The table in bins.
    columns : sequence of int
        Which of them may be split.
    splits : sequence of Split
        Of these columns.

    Notes
    -----
    Sums go through float64, which holds integers up to 2**53 exactly: callers see to it.
    """

    def __init__(
        self, bins: TableBins, codes: Codes, columns: Integers, splits: Sequence[Split]
    ) -> None:
        self.splits = list(splits)
        sizes = bins.counts[columns] + 1  # with a bin for missing values, if there are any
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._flat = codes[:, columns].astype(np.int32) + self._starts[:-1].astype(np.int32)
        place = {int(column): index for index, column in enumerate(columns)}
        of = np.array([place[split.column] for split in splits], dtype=np.int64)
        self._before = self._starts[of]
        self._end = self._before + np.array([split.cut + 1 for split in splits], dtype=np.int64)
        self._missing = np.array([split.missing_left for split in splits], dtype=np.bool_)
        self._absent = self._starts[of + 1] - 1

    def sums(self, rows: Integers, values: Integers) -> Integers:
        """Return the sums of `values` of the rows that go left, and last how many these are.

        Parameters
        ----------
        rows : int64 [m]
            Numbers of rows.
        values : int64 [m, k]
            Of these rows.

        Returns
        -------
        int64 [splits, k + 1]
        """
        return self.left(self.histogram(rows, values))

    def histogram(self, rows: Integers, values: Integers) -> Integers:
        """Return the sums of `values` of the rows in each bin of each column, and last how many these are.

        Parameters
        ----------
        rows : int64 [m]
            Numbers of rows.
        values : int64 [m, k]
            Of these rows.

        Returns
        -------
        int64 [k + 1, bins]
            Bins of one column after the other, that of missing values the last of each.
        """
        flat = self._flat[rows]
        total, width = int(self._starts[-1]), flat.shape[1]
        found = np.empty((values.shape[1] + 1, total), dtype=np.int64)
        cells = flat.ravel()
        for place in range(values.shape[1] + 1):
            counted = place == values.shape[1]
            weights = None if counted else np.repeat(values[:, place].astype(np.float64), width)
            found[place] = np.bincount(cells, weights, minlength=total)
        return found

    @property
    def cells(self) -> int:
        """Bins of all columns."""
        return int(self._starts[-1])

    def left(self, histogram: Integers) -> Integers:
        """Return what `sums` does, from a histogram, or from a sum of them."""
        found = np.empty((len(self.splits), len(histogram)), dtype=np.int64)
        for place, bins in enumerate(histogram):
            upto = np.concatenate([[0], np.cumsum(bins)])
            left = upto[self._end] - upto[self._before]
            found[:, place] = left + np.where(self._missing, bins[self._absent], 0)
        return found
