# SPDX-License-Identifier: Apache-2.0
"""The nodes of a tree as lists: what every tree has, whatever its splits are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from pyfate_gpu.typing import Floats

#: The child of a node that has none.
NONE = -1


@dataclass(repr=False, kw_only=True)
class NodeList:
    """Nodes by number; the root is node 0, children come after their parents.

    Attributes
    ----------
    left, right : list of int
        The children; -1 of leaves.
    gain, cover : list of float
        What the split gained, and the hessian of the rows, all outputs together.
    rows : list of int
        How many rows, of those that the tree was grown from, came by.
    value : list
        Score of each output, float64 [outputs], of leaves; zeros elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.node_list import NodeList
    >>> nodes = NodeList()
    >>> root = nodes.add_node(2.0, 8, np.zeros(1))
    >>> nodes.add_children(root, gain=0.5)
    >>> [nodes.add_node(1.0, 4, np.ones(1)) for _ in range(2)]
    [1, 2]
    >>> nodes.check([False, True, True])
    """

    left: list[int] = field(default_factory=list)
    right: list[int] = field(default_factory=list)
    gain: list[float] = field(default_factory=list)
    cover: list[float] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    value: list[Floats] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.left)

    def add_node(self, cover: float, rows: int, value: Floats) -> int:
        """Return the number of a new leaf."""
        self.left.append(NONE)
        self.right.append(NONE)
        self.gain.append(0.0)
        self.cover.append(cover)
        self.rows.append(rows)
        self.value.append(value)
        return len(self) - 1

    def add_children(self, node: int, gain: float) -> None:
        """Make a leaf the parent of two nodes that are added next, the left one first."""
        self.gain[node] = gain
        self.left[node], self.right[node] = len(self), len(self) + 1

    def check(self, is_leaf: Sequence[bool]) -> None:
        """Raise ValueError unless the nodes are one tree whose leaves are those named, with finite values."""
        if not np.isfinite(np.array(self.value)).all():
            raise ValueError("a leaf is not finite")
        found = sorted(child for child in (*self.left, *self.right) if child != NONE)
        if found != list(range(1, len(self))):
            raise ValueError("a node has no parent, or several")
        links = zip(self.left, self.right, is_leaf, strict=True)
        for node, (left, right, leaf) in enumerate(links):
            good = left == right == NONE if leaf else min(left, right) > node
            if not good:
                raise ValueError("a node has children that it cannot have")
