# SPDX-License-Identifier: Apache-2.0
"""A host's columns and bins in an order that nobody else knows, and the way back."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.typing import Floats, Integers


@dataclass(frozen=True, eq=False)
class Shuffle:
    """The order in which a host's bins travel.

    Of each column the bin with the most rows is not sent: the guest has it from the others and all labels. It
    counts as the last one of its column.

    Parameters
    ----------
    columns : int64 [columns]
        The host's numbers of the columns that travel, in their order.
    bins : list of int64
        Of each of them its bins that have rows, in their order.
    """

    columns: Integers
    bins: list[Integers]

    @classmethod
    def draw(cls, rows: list[Integers]) -> Shuffle:
        """Return a new order, drawn by the operating system, of columns with two or more bins that have rows.

        Parameters
        ----------
        rows : list of int64 [bins]
            Rows of each bin, by column.
        """
        source = secrets.SystemRandom()
        columns = [at for at, each in enumerate(rows) if np.count_nonzero(each) > 1]
        source.shuffle(columns)
        bins = []
        for column in columns:
            sizes = rows[column]
            largest = int(sizes.argmax())
            others = [int(at) for at in np.flatnonzero(sizes) if at != largest]
            source.shuffle(others)
            bins.append(np.array([*others, largest], dtype=np.int64))
        return cls(np.array(columns, dtype=np.int64), bins)

    @property
    def sizes(self) -> Integers:
        """Bins of each column that travels."""
        return np.array([len(each) for each in self.bins], dtype=np.int64)

    def unshuffle(self, values: Floats, counts: list[int]) -> list[Floats]:
        """Return what the guest sent of all bins, for the bins of each column of the host; 0 for the others.

        Parameters
        ----------
        values : float64 [bins that travel, outputs]
        counts : list of int
            Bins of each column of the host.
        """
        found = [np.zeros((count, values.shape[1])) for count in counts]
        ends = np.cumsum(self.sizes)
        for column, bins, end in zip(self.columns, self.bins, ends, strict=True):
            found[column][bins] = values[end - len(bins) : end]
        return found
