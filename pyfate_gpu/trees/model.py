# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of a model: its bins and its splits; at the guest the trees."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.splits import Codes, TableBins
from pyfate_gpu.data.tables import Table, check_same_columns
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.tree import SplitTable
from pyfate_gpu.typing import Floats


@dataclass(frozen=True, repr=False)
class FittedHalf:
    """One party's half of a fitted model.

    Parameters
    ----------
    bins : TableBins
        How columns become bins.
    names : tuple of str or None
        Names of the columns.
    table : SplitTable
        This party's splits; the guest's are those of its forest.
    forest : Forest or None
        At the guest.
    classes : array or None
        What the guest of a classifier found in its labels, sorted.
    training : str
        Fingerprint of the training that the splits come from.
    """

    bins: TableBins
    names: tuple[str, ...] | None
    table: SplitTable = field(default_factory=SplitTable)
    forest: Forest | None = None
    classes: NDArray[np.generic] | None = None
    training: str = ""

    @property
    def columns(self) -> int:
        """Columns of the table."""
        return len(self.bins.bins)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns, made up where there are none."""
        return self.names or tuple(f"column {index}" for index in range(self.columns))

    def codes(self, table: Table) -> Codes:
        """Return new rows in bins.

        Raises
        ------
        DataError
            When the table has other columns than that of fit.
        """
        check_same_columns(table, self.columns, self.names)
        return self.bins.assign(table.values)

    def importances(self, kind: str) -> Floats:
        """Return how much each own column matters.

        Parameters
        ----------
        kind : str
            ``weight``, how often it is split; at the guest also ``gain`` and ``cover``, the means of what its
            splits gained and of the hessian that came by.
        """
        weight = np.zeros(self.columns)
        for split in self.table.splits:
            weight[split.column] += 1
        if kind == "weight" or self.forest is None:
            return weight
        total = np.zeros(self.columns)
        for tree in self.forest.trees:
            for node, owner in enumerate(tree.owner):
                if owner == 0:
                    column = self.table.splits[tree.split[node]].column
                    total[column] += getattr(tree, kind)[node]
        return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)
