# SPDX-License-Identifier: Apache-2.0
"""Growing the trees of a round level by level, from histograms that are summed over all clients.

Sums are exact integers, so that every client finds the same splits, and those of one party with all rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.histogram import ClearSplits
from pyfate_gpu.data.binning.splits import Codes, TableBins, all_splits
from pyfate_gpu.homo.boosting.tree import Tree
from pyfate_gpu.learning.gain import Regularization
from pyfate_gpu.typing import Floats, Integers

Total = Callable[[Integers], Integers]


@dataclass(frozen=True)
class Rules:
    """What decides how a tree grows; the same at all clients.

    Parameters
    ----------
    regularization : Regularization
    max_depth : int
    min_samples_leaf : int
        Fewest rows of all clients together on a side.
    learning_rate : float
    """

    regularization: Regularization
    max_depth: int
    min_samples_leaf: int
    learning_rate: float


@dataclass(frozen=True, repr=False, eq=False)
class Gradients:
    """A client's gradients and hessians in common units.

    Parameters
    ----------
    integers : int64 [rows, 2 outputs]
        Gradient and hessian of each output in turn.
    units : float64 [2]
        What 1 stands for.
    """

    integers: Integers
    units: Floats

    def of(self, outputs: Sequence[int]) -> Integers:
        """Return those of some outputs."""
        places = [place for output in outputs for place in (2 * output, 2 * output + 1)]
        return self.integers[:, places]


@dataclass(repr=False, eq=False)
class _Node:
    """A leaf that may still be parted: its rows at this client, its sums at all."""

    growing: _Growing
    number: int
    rows: Integers
    total: Integers
    histogram: Integers | None = None


@dataclass(repr=False, eq=False)
class _Growing:
    """A tree that grows, with what it may split."""

    tree: Tree
    splits: ClearSplits
    values: Integers


class Growth:
    """The trees of one round.

    Parameters
    ----------
    bins : TableBins
    codes : int16 [rows, columns]
        This client's rows in bins.
    rules : Rules
    gradients : Gradients
    total : callable
        Sums integers over all clients.
    """

    def __init__(
        self, bins: TableBins, codes: Codes, rules: Rules, gradients: Gradients, total: Total
    ) -> None:
        self._bins, self._codes, self._rules = bins, codes, rules
        self._gradients, self._total = gradients, total

    def grow(
        self, plan: Sequence[tuple[tuple[int, ...], Integers, Integers]], further: Integers
    ) -> tuple[list[Tree], Integers]:
        """Grow all trees at the same time.

        Parameters
        ----------
        plan : sequence of (tuple of int, int64, int64)
            Of each tree: its outputs, its columns, this client's rows.
        further : int64
            Other numbers to sum with those of the roots.

        Returns
        -------
        (trees, sums)
            The sums of `further`.
        """
        growing = [
            _Growing(Tree(outputs), self._splits(columns), self._gradients.of(outputs))
            for outputs, columns, _ in plan
        ]
        own = [each.splits.histogram(rows, each.values[rows])
               for each, (_, _, rows) in zip(growing, plan, strict=True)]  # fmt: skip
        summed = self._total(np.concatenate([further, *(each.ravel() for each in own)]))
        sums, place = summed[: len(further)], len(further)
        level = []
        for each, histogram, (_, columns, rows) in zip(growing, own, plan, strict=True):
            histogram = summed[place : place + histogram.size].reshape(histogram.shape)
            place += histogram.size
            # Each column's bins hold all rows.
            first = histogram[:, : int(self._bins.counts[columns[0]]) + 1].sum(axis=1)
            level.append(_Node(each, self._leaf(each, first), rows, first, histogram))
        for depth in range(self._rules.max_depth):
            last = depth + 1 == self._rules.max_depth
            pairs = [pair for node in level if (pair := self._part(node)) is not None]
            level = [node for pair in pairs for node in pair[1:]]
            if not pairs or last:
                break
            self._count(pairs)
        return [each.tree for each in growing], sums

    def _splits(self, columns: Integers) -> ClearSplits:
        return ClearSplits(self._bins, self._codes, columns, all_splits(self._bins, columns))

    def _leaf(self, growing: _Growing, total: Integers) -> int:
        g, h = total[0:-1:2] * self._gradients.units[0], total[1:-1:2] * self._gradients.units[1]
        steps = [
            self._rules.regularization.leaf(g[place : place + 1], h[place : place + 1])
            for place in range(len(g))
        ]
        value = np.array(steps) * self._rules.learning_rate
        return growing.tree.add(float(h.sum()), int(total[-1]), value)

    def _part(self, node: _Node) -> tuple[_Node, _Node, _Node] | None:
        """Split a node where it gains most, if anywhere; return it with its children."""
        assert node.histogram is not None
        growing, rules = node.growing, self._rules
        if node.total[-1] < 2 * rules.min_samples_leaf or not growing.splits.splits:
            return None
        sums = growing.splits.left(node.histogram)
        gains = rules.regularization.gains(sums[:, :-1], node.total[:-1], self._gradients.units)
        fewest = np.minimum(sums[:, -1], node.total[-1] - sums[:, -1])
        gains = np.where(fewest < rules.min_samples_leaf, -np.inf, gains)
        best = int(np.argmax(gains))
        if gains[best] == -np.inf:
            return None
        split = growing.splits.splits[best]
        cuts = self._bins.bins[split.column].cuts
        threshold = float(cuts[split.cut]) if split.cut < len(cuts) else math.nan
        growing.tree.part(
            node.number, split.column, threshold, split.missing_left, float(gains[best])
        )
        goes: NDArray[np.bool_] = self._bins.goes_left(split, self._codes[node.rows])
        children = [
            _Node(growing, self._leaf(growing, total), rows, total)
            for rows, total in (
                (node.rows[goes], sums[best]),
                (node.rows[~goes], node.total - sums[best]),
            )
        ]
        return node, children[0], children[1]

    def _count(self, pairs: list[tuple[_Node, _Node, _Node]]) -> None:
        """Sum the histogram of the smaller child of each pair; the other's is what is left."""
        smaller = [left if left.total[-1] <= right.total[-1] else right for _, left, right in pairs]
        own = [
            each.growing.splits.histogram(each.rows, each.growing.values[each.rows])
            for each in smaller
        ]
        summed, place = self._total(np.concatenate([each.ravel() for each in own])), 0
        for (parent, left, right), child, histogram in zip(pairs, smaller, own, strict=True):
            assert parent.histogram is not None
            other = right if child is left else left
            child.histogram = summed[place : place + histogram.size].reshape(histogram.shape)
            other.histogram = parent.histogram - child.histogram
            parent.histogram = None
            place += histogram.size
