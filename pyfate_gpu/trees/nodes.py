# SPDX-License-Identifier: Apache-2.0
"""The nodes of a round as a host sees them: sets of rows, each parted at most once into two that make it up.

Guest and host number them alike: first the roots of all trees, then the children of each parted node, the smaller
one first, in the order in which nodes are parted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.trees.bits import Truths
from pyfate_gpu.typing import Integers


@dataclass(frozen=True, repr=False, eq=False)
class Node:
    """Rows that came to the same place of a tree.

    Parameters
    ----------
    tree : int
        Of the round.
    rows : int64
        All of them, those of validation too.
    counted : bool [len(rows)]
        Which of them the tree is grown from.
    """

    tree: int
    rows: Integers
    counted: Truths

    @property
    def size(self) -> int:
        """How many rows count."""
        return int(np.count_nonzero(self.counted))

    def part(self, chosen: NDArray[np.bool_]) -> tuple[Node, Node]:
        """Return the node of the rows chosen and that of the others."""
        return (
            Node(self.tree, self.rows[chosen], self.counted[chosen]),
            Node(self.tree, self.rows[~chosen], self.counted[~chosen]),
        )


def smaller_first(node: Node, chosen: Truths) -> Truths:
    """Return the rows of the child that hosts are told, given one: the smaller one, of two alike that one."""
    sampled = np.count_nonzero(node.counted & chosen)
    return chosen if 2 * sampled <= node.size else ~chosen


class OpenNodes:
    """Nodes that may still be parted, by number.

    Parameters
    ----------
    roots : list of Node
        Of all trees.
    least : int
        Rows that both sides of a split must have.
    """

    def __init__(self, roots: list[Node], least: int) -> None:
        self._open = dict(enumerate(roots))
        self._next = len(roots)
        self._least = least

    def get(self, number: int) -> Node:
        """Return a node.

        Raises
        ------
        ProtocolError
            When there is none of that number, or it was parted before.
        """
        if number not in self._open:
            raise ProtocolError(
                f"the guest asked for node {number}, which does not exist or was parted before"
            )
        return self._open[number]

    def part(self, number: int, smaller: Truths) -> tuple[Node, Node]:
        """Part a node and return its children, the smaller one first.

        Raises
        ------
        ProtocolError
            When a side has too few rows, or the smaller side more than the other.
        """
        node = self.get(number)
        children = node.part(smaller)
        sizes = [child.size for child in children]
        if min(sizes) < self._least:
            raise ProtocolError(
                f"the guest parts node {number} with fewer than {self._least} rows on a side, less than "
                "min_samples_leaf allows"
            )
        if sizes[0] > sizes[1]:
            raise ProtocolError(f"the guest named the larger side of node {number}")
        del self._open[number]
        self._open |= {self._next: children[0], self._next + 1: children[1]}
        self._next += 2
        return children
