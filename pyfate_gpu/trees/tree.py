# SPDX-License-Identifier: Apache-2.0
"""Trees as the guest knows them: own nodes with their split, nodes of hosts with a number, leaves with a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.splits import Codes, Split, TableBins
from pyfate_gpu.learning.node_list import NONE, NodeList
from pyfate_gpu.typing import Integers

#: Owner of a node: this for a leaf, 0 for the guest, otherwise the number of the host and 1.
LEAF = NONE
GUEST_OWNER = 0


@dataclass(repr=False)
class SplitTable:
    """The splits of one party, of all trees, in the order in which they were chosen."""

    splits: list[Split] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.splits)

    def add(self, split: Split) -> int:
        """Return the number of a further split."""
        self.splits.append(split)
        return len(self.splits) - 1

    def as_array(self) -> Integers:
        """Return column, cut and side of missing values of each, int64 [splits, 3]."""
        rows = [(each.column, each.cut, int(each.missing_left)) for each in self.splits]
        return np.array(rows, dtype=np.int64).reshape(-1, 3)

    @classmethod
    def from_array(cls, array: Integers) -> SplitTable:
        """Return what `as_array` returned."""
        return cls([Split(int(c), int(i), bool(side)) for c, i, side in array.tolist()])

    def outcomes(self, bins: TableBins, codes: Codes, number: int) -> NDArray[np.bool_]:
        """Return for each row whether it goes left at a split."""
        return bins.goes_left(self.splits[number], codes)


@dataclass(repr=False)
class Tree(NodeList):
    """One tree.

    Attributes
    ----------
    owner, split : list of int
        Of each node: whose split it is, and its number in that party's table; of leaves -1.
    """

    owner: list[int] = field(default_factory=list)
    split: list[int] = field(default_factory=list)

    def add(self, outputs: int, cover: float, rows: int) -> int:
        """Return the number of a new node, a leaf of value 0 until it is changed."""
        self.owner.append(LEAF)
        self.split.append(-1)
        return self.add_node(cover, rows, np.zeros(outputs))

    def part(self, node: int, owner: int, split: int, gain: float) -> None:
        """Make a leaf the parent of two new nodes that are added next, the left one first."""
        self.owner[node], self.split[node] = owner, split
        self.add_children(node, gain)


def pack_trees(trees: Sequence[Tree]) -> dict[str, NDArray[Any]]:
    """Return all trees as arrays, one after the other."""

    def joined(name: str, dtype: type) -> NDArray[Any]:
        return np.array([item for tree in trees for item in getattr(tree, name)], dtype=dtype)

    outputs = len(trees[0].value[0]) if trees else 1  # of a tree, the same for all
    return {
        "tree_sizes": np.array([len(tree) for tree in trees], dtype=np.int64),
        **{name: joined(name, np.int64) for name in ("owner", "split", "left", "right", "rows")},
        **{name: joined(name, np.float64) for name in ("gain", "cover")},
        "value": joined("value", np.float64).reshape(-1, outputs),
    }


def unpack_trees(arrays: Mapping[str, NDArray[Any]]) -> list[Tree]:
    """Return the trees of `pack_trees`.

    Raises
    ------
    ValueError
        When they are none: links beyond a tree or back to an earlier node, numbers of splits below 0.
    """
    sizes = arrays["tree_sizes"]
    names = ("owner", "split", "left", "right", "gain", "cover", "rows")
    found, start = [], 0
    if sizes.ndim != 1 or (sizes < 1).any() or sizes.dtype.kind != "i":
        raise ValueError("its trees have no nodes")
    if any(arrays[name].shape != (int(sizes.sum()),) for name in names):
        raise ValueError("its nodes are not as many as its trees have")
    if arrays["value"].ndim != 2 or len(arrays["value"]) != int(sizes.sum()):
        raise ValueError("its leaves are not as many as its trees have")
    for size in sizes.tolist():
        part = slice(start, start + size)
        columns = {name: arrays[name][part].tolist() for name in names}
        tree = Tree(**columns, value=list(arrays["value"][part]))
        _check(tree)
        found.append(tree)
        start += size
    return found


def _check(tree: Tree) -> None:
    tree.check([owner == LEAF for owner in tree.owner])
    for owner, split in zip(tree.owner, tree.split, strict=True):
        if owner != LEAF and min(owner, split) < 0:
            raise ValueError("a split has no owner, or no number")
