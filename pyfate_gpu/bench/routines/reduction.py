# SPDX-License-Identifier: Apache-2.0
"""Sums over an axis: all rows into one ciphertext, and into the bins of histograms."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size, Target
from pyfate_gpu.bench.world import Integers, World

BINS = 32


def total(world: World, size: Size) -> Job:
    a = world.integers(size.rows, bits=40)
    c = world.ciphertexts(a)
    return Job(c.sum, size.rows, world.decrypts_to(a.sum(keepdims=True)))


def total_by(world: World, peer: Peer, size: Size) -> Job:
    a = world.integers(size.rows, bits=40)
    c, expected = world.lend(peer, a), a.sum(keepdims=True)
    return Job(lambda: peer.sum(c), size.rows, world.peer_decrypts_to(peer, expected))


def bins(*shape: int) -> Integers:
    """The bin of each row, for each feature if there are any."""
    return np.random.default_rng(4).integers(0, BINS, size=shape, dtype=np.int64)


def histogram(a: Integers, index: Integers) -> Integers:
    result = np.zeros(BINS, dtype=np.int64)
    np.add.at(result, index, a)
    return result


def by_segment(world: World, size: Size) -> Job:
    a, index = world.integers(size.rows, bits=40), bins(size.rows)
    c, expected = world.ciphertexts(a), histogram(a, index)
    return Job(lambda: c.segment_sum(index, BINS), size.rows, world.decrypts_to(expected))


def by_segment_by(world: World, peer: Peer, size: Size) -> Job:
    a, index = world.integers(size.rows, bits=40), bins(size.rows)
    c, segments = world.lend(peer, a), index.tolist()
    check = world.peer_decrypts_to(peer, histogram(a, index))
    return Job(lambda: peer.segment_sum(c, segments, BINS), size.rows, check)


def by_feature(world: World, size: Size) -> Job:
    a, index = world.integers(size.rows, bits=40), bins(size.rows, size.features)
    c = world.ciphertexts(a)
    expected = np.stack([histogram(a, column) for column in index.T])
    return Job(lambda: c.segment_sum(index, BINS), index.size, world.decrypts_to(expected))


SUM = Routine(
    "sum of an array", "rows", total, 4096, total_by, 1024, "sum",
    work=lambda work, size: work.multiply, targets=(Target("gmpy2", 7.0),),
)  # fmt: skip
SEGMENT_SUM = Routine(
    f"histogram of {BINS} bins", "rows", by_segment, 4096, by_segment_by, 1024, "segment_sum",
    work=lambda work, size: work.multiply,
)  # fmt: skip
HISTOGRAMS = Routine(
    f"{{features}} histograms of {BINS} bins", "entries", by_feature, 2048, features=(20,)
)
