# SPDX-License-Identifier: Apache-2.0
"""What reports show of trees: nodes as text, and how much columns matter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from pyfate_gpu.homo.boosting.tree import LEAF, Forest, Tree
from pyfate_gpu.typing import Floats

#: Trees of a report.
SHOWN_TREES = 3


def tables_of(forest: Forest, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """Return the first trees, by title."""
    return {
        f"tree {number + 1}": [{"node": line} for line in lines_of(tree, names)]
        for number, tree in enumerate(forest.trees[:SHOWN_TREES])
    }


def lines_of(tree: Tree, names: Sequence[str]) -> list[str]:
    """Return a tree as lines of text, deeper nodes further in."""
    lines: list[str] = []
    waiting = [(0, 0, "")]
    while waiting:
        node, depth, side = waiting.pop()
        if tree.column[node] == LEAF:
            text = "leaf " + " ".join(f"{value:.6g}" for value in tree.value[node])
            lines.append(f"{'  ' * depth}{side}{text}  [{tree.rows[node]} rows]")
            continue
        words = f"{_words(tree, node, names)}  [{tree.rows[node]} rows, gain {tree.gain[node]:.6g}]"
        lines.append(f"{'  ' * depth}{side}{words}")
        waiting.append((tree.right[node], depth + 1, "otherwise: "))
        waiting.append((tree.left[node], depth + 1, "if so: "))
    return lines


def _words(tree: Tree, node: int, names: Sequence[str]) -> str:
    name, threshold = names[tree.column[node]], tree.threshold[node]
    if math.isnan(threshold):
        return f"{name} is there"
    return f"{name} < {threshold:g}{', or missing' if tree.missing_left[node] else ''}"


def importances(forest: Forest, columns: int, kind: str) -> Floats:
    """Return how much each column matters: ``weight``, or the mean ``gain`` or ``cover`` of its splits."""
    weight, total = np.zeros(columns), np.zeros(columns)
    for tree in forest.trees:
        for node, column in enumerate(tree.column):
            if column != LEAF:
                weight[column] += 1
                total[column] += 0.0 if kind == "weight" else getattr(tree, kind)[node]
    if kind == "weight":
        return weight
    return np.divide(total, weight, out=np.zeros(columns), where=weight > 0)
