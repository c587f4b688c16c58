# SPDX-License-Identifier: Apache-2.0
"""All trees of a model, as the guest has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.trees.tree import GUEST_OWNER, SplitTable, Tree, pack_trees, unpack_trees
from pyfate_gpu.typing import Floats


@dataclass(repr=False)
class Forest:
    """What the guest has grown so far.

    Parameters
    ----------
    base : float64 [outputs]
        Scores before the first tree.
    trees : list of Tree
        Of all rounds.
    outputs : list of tuple
        Which outputs each tree has values for.
    table : SplitTable
        The guest's splits.
    sizes : list of int
        Splits of each host.
    """

    base: Floats
    trees: list[Tree] = field(default_factory=list)
    outputs: list[tuple[int, ...]] = field(default_factory=list)
    table: SplitTable = field(default_factory=SplitTable)
    sizes: list[int] = field(default_factory=list)

    def copied(self) -> Forest:
        """Return a forest that grows on its own."""
        table = SplitTable(list(self.table.splits))
        return Forest(self.base, list(self.trees), list(self.outputs), table, list(self.sizes))

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays."""
        return {
            **pack_trees(self.trees),
            "outputs_of_tree": np.array([len(each) for each in self.outputs], dtype=np.int64),
            "outputs": np.array([k for each in self.outputs for k in each], dtype=np.int64),
            "splits": self.table.as_array(),
            "base": self.base,
            "splits_of_hosts": np.array(self.sizes, dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Forest:
        """Return what `as_arrays` returned.

        Raises
        ------
        ValueError
            When arrays do not fit together.
        """
        trees, base = unpack_trees(arrays), arrays["base"]
        counts, outputs = arrays["outputs_of_tree"], arrays["outputs"]
        sizes = arrays["splits_of_hosts"].tolist()
        table = SplitTable.from_array(arrays["splits"].reshape(-1, 3))
        if (
            base.ndim != 1
            or base.dtype != np.float64
            or not len(base)
            or not np.isfinite(base).all()
            or len(counts) != len(trees)
            or int(counts.sum()) != len(outputs)
            or not ((outputs >= 0) & (outputs < len(base))).all()
        ):
            raise ValueError("its outputs do not fit its trees")
        limits = [len(table), *sizes]
        for tree in trees:
            for owner, split in zip(tree.owner, tree.split, strict=True):
                if owner >= len(limits) or (owner >= GUEST_OWNER and split >= limits[owner]):
                    raise ValueError("a node has a split that does not exist")
        parts = np.split(outputs, np.cumsum(counts)[:-1]) if len(counts) else []
        values = [tuple(part.tolist()) for part in parts]
        return cls(base, trees, values, table, sizes)
