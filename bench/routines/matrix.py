# SPDX-License-Identifier: Apache-2.0
"""X^T [[d]]: the gradient of a regression, where training spends its time. Counted in entries of X."""

from __future__ import annotations

from functools import partial

import numpy as np

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine, Target
from bench.world import Integers, World

COLUMNS = 20


def features(rows: int, fraction_bits: int) -> Integers:
    """Standard normal features as fixed-point integers."""
    x = np.random.default_rng(3).standard_normal((rows, COLUMNS))
    return np.rint(np.ldexp(x, fraction_bits)).astype(np.int64)


def product(world: World, rows: int, *, fraction_bits: int) -> Job:
    x, d = features(rows, fraction_bits), world.integers(rows)
    c, matrix = world.ciphertexts(d), x.T
    expected = matrix.astype(object) @ d
    return Job(lambda: matrix @ c, x.size, world.decrypts_to(expected))


def product_by(world: World, peer: Peer, rows: int, *, fraction_bits: int) -> Job:
    x, d = features(rows, fraction_bits), world.integers(rows)
    c = world.lend(peer, d)
    expected = x.T.astype(object) @ d
    return Job(lambda: peer.matvec(x, c), x.size, world.peer_decrypts_to(peer, expected))


def of(fraction_bits: int, target: Target) -> Routine:
    """The row for so many fraction bits; the peer's 100 rows are a sample, its cost is per entry."""
    return Routine(
        f"X^T [[d]], 2000 x {COLUMNS}, {fraction_bits} fraction bits",
        "entries",
        partial(product, fraction_bits=fraction_bits),
        partial(product_by, fraction_bits=fraction_bits),
        rows=2000,
        peer_rows=100,
        operation="matvec",
        target=target,
    )


BITS_24 = of(24, Target("phe", 45))
BITS_40 = of(40, Target("phe", 40))
