# SPDX-License-Identifier: Apache-2.0
"""What reports show of trees: how much a fit has shown, and the nodes that a party knows, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyfate_gpu.trees.columns import Split
from pyfate_gpu.trees.model import FittedHalf
from pyfate_gpu.trees.tree import GUEST_OWNER, LEAF, Tree

if TYPE_CHECKING:
    from pyfate_gpu.trees.estimator import HeteroBoostedTrees

#: Trees of a report.
SHOWN_TREES = 3


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


def exposure_of(model: HeteroBoostedTrees) -> list[dict[str, Any]]:
    """Return what weighs for privacy: how small nodes were, how fine sums, and when hosts first took part.

    A sum of few rows to many bits says which rows are in it: up to about as many rows as gradient and hessian
    have bits together (docs/trees.md).
    """
    bits = 2 * model.gradient_bits
    smallest = model.smallest_node_
    return [
        {"what": "rows of the smallest node with sums of hosts", "value": smallest},
        {"what": "bits of a gradient and a hessian together", "value": bits},
        {
            "what": "sums say which rows are in them",
            "value": "possibly, in nodes of few rows"
            if 0 < smallest <= bits
            else "no, too many rows",
        },
        {"what": "first rounds without hosts", "value": model.guest_only_trees},
        *_changes(model),
    ]


def _changes(model: HeteroBoostedTrees) -> list[dict[str, Any]]:
    """Return how many rows hosts saw change, where they saw that."""
    changed = getattr(model, "changed_rows_", None)
    if not changed:
        return []
    return [
        {"what": "rounds in which hosts saw which rows' gradients changed", "value": len(changed)},
        {"what": "rows that changed in the last of them", "value": changed[-1]},
    ]


def words_of(half: FittedHalf, split: Split) -> str:
    """Return in words which rows go left."""
    name, threshold = half.feature_names[split.column], half.bins.threshold(split)
    absent = ", or missing" if split.missing_left else ""
    if threshold == float("inf"):
        return f"{name} is there"
    return f"{name} < {threshold:g}{absent}"


def lines_of(half: FittedHalf, tree: Tree) -> list[str]:
    """Return a tree as lines of text, deeper nodes further in; nodes of hosts have a number for a name."""
    lines: list[str] = []
    waiting = [(0, 0, "")]
    while waiting:
        node, depth, side = waiting.pop()
        owner = tree.owner[node]
        if owner == LEAF:
            text = "leaf " + " ".join(f"{value:.6g}" for value in tree.value[node])
        elif owner == GUEST_OWNER:
            text = words_of(half, half.table.splits[tree.split[node]])
        else:
            text = f"split {tree.split[node]} of host-{owner - 1}"
        gain = "" if owner == LEAF else f", gain {tree.gain[node]:.6g}"
        lines.append(f"{'  ' * depth}{side}{text}  [{tree.rows[node]} rows{gain}]")
        if owner != LEAF:
            waiting.append((tree.right[node], depth + 1, "otherwise: "))
            waiting.append((tree.left[node], depth + 1, "if so: "))
    return lines
