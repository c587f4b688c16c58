# SPDX-License-Identifier: Apache-2.0
"""Lists of nodes that are no tree are refused, in both kinds of trees."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.homo.boosting.tree import Forest
from pyfate_gpu.homo.boosting.tree import Tree as SharedTree
from pyfate_gpu.trees.tree import Tree, pack_trees, unpack_trees

BROKEN = {
    "two parents": ("right", 0, 1, "no parent, or several"),
    "no parent": ("right", 0, -1, "no parent, or several"),
    "beyond the tree": ("right", 0, 9, "no parent, or several"),
    "before its parent": ("left", 1, 0, "no parent, or several"),
    "a circle": ("both", 0, 0, "children that it cannot have"),
    "a leaf with children": ("swap", 0, 0, "children that it cannot have"),
}


def partitioned():
    """A tree of seven nodes by its guest."""
    tree = Tree()
    tree.add(1, 4.0, 8)
    for node in (0, 1, 2):
        tree.part(node, 0, node, 0.5)
        for _ in range(2):
            tree.add(1, 1.0, 2)
    return tree


def shared():
    """The same, known to all."""
    tree = SharedTree((0,))
    tree.add(4.0, 8, np.ones(1))
    for node in (0, 1, 2):
        tree.part(node, 0, 0.5, False, 0.5)
        for _ in range(2):
            tree.add(1.0, 2, np.ones(1))
    return Forest(np.zeros(1), [tree])


def through_a_file(kind, change=lambda arrays: None):
    if kind == "partitioned":
        arrays = pack_trees([partitioned()])
        change(arrays)
        return unpack_trees(arrays)[0]
    arrays = shared().as_arrays()
    change(arrays)
    return Forest.from_arrays(arrays, 1).trees[0]


@pytest.mark.parametrize("kind", ["partitioned", "shared"])
def test_children_come_after_their_parents(kind):
    tree = through_a_file(kind)
    assert (tree.left, tree.right) == ([1, 3, 5, -1, -1, -1, -1], [2, 4, 6, -1, -1, -1, -1])
    assert len(tree) == 7


@pytest.mark.parametrize("kind", ["partitioned", "shared"])
@pytest.mark.parametrize("how", BROKEN)
def test_nodes_that_are_no_tree(kind, how):
    name, node, value, words = BROKEN[how]

    def change(arrays):
        if name == "swap":  # the children of node 2 are those of leaf 3
            for side in ("left", "right"):
                arrays[side][3], arrays[side][2] = arrays[side][2], -1
        elif name == "both":  # nodes 1 and 3 are each other's children
            arrays["left"][0], arrays["left"][3] = 3, 1
            arrays["left"][1] = -1
        else:
            arrays[name][node] = value

    with pytest.raises(ValueError, match=words):
        through_a_file(kind, change)


@pytest.mark.parametrize("kind", ["partitioned", "shared"])
def test_leaves_that_are_not_finite(kind):
    def change(arrays):
        arrays["value"][3] = np.nan

    with pytest.raises(ValueError, match="finite|fit together"):
        through_a_file(kind, change)


def test_a_split_that_nobody_owns():
    def change(arrays):
        arrays["split"][0] = -1

    with pytest.raises(ValueError, match="no owner, or no number"):
        through_a_file("partitioned", change)
