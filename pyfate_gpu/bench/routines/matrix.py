# SPDX-License-Identifier: Apache-2.0
"""Products with plain matrices, counted in their entries.

X^T [[d]] is the gradient of a regression, where training spends its time; X [[w]] are encrypted scores;
[[C]] W has the plain matrix on the right.
"""

from __future__ import annotations

import numpy as np

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size, Target
from pyfate_gpu.bench.work import Work
from pyfate_gpu.bench.world import Integers, World

INTEGER_BITS = 3  # the largest of thousands of standard normal values is above 4
RIGHT_COLUMNS = 4


def features(size: Size) -> Integers:
    """Standard normal features as fixed-point integers, [rows, features]."""
    x = np.random.default_rng(3).standard_normal((size.rows, size.features))
    return np.rint(np.ldexp(x, size.fraction_bits)).astype(np.int64)


def gradient(world: World, size: Size) -> Job:
    x, d = features(size), world.integers(size.rows)
    c, matrix = world.ciphertexts(d), x.T
    expected = matrix.astype(object) @ d
    return Job(lambda: matrix @ c, x.size, world.decrypts_to(expected))


def gradient_by(world: World, peer: Peer, size: Size) -> Job:
    x, d = features(size), world.integers(size.rows)
    c, matrix = world.lend(peer, d), peer.matrix(x)
    expected = x.T.astype(object) @ d
    return Job(lambda: peer.matvec(matrix, c), x.size, world.peer_decrypts_to(peer, expected))


def scores(world: World, size: Size) -> Job:
    x, w = features(size), world.integers(size.features)
    c = world.ciphertexts(w)
    return Job(lambda: x @ c, x.size, world.decrypts_to(x.astype(object) @ w))


def right(world: World, size: Size) -> Job:
    plain = world.integers(size.rows, size.features)
    matrix = features(Size(size.features, RIGHT_COLUMNS, size.fraction_bits))
    c = world.ciphertexts(plain)
    expected = plain.astype(object) @ matrix
    return Job(lambda: c @ matrix, plain.size * RIGHT_COLUMNS, world.decrypts_to(expected))


def _bits(size: Size) -> int:
    return size.fraction_bits + INTEGER_BITS


def _gradient_work(work: Work, size: Size) -> float:
    return work.matrix(size.features, size.rows, _bits(size)) / (size.rows * size.features)


def _scores_work(work: Work, size: Size) -> float:
    return work.matrix(size.rows, size.features, _bits(size)) / (size.rows * size.features)


def _right_work(work: Work, size: Size) -> float:
    whole = work.matrix(RIGHT_COLUMNS, size.features, _bits(size), columns=size.rows)
    return whole / (RIGHT_COLUMNS * size.features * size.rows)


GRADIENT = Routine(
    "X^T [[d]], {rows} x {features}, {fraction_bits} fraction bits", "entries",
    gradient, 2000, gradient_by, 100, "matvec",  # the peer's cost is per entry
    work=_gradient_work, features=(20,), fraction_bits=(24, 40),
    targets=(
        Target("phe", 45, 24),
        *(Target(peer, 45, 40) for peer in ("phe", "fate", "heu", "pypaillier", "ipcl")),
    ),
)  # fmt: skip
SCORES = Routine(
    "X [[w]], {rows} x {features}, {fraction_bits} fraction bits", "entries", scores, 2000,
    work=_scores_work, features=(20,), fraction_bits=(24,),
)  # fmt: skip
RIGHT = Routine(
    f"[[C]] W, {{rows}} x {{features}} x {RIGHT_COLUMNS}, {{fraction_bits}} fraction bits", "entries",
    right, 100, work=_right_work, features=(20,), fraction_bits=(24,),
)  # fmt: skip
