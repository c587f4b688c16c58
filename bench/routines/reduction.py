# SPDX-License-Identifier: Apache-2.0
"""Sums over an axis: all rows into one ciphertext, and into the bins of a histogram."""

from __future__ import annotations

import numpy as np

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine, Target
from bench.world import Integers, World

BINS = 32


def total(world: World, rows: int) -> Job:
    a = world.integers(rows, bits=40)
    c = world.ciphertexts(a)
    return Job(c.sum, rows, world.decrypts_to(a.sum(keepdims=True)))


def total_by(world: World, peer: Peer, rows: int) -> Job:
    a = world.integers(rows, bits=40)
    c = world.lend(peer, a)
    return Job(lambda: peer.sum(c), rows, world.peer_decrypts_to(peer, a.sum(keepdims=True)))


def bins(rows: int) -> Integers:
    """The bin of each row."""
    return np.random.default_rng(4).integers(0, BINS, size=rows, dtype=np.int64)


def histogram(a: Integers, index: Integers) -> Integers:
    result = np.zeros(BINS, dtype=np.int64)
    np.add.at(result, index, a)
    return result


def by_segment(world: World, rows: int) -> Job:
    a, index = world.integers(rows, bits=40), bins(rows)
    c = world.ciphertexts(a)
    return Job(lambda: c.segment_sum(index, BINS), rows, world.decrypts_to(histogram(a, index)))


def by_segment_by(world: World, peer: Peer, rows: int) -> Job:
    a, index = world.integers(rows, bits=40), bins(rows)
    c, segments = world.lend(peer, a), index.tolist()
    expected = histogram(a, index)
    return Job(
        lambda: peer.segment_sum(c, segments, BINS), rows, world.peer_decrypts_to(peer, expected)
    )


SUM = Routine("sum of an array", "rows", total, total_by, 4096, 1024, "sum", Target("gmpy2", 7.0))
SEGMENT_SUM = Routine(
    f"histogram of {BINS} bins", "rows", by_segment, by_segment_by, 4096, 1024, "segment_sum"
)
