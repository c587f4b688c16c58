# SPDX-License-Identifier: Apache-2.0
"""A forest as questions to hosts, one for each of their splits, and what a row gains by each that it can answer yes.

The value of a tree below a split is that of its right side, and what the left side has more for rows that go left. So
a tree is a number that the guest knows for each row, and one for each split of a host: it counts where the row comes
to that split, as far as hosts' splits decide, and goes left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyfate_gpu.data.binning.splits import Codes, TableBins
from pyfate_gpu.trees.bits import Truths
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.tree import GUEST_OWNER, LEAF, Tree
from pyfate_gpu.typing import Integers

#: A split of an owner, and whether rows go left there.
Turn = tuple[int, bool]


@dataclass(frozen=True)
class Question:
    """What rows must do at splits of hosts, the last of them its own.

    Parameters
    ----------
    tree, node : int
        Where the split is.
    turns : tuple of (int, Turn)
        Owner and turn, from the root on.
    """

    tree: int
    node: int
    turns: tuple[tuple[int, Turn], ...]

    @property
    def owners(self) -> tuple[int, ...]:
        """Hosts that have to say something about it, by number."""
        return tuple(sorted({owner for owner, _ in self.turns}))

    def part(self, owner: int) -> tuple[Turn, ...]:
        """Return what a host has to say."""
        return tuple(turn for each, turn in self.turns if each == owner)


def questions_of(forest: Forest) -> list[Question]:
    """Return a question for each split of a host, tree after tree."""
    found: list[Question] = []
    for number, tree in enumerate(forest.trees):
        waiting: list[tuple[int, tuple[tuple[int, Turn], ...]]] = [(0, ())]
        while waiting:
            node, turns = waiting.pop()
            owner, split = tree.owner[node], tree.split[node]
            if owner == LEAF:
                continue
            left, right = turns, turns
            if owner != GUEST_OWNER:
                left = (*turns, (owner, (split, True)))
                right = (*turns, (owner, (split, False)))
                found.append(Question(number, node, left))
            waiting += [(tree.right[node], right), (tree.left[node], left)]
    return found


@dataclass(frozen=True, repr=False)
class Leaves:
    """Values of leaves as integers: each rounded to so many bits of the largest of all.

    Parameters
    ----------
    values : list of int64 [nodes, outputs of the tree]
        Of each tree; only those of leaves mean something.
    exponent : int
        They stand for ``value * 2**exponent``; the guest's secret.
    """

    values: list[Integers]
    exponent: int

    @classmethod
    def of(cls, forest: Forest, bits: int) -> Leaves:
        """Round the values of a forest.

        Examples
        --------
        >>> import numpy as np
        >>> from pyfate_gpu.trees.blinded.questions import Leaves
        >>> from pyfate_gpu.trees.forest import Forest
        >>> from pyfate_gpu.trees.tree import Tree
        >>> tree = Tree()
        >>> tree.add(1, 1.0, 8)
        0
        >>> tree.value[0] = np.array([0.75])
        >>> found = Leaves.of(Forest(np.zeros(1), [tree], [(0,)]), bits=4)
        >>> found.values[0].tolist(), found.exponent
        ([[12]], -4)
        """
        largest = max((float(np.abs(tree.value).max()) for tree in forest.trees), default=0.0)
        exponent = int(np.frexp(largest)[1]) - bits
        integers = [
            np.rint(np.ldexp(np.array(tree.value), -exponent)).astype(np.int64)
            for tree in forest.trees
        ]
        return cls(integers, exponent)


class Answers:
    """What the guest knows of some rows: for each tree a number, and one for each question.

    Parameters
    ----------
    codes : int16 [rows, columns]
        The guest's columns in bins.
    """

    def __init__(self, forest: Forest, leaves: Leaves, bins: TableBins, codes: Codes) -> None:
        self._forest, self._leaves, self._bins, self._codes = forest, leaves, bins, codes
        outputs = len(forest.base)
        #: What is known without any host: int64 [rows, outputs].
        self.known = np.zeros((len(codes), outputs), dtype=np.int64)
        #: What counts by tree and node: int64 [rows, outputs of the tree].
        self.gains: dict[tuple[int, int], Integers] = {}
        for number, tree in enumerate(forest.trees):
            self._add(number, tree)

    def _add(self, number: int, tree: Tree) -> None:
        rows = len(self._codes)
        left = {
            node: self._forest.table.outcomes(self._bins, self._codes, tree.split[node])
            for node, owner in enumerate(tree.owner)
            if owner == GUEST_OWNER
        }
        comes = self._comes(tree, left)
        values: list[Integers] = [np.empty((0, 0), dtype=np.int64)] * len(tree)
        for node in range(len(tree) - 1, -1, -1):  # children have higher numbers
            if tree.owner[node] == LEAF:
                leaf = self._leaves.values[number][node]
                values[node] = np.broadcast_to(leaf, (rows, len(leaf)))
                continue
            first, second = values[tree.left[node]], values[tree.right[node]]
            if tree.owner[node] == GUEST_OWNER:
                values[node] = np.where(left[node][:, np.newaxis], first, second)
            else:
                values[node] = second
                gain = np.where(comes[node][:, np.newaxis], first - second, 0)
                self.gains[number, node] = gain
        self.known[:, list(self._forest.outputs[number])] += values[0]

    def _comes(self, tree: Tree, left: dict[int, Truths]) -> list[Truths]:
        """Return which rows come to each node, as far as the guest's splits decide."""
        found = [np.ones(len(self._codes), dtype=np.bool_)] * len(tree)
        for node, owner in enumerate(tree.owner):
            if owner == LEAF:
                continue
            goes = left.get(node)
            here = found[node]
            found[tree.left[node]] = here if goes is None else here & goes
            found[tree.right[node]] = here if goes is None else here & ~goes
        return found
