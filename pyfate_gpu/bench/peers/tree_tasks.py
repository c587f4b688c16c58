# SPDX-License-Identifier: Apache-2.0
"""A boosted tree as peers get it: tables for those that train, operations on ciphertexts for the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from pyfate_gpu.bench.peers.base import Peer

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

#: Bits of a hessian's sum below a gradient's in one integer, and what stands for 1 in either.
HESSIAN_BITS = 48
SCALE = 1 << 24


@dataclass(frozen=True)
class TreeTask:
    """One tree of a guest and a host, and the operations on ciphertexts that it takes.

    Parameters
    ----------
    guest, host, labels : float64
        The whole tables, for peers that train.
    depth, bins : int
        Levels of the tree, and bins of a column at most.
    packed : list of int
        Gradient and hessian of each row in one integer, as FATE packs them.
    codes : int64 [rows, columns]
        The host's columns in bins.
    nodes : list of int64
        The rows of each node that is summed: the root, and the smaller child of each split above the last level.
    share : float
        Which part of a tree's operations `packed` and `codes` are; a peer that trains grows the whole tree.
    """

    guest: Floats
    host: Floats
    labels: Floats
    depth: int
    bins: int
    packed: Sequence[int]
    codes: Integers
    nodes: Sequence[Integers]
    share: float

    def histograms(self) -> Iterator[tuple[Integers, list[int]]]:
        """Give the rows of each node and their bins in a column, node after node and column after column."""
        for rows in self.nodes:
            for column in self.codes.T:
                yield rows, column[rows].tolist()

    def sums(self) -> list[int]:
        """Return the sums of all bins, in the order of `histograms`, in clear."""
        found: list[int] = []
        for rows, index in self.histograms():
            totals = [0] * self.bins
            for row, place in zip(rows.tolist(), index, strict=True):
                totals[place] += self.packed[row]
            found += totals
        return found


def pack(gradients: Floats, hessians: Floats) -> list[int]:
    """Return one integer for each pair."""
    pairs = zip(np.rint(gradients * SCALE), np.rint(hessians * SCALE), strict=True)
    return [(int(g) << HESSIAN_BITS) + int(h) for g, h in pairs]


def tree_sums(peer: Peer, task: TreeTask) -> list[Any]:
    """Return the sums of all bins by a peer's own operations: each row encrypted, each bin decrypted."""
    c, found = peer.encrypt(task.packed), []
    for rows, index in task.histograms():
        totals = peer.segment_sum([c[row] for row in rows.tolist()], index, task.bins)
        found += list(peer.decrypt(totals))
    return found
