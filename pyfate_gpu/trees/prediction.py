# SPDX-License-Identifier: Apache-2.0
"""Scores of rows: the guest walks its trees and asks hosts for the rows that come to their nodes, all trees at once.

Hosts see which rows come to which of their splits; the guest sees where these rows go.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pyfate_gpu.data.binning.splits import Codes, TableBins
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.trees.bits import Truths, pack_bits, unpack_bits
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.messages import MESSAGE_BYTES
from pyfate_gpu.trees.tree import GUEST_OWNER, LEAF, SplitTable
from pyfate_gpu.typing import Floats, Integers

#: Rows that walk together, at most.
MOST_ROWS = 1 << 15


class Walk:
    """Some rows on their way down all trees of the guest."""

    def __init__(self, forest: Forest, bins: TableBins, codes: Codes) -> None:
        self._forest, self._bins, self._codes = forest, bins, codes
        every = np.arange(len(codes), dtype=np.int64)
        self._ready = [(tree, 0, every) for tree in range(len(forest.trees))]
        self._leaf = np.zeros((len(forest.trees), len(codes)), dtype=np.int64)

    def advance(self) -> dict[int, list[tuple[int, int, Integers]]]:
        """Walk as far as the guest's own splits lead; return where rows wait, by owner: tree, node, rows."""
        waiting: dict[int, list[tuple[int, int, Integers]]] = {}
        while self._ready:
            tree, node, rows = self._ready.pop()
            owner = self._forest.trees[tree].owner[node]
            if owner == LEAF:
                self._leaf[tree, rows] = node
            elif owner == GUEST_OWNER:
                number = self._forest.trees[tree].split[node]
                self.step(
                    tree,
                    node,
                    rows,
                    self._forest.table.outcomes(self._bins, self._codes[rows], number),
                )
            elif len(rows):
                waiting.setdefault(owner, []).append((tree, node, rows))
        return waiting

    def step(self, tree: int, node: int, rows: Integers, left: Truths) -> None:
        """Let rows at a node go on, those of `left` to the left."""
        links = self._forest.trees[tree]
        self._ready += [
            (tree, links.left[node], rows[left]),
            (tree, links.right[node], rows[~left]),
        ]

    def scores(self) -> Floats:
        """Return the scores of the rows, added up tree after tree."""
        forest = self._forest
        found = np.tile(forest.base, (len(self._codes), 1))
        for tree, leaf in enumerate(self._leaf):
            values = np.array(forest.trees[tree].value)[leaf]
            for place, k in enumerate(forest.outputs[tree]):
                found[:, k] += values[:, place]
        return found


def collect_scores(session: Session, forest: Forest, bins: TableBins, codes: Codes) -> Floats:
    """Return the scores of all rows, [rows, outputs], with the help of the hosts."""
    parts = [np.empty((0, len(forest.base)))]
    steps = dict.fromkeys(range(1, len(session.hosts) + 1), 0)
    for part in _chunks(len(codes), sum(forest.sizes)):
        walk = Walk(forest, bins, codes[part])
        while waiting := walk.advance():
            for owner, asked in waiting.items():
                numbers = [forest.trees[tree].split[node] for tree, node, _ in asked]
                masks = [_mask(part.stop - part.start, rows) for _, _, rows in asked]
                session.send(
                    session.hosts[owner - 1],
                    "paths",
                    batch=steps[owner],
                    more=True,
                    start=part.start,
                    stop=part.stop,
                    nodes=np.array(numbers, dtype=np.int64),
                    rows=pack_bits(masks),
                )
            for owner, asked in waiting.items():
                host = session.hosts[owner - 1]
                found = session.receive(host, "outcomes", batch=steps[owner], left=np.ndarray)
                lengths = [len(rows) for _, _, rows in asked]
                bits = unpack_bits(found, lengths, f"the outcomes of {host}")
                for (tree, node, rows), left in zip(asked, bits, strict=True):
                    walk.step(tree, node, rows, left)
                steps[owner] += 1
        parts.append(walk.scores())
    for owner, step in steps.items():
        session.send(
            session.hosts[owner - 1],
            "paths",
            batch=step,
            more=False,
            start=0,
            stop=0,
            nodes=np.empty(0, dtype=np.int64),
            rows=pack_bits([]),
        )
    return np.concatenate(parts)


def serve_paths(session: Session, bins: TableBins, table: SplitTable, codes: Codes) -> None:
    """Tell the guest which of the rows that come to this host's splits go left.

    Raises
    ------
    ProtocolError
        When the guest asks for splits or rows that there are not.
    """
    step = 0
    while True:
        more, start, stop, nodes, rows = session.receive(
            GUEST,
            "paths",
            batch=step,
            more=bool,
            start=int,
            stop=int,
            nodes=np.ndarray,
            rows=np.ndarray,
        )
        if not more:
            return
        if not 0 <= start < stop <= len(codes):
            raise ProtocolError(f"the guest asked for rows {start} to {stop} of {len(codes)}")
        if (
            nodes.dtype != np.int64
            or nodes.ndim != 1
            or not ((nodes >= 0) & (nodes < len(table))).all()
        ):
            raise ProtocolError(f"the guest asked for a split that is none of {len(table)}")
        part = codes[start:stop]
        masks = unpack_bits(rows, [stop - start] * len(nodes), "the rows on their way")
        outcomes = [
            table.outcomes(bins, part[mask], number)
            for number, mask in zip(nodes.tolist(), masks, strict=True)
        ]
        session.send(GUEST, "outcomes", batch=step, left=pack_bits(outcomes))
        step += 1


def _chunks(rows: int, splits: int) -> Iterator[slice]:
    """Cut rows so that the bits of all splits of hosts go into one message."""
    size = min(MOST_ROWS, max(64, 8 * MESSAGE_BYTES // max(1, splits)))
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))


def _mask(count: int, rows: Integers) -> Truths:
    found = np.zeros(count, dtype=np.bool_)
    found[rows] = True
    return found
