# SPDX-License-Identifier: Apache-2.0
"""What reports show of trees: how much a fit has shown, and the nodes that a party knows, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyfate_gpu.data.binning.splits import Split
from pyfate_gpu.protocol.report_diagrams import Diagram, DiagramNode
from pyfate_gpu.trees.exposure import exposure_of
from pyfate_gpu.trees.model import FittedHalf
from pyfate_gpu.trees.tree import GUEST_OWNER, LEAF, Tree

if TYPE_CHECKING:
    from pyfate_gpu.trees.estimator import HeteroBoostedTrees

#: Trees of a report, levels of each in a picture, and splits of a host in a picture.
SHOWN_TREES = 3
SHOWN_LEVELS = 3
SHOWN_SPLITS = 8


def tables_of(model: HeteroBoostedTrees) -> dict[str, list[dict[str, Any]]]:
    """Return what a report shows, by title."""
    half: FittedHalf = model._fitted_half()
    found = {}
    if hasattr(model, "smallest_node_"):
        found["what this fit has shown"] = exposure_of(model)
    if half.forest is not None:
        for number, tree in enumerate(half.forest.trees[:SHOWN_TREES]):
            found[f"tree {number + 1}"] = [{"node": line} for line in lines_of(half, tree)]
    else:
        own = [{"split": words_of(half, split)} for split in half.table.splits[:50]]
        found["own splits, the first ones"] = own
    return found


def words_of(half: FittedHalf, split: Split) -> str:
    """Return in words which rows go left."""
    name, threshold = half.feature_names[split.column], half.bins.threshold(split)
    absent = ", or missing" if split.missing_left else ""
    if threshold == float("inf"):
        return f"{name} is there"
    return f"{name} < {threshold:g}{absent}"


def diagrams_of(half: FittedHalf) -> dict[str, Diagram]:
    """Return pictures, by title: of the first trees at the guest, of the first splits at a host."""
    if half.forest is not None:
        trees = half.forest.trees[:SHOWN_TREES]
        return {
            f"picture of tree {number}": diagram_of(half, t) for number, t in enumerate(trees, 1)
        }
    stumps: list[DiagramNode] = []
    for split in half.table.splits[:SHOWN_SPLITS]:
        parent = len(stumps)
        stumps.append(_drawn(words_of(half, split), None, ""))
        stumps += [_drawn(side, parent, "", leaf=True) for side in ("left", "right")]
    return {"picture of own splits, the first ones": stumps} if stumps else {}


def diagram_of(half: FittedHalf, tree: Tree) -> Diagram:
    """Return the upper levels of a tree to draw; nodes of hosts have a number for a name."""
    found: list[DiagramNode] = []
    waiting: list[tuple[int, int, int | None, str]] = [(0, 0, None, "")]
    while waiting:
        node, depth, parent, branch = waiting.pop()
        text, leaf = text_of(half, tree, node), tree.owner[node] == LEAF
        if depth == SHOWN_LEVELS and not leaf:
            text += "\n..."
        place = len(found)
        found.append(_drawn(f"{text}\n{tree.rows[node]} rows", parent, branch, leaf=leaf))
        if not leaf and depth < SHOWN_LEVELS:
            waiting.append((tree.right[node], depth + 1, place, "no"))
            waiting.append((tree.left[node], depth + 1, place, "yes"))
    return found


def _drawn(text: str, parent: int | None, branch: str, *, leaf: bool = False) -> DiagramNode:
    return {"text": text, "parent": parent, "branch": branch, "leaf": leaf}


def text_of(half: FittedHalf, tree: Tree, node: int) -> str:
    """Return what a node is: a leaf's values, an own split in words, or a split of a host by its number."""
    owner = tree.owner[node]
    if owner == LEAF:
        return "leaf " + " ".join(f"{value:.6g}" for value in tree.value[node])
    if owner == GUEST_OWNER:
        return words_of(half, half.table.splits[tree.split[node]])
    return f"split {tree.split[node]} of host-{owner - 1}"


def lines_of(half: FittedHalf, tree: Tree) -> list[str]:
    """Return a tree as lines of text, deeper nodes further in; nodes of hosts have a number for a name."""
    lines: list[str] = []
    waiting = [(0, 0, "")]
    while waiting:
        node, depth, side = waiting.pop()
        owner = tree.owner[node]
        text = text_of(half, tree, node)
        gain = "" if owner == LEAF else f", gain {tree.gain[node]:.6g}"
        lines.append(f"{'  ' * depth}{side}{text}  [{tree.rows[node]} rows{gain}]")
        if owner != LEAF:
            waiting.append((tree.right[node], depth + 1, "otherwise: "))
            waiting.append((tree.left[node], depth + 1, "if so: "))
    return lines
