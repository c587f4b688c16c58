# SPDX-License-Identifier: Apache-2.0
"""What a tree takes of ciphertexts, for peers that are no trainers: rows to encrypt, nodes to sum, bins to decrypt."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pyfate_gpu.bench.peers.tree_tasks import Floats, Integers, TreeTask, pack
from pyfate_gpu.data.binning.splits import Codes, Split, TableBins
from pyfate_gpu.trees.plaintext import Node

#: Which part of the rows and of the host's columns peers take, so that a turn is short.
PART = 5


def first_tree(
    guest: Floats, host: Floats, labels: Floats, tree: Node, depth: int, bins: int
) -> TreeTask:
    """A tree that was grown in clear, and a part of its operations on ciphertexts.

    A fifth of the rows and a fifth of the host's columns take a fifth of the encryptions and decryptions; of the
    additions, which are a hundredth of such a tree, they take fewer.
    """
    cuts = [TableBins.fit(part, bins) for part in (guest, host)]
    codes = [cut.assign(part) for cut, part in zip(cuts, (guest, host), strict=True)]
    columns = max(1, host.shape[1] // PART)
    share = columns / host.shape[1]
    rows = max(1, round(len(labels) * share))
    nodes = [node[node < rows] for node in _summed(tree, len(labels), cuts, codes, depth)]
    mean = labels.mean()
    packed = pack(mean - labels[:rows], np.full(rows, mean * (1 - mean)))
    few = codes[1][:rows, :columns].astype(np.int64)
    return TreeTask(guest, host, labels, depth, bins, packed, few, nodes, share)


def _summed(
    tree: Node, rows: int, cuts: list[TableBins], codes: list[Codes], depth: int
) -> Iterator[Integers]:
    """The rows of the root, and of the smaller child of each split above the last level."""
    every = np.arange(rows, dtype=np.int64)
    yield every
    level = [(tree, every)]
    for _ in range(depth - 1):
        below: list[tuple[Node, Integers]] = []
        for node, inside in level:
            if "value" in node:
                continue
            split = Split(node["column"], node["cut"], node["missing_left"])
            party = node["party"]
            left = cuts[party].goes_left(split, codes[party][inside])
            children = inside[left], inside[~left]
            yield min(children, key=len)
            below += zip((node["left"], node["right"]), children, strict=True)
        level = below
