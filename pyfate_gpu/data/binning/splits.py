# SPDX-License-Identifier: Apache-2.0
"""One party's columns in bins, and the splits that there are of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.numeric import NumericBins
from pyfate_gpu.data.binning.quantiles import quantile_bins
from pyfate_gpu.typing import Floats, Integers

Codes = NDArray[np.int16]
Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Split:
    """Which rows go left: those below a cut of a column, and perhaps those whose value is missing.

    Parameters
    ----------
    column, cut : int
        A value in bin `cut` or below goes left.
    missing_left : bool
        Where missing values go.
    """

    column: int
    cut: int
    missing_left: bool


@dataclass(frozen=True, repr=False)
class TableBins:
    """How a party's columns are cut into bins.

    Parameters
    ----------
    bins : tuple of NumericBins
        Of each column.
    missing : bool [columns]
        Whether values were missing in training: only then there are splits that tell them from others.
    """

    bins: tuple[NumericBins, ...]
    missing: Truths

    @classmethod
    def fit(cls, values: Floats, max_bin: int) -> TableBins:
        """Cut the columns of `values` into at most `max_bin` bins each, beside that of missing values."""
        bins = tuple(quantile_bins(column, max_bin) for column in values.T)
        return cls(bins, np.asarray(np.isnan(values).any(axis=0)))

    @property
    def counts(self) -> Integers:
        """Bins for values of each column."""
        return np.array([each.count for each in self.bins], dtype=np.int64)

    def assign(self, values: Floats) -> Codes:
        """Return the bin of each value, int16 [rows, columns]; that of missing ones comes last."""
        codes = np.empty(values.shape, dtype=np.int16)
        for column, bins in enumerate(self.bins):
            codes[:, column] = bins.assign(values[:, column])
        return codes

    def goes_left(self, split: Split, codes: Codes) -> Truths:
        """Return for each row of `codes`, all columns, whether it goes left."""
        found: Truths = codes[:, split.column] <= split.cut
        absent = codes[:, split.column] == self.bins[split.column].count
        return np.where(absent, split.missing_left, found)

    def threshold(self, split: Split) -> float:
        """Return the value below which a row goes left; infinite where all values do."""
        cuts = self.bins[split.column].cuts
        return float(cuts[split.cut]) if split.cut < len(cuts) else float("inf")


def all_splits(bins: TableBins, columns: Sequence[int] | Integers) -> list[Split]:
    """Return the splits of some columns, in the order in which the first of several equally good ones wins."""
    found = []
    for column in (int(each) for each in columns):
        last, missing = bins.bins[column].count - 1, bool(bins.missing[column])
        for cut in range(last):
            found += [Split(column, cut, side) for side in ((False, True) if missing else (False,))]
        if missing:
            found.append(Split(column, last, False))
    return found
