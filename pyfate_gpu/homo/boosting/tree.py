# SPDX-License-Identifier: Apache-2.0
"""Trees whose splits are thresholds of columns: every client has them whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.learning.node_list import NONE, NodeList
from pyfate_gpu.typing import Floats, Integers

LEAF = NONE
_LISTS = ("column", "threshold", "missing_left", "left", "right", "gain", "cover", "rows")
_KINDS = (np.int64, np.float64, np.bool_, np.int64, np.int64, np.float64, np.float64, np.int64)


@dataclass(repr=False)
class Tree(NodeList):
    """One tree.

    Attributes
    ----------
    outputs : tuple of int
        Which scores its leaves add to.
    column : list of int
        Which column a node parts, -1 for a leaf.
    threshold : list of float
        A value below it goes left; NaN where all values do, and missing ones not.
    missing_left : list of bool
        Where missing values go.
    """

    outputs: tuple[int, ...]
    column: list[int] = field(default_factory=list)
    threshold: list[float] = field(default_factory=list)
    missing_left: list[bool] = field(default_factory=list)

    def add(self, cover: float, rows: int, value: Floats) -> int:
        """Return the number of a new leaf."""
        self.column.append(LEAF)
        self.threshold.append(0.0)
        self.missing_left.append(False)
        return self.add_node(cover, rows, value)

    def part(
        self, node: int, column: int, threshold: float, missing_left: bool, gain: float
    ) -> None:
        """Make a leaf the parent of two that are added next, the left one first."""
        self.column[node], self.threshold[node] = column, threshold
        self.missing_left[node] = missing_left
        self.add_children(node, gain)
        self.value[node] = np.zeros(len(self.outputs))

    def scores(self, values: Floats) -> Floats:
        """Return what the tree adds to the scores of rows, [rows, outputs of the tree]."""
        found = np.zeros((len(values), len(self.outputs)))
        waiting: list[tuple[int, Integers]] = [(0, np.arange(len(values)))]
        while waiting:
            node, rows = waiting.pop()
            if self.column[node] == LEAF:
                found[rows] = self.value[node]
                continue
            own = values[rows, self.column[node]]
            goes = np.where(np.isnan(own), self.missing_left[node], self._below(node, own))
            waiting += [(self.left[node], rows[goes]), (self.right[node], rows[~goes])]
        return found

    def _below(self, node: int, values: Floats) -> NDArray[np.bool_]:
        """Where there is no threshold, what is there is parted from what is missing."""
        found: NDArray[np.bool_] = (values < self.threshold[node]) | np.isnan(self.threshold[node])
        return found


@dataclass(repr=False)
class Forest:
    """All trees, and the scores before the first."""

    base: Floats
    trees: list[Tree] = field(default_factory=list)

    def scores(self, values: Floats) -> Floats:
        """Return the scores of rows, [rows, outputs], added up tree after tree."""
        found = np.tile(self.base, (len(values), 1))
        for tree in self.trees:
            found[:, list(tree.outputs)] += tree.scores(values)
        return found

    def as_arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as arrays."""
        found: dict[str, NDArray[Any]] = {
            name: np.array([e for tree in self.trees for e in getattr(tree, name)], dtype=kind)
            for name, kind in zip(_LISTS, _KINDS, strict=True)
        }
        values = np.zeros((sum(map(len, self.trees)), len(self.base)))
        start = 0
        for tree in self.trees:
            values[start : start + len(tree), list(tree.outputs)] = np.array(tree.value)
            start += len(tree)
        marks = np.zeros((len(self.trees), len(self.base)), dtype=np.bool_)
        for place, tree in enumerate(self.trees):
            marks[place, list(tree.outputs)] = True
        sizes = np.array([len(tree) for tree in self.trees], dtype=np.int64)
        return found | {"value": values, "outputs": marks, "sizes": sizes, "base": self.base}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], columns: int) -> Forest:
        """Return what `as_arrays` returned.

        Raises
        ------
        ValueError
            When they are no trees over so many columns.
        """
        sizes, base, marks = arrays["sizes"], arrays["base"], arrays["outputs"]
        total = int(sizes.sum()) if sizes.dtype == np.int64 and sizes.ndim == 1 else -1
        good = (
            (sizes > 0).all() and base.dtype == np.float64 and base.ndim == 1 and len(base)
            and marks.dtype == np.bool_ and marks.shape == (len(sizes), len(base)) and marks.any(axis=1).all()
            and arrays["value"].dtype == np.float64 and arrays["value"].shape == (total, len(base))
            and all(
                arrays[name].dtype == kind and arrays[name].shape == (total,)
                for name, kind in zip(_LISTS, _KINDS, strict=True)
            )
            and np.isfinite(base).all() and np.isfinite(arrays["value"]).all()
            and ((arrays["column"] >= LEAF) & (arrays["column"] < columns)).all()
        )  # fmt: skip
        if not good:
            raise ValueError("its trees do not fit together")
        found, start = cls(base), 0
        for size, mark in zip(sizes.tolist(), marks, strict=True):
            part = slice(start, start + size)
            outputs = tuple(np.flatnonzero(mark).tolist())
            lists = {name: arrays[name][part].tolist() for name in _LISTS}
            tree = Tree(outputs, **lists, value=list(arrays["value"][part][:, list(outputs)]))
            tree.check([column == LEAF for column in tree.column])
            found.trees.append(tree)
            start += size
        return found
