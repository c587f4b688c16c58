# SPDX-License-Identifier: Apache-2.0
"""Pictures of trees in reports: what to draw, and drawing it by matplotlib."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

LINE, BOX, LEAF = "#bbbbbb", "#4477aa", "#228833"
#: Inches of a leaf, of a level, and of a page's width.
LEAF_WIDTH, LEVEL_HEIGHT, PAGE_WIDTH = 1.15, 0.8, 10.8


class DiagramNode(TypedDict):
    """A node of a tree, as JSON takes it; parents come before their children, and left ones before right ones."""

    text: str
    #: Place of its parent in the list; None of a root, of which there may be several.
    parent: int | None
    #: What leads to it from there.
    branch: str
    leaf: bool


Diagram = Sequence[DiagramNode]


def size_of(nodes: Diagram) -> tuple[float, float]:
    """Return the width and height of a picture, in inches."""
    width = LEAF_WIDTH * (1 + max(x for x, _ in positions(nodes)))
    levels = 1 - min(y for _, y in positions(nodes))
    return min(max(width, 3.0), PAGE_WIDTH), LEVEL_HEIGHT * levels + 0.2


def positions(nodes: Diagram) -> list[tuple[float, float]]:
    """Return where each node stands: what has no children side by side, parents in the middle above theirs.

    Examples
    --------
    >>> from pyfate_gpu.protocol.report_diagrams import positions
    >>> node = {"text": "", "branch": "", "leaf": False}
    >>> positions([node | {"parent": None}, node | {"parent": 0}, node | {"parent": 0}])
    [(0.5, 0.0), (0.0, -1.0), (1.0, -1.0)]
    """
    children: dict[int | None, list[int]] = {}
    for place, node in enumerate(nodes):
        children.setdefault(node["parent"], []).append(place)
    depth = [0.0] * len(nodes)
    for place, node in enumerate(nodes):
        if node["parent"] is not None:
            depth[place] = depth[node["parent"]] - 1
    across, leaves = [0.0] * len(nodes), 0
    # Leaves in the order in which one reads them, from the left.
    waiting = children.get(None, [])[::-1]
    while waiting:
        place = waiting.pop()
        if place in children:
            waiting += children[place][::-1]
        else:
            across[place], leaves = float(leaves), leaves + 1
    for place in reversed(range(len(nodes))):
        if below := children.get(place):
            across[place] = sum(across[child] for child in below) / len(below)
    return list(zip(across, depth, strict=True))


def draw(axes: Any, nodes: Diagram) -> None:
    """Draw trees: a box for each node, and what leads to it beside its line."""
    places = positions(nodes)
    for (x, y), node in zip(places, nodes, strict=True):
        if node["parent"] is not None:
            above = places[node["parent"]]
            axes.plot([above[0], x], [above[1], y], color=LINE, linewidth=0.8, zorder=1)
            middle = (above[0] + 2 * x) / 3, (above[1] + 2 * y) / 3
            axes.text(*middle, node["branch"], fontsize=6, color="#666666", ha="center")
        frame = {"boxstyle": "round,pad=0.3", "facecolor": "white",
                 "edgecolor": LEAF if node["leaf"] else BOX}  # fmt: skip
        axes.text(x, y, node["text"], fontsize=6, ha="center", va="center", bbox=frame, zorder=2)
    axes.set_xlim(-0.6, max(x for x, _ in places) + 0.6)
    axes.set_ylim(min(y for _, y in places) - 0.5, 0.5)
    axes.set_axis_off()
