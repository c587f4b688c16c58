# SPDX-License-Identifier: Apache-2.0
"""Who shares pads with whom: everybody, or a regular graph when there are many."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import lru_cache

from pyfate_gpu.homo.plan import AggregationPlan

COMPLETE_UP_TO = 50
"""Up to as many clients, each shares pads with all others."""
FAILURE_BITS = 40
"""With more, a client's neighbourhood fails its owner less than once in 2^this rounds and clients."""
CORRUPT = 0.2
DROPPED = 0.2
"""Shares of clients that work for the server, and that leave, up to which that holds."""


def neighbours_of_each(plan: AggregationPlan) -> int:
    """How many others each client shares pads with, when all are there."""
    if plan.neighbours is not None:
        return plan.neighbours
    if plan.clients <= COMPLETE_UP_TO:
        return plan.clients - 1
    return degree(plan.clients)


def threshold_of(holders: int) -> int:
    """Shares that open a secret of `holders`: more than half, so that two lists of survivors never both do.

    Two thirds of them, so that even a third that shows each list what it wants does not help.
    """
    return max(holders // 2 + 1, -(-2 * holders // 3))


@lru_cache(maxsize=64)
def degree(clients: int) -> int:
    """The smallest number of neighbours that keeps the promise of `FAILURE_BITS`; all others at most.

    Neighbours are drawn without replacement. A neighbourhood fails its owner if so many of its
    holders are corrupt that they open secrets by themselves, or so many leave that nobody can.
    """
    limit = 2.0**-FAILURE_BITS / clients
    corrupt, dropped = math.ceil(CORRUPT * clients), math.ceil(DROPPED * clients)
    for count in range(4, clients - 1):
        holders = count + 1  # its owner holds a share, too
        needed = threshold_of(holders)
        told = _at_least(needed, clients - 1, corrupt, count)
        lost = _at_least(count - needed + 1, clients - 1, dropped, count)
        if told < limit and lost < limit:
            return count
    return clients - 1


def _at_least(least: int, total: int, marked: int, drawn: int) -> float:
    """Probability of `least` or more marked ones among `drawn` of `total` (hypergeometric)."""
    ways = sum(
        math.comb(marked, hits) * math.comb(total - marked, drawn - hits)
        for hits in range(max(least, 0), min(marked, drawn) + 1)
    )
    return ways / math.comb(total, drawn)


def neighbours(number: int, everybody: Sequence[int], count: int, seed: bytes) -> tuple[int, ...]:
    """The neighbours of a client among those present, ascending.

    All of them stand in a circle, in the order of a hash of `seed`; each has those next to it on both
    sides. Neighbours are so of each other; an odd `count` is rounded up.

    Examples
    --------
    >>> from pyfate_gpu.homo.masks.graph import neighbours
    >>> neighbours(2, range(4), 3, b"seed")
    (0, 1, 3)
    """
    if count >= len(everybody) - 1:
        return tuple(sorted(set(everybody) - {number}))
    circle = sorted(
        everybody, key=lambda each: hashlib.sha256(seed + each.to_bytes(8, "big")).digest()
    )
    place, half = circle.index(number), -(-count // 2)
    steps = [step for step in range(-half, half + 1) if step]
    return tuple(sorted({circle[(place + step) % len(circle)] for step in steps} - {number}))
