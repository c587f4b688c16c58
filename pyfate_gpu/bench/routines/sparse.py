# SPDX-License-Identifier: Apache-2.0
"""Products with sparse matrices, counted in nonzero entries: fixed-point values, and one-hot columns."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.routines.matrix import features
from pyfate_gpu.bench.world import World

DENSITY = 0.1
CATEGORIES = 20


def csr(world: World, size: Size) -> Job:
    x = features(size)
    x[np.random.default_rng(6).random(x.shape) >= DENSITY] = 0
    x[0, 0] = 1
    d = world.integers(size.rows)
    c, matrix = world.ciphertexts(d), sparse.csr_array(x.T)
    expected = x.T.astype(object) @ d
    return Job(lambda: matrix @ c, int(matrix.nnz), world.decrypts_to(expected))


def one_hot(world: World, size: Size) -> Job:
    d = world.integers(size.rows)
    category = np.random.default_rng(7).integers(0, CATEGORIES, size.rows)
    ones = np.ones(size.rows, dtype=np.int64)
    matrix = sparse.csr_array(
        (ones, (category, np.arange(size.rows))), shape=(CATEGORIES, size.rows)
    )
    expected = np.zeros(CATEGORIES, dtype=object)
    np.add.at(expected, category, d.astype(object))
    c = world.ciphertexts(d)
    return Job(lambda: matrix @ c, size.rows, world.decrypts_to(expected))


CSR = Routine(
    f"sparse X^T [[d]], {DENSITY:.0%} of {{rows}} x {{features}}, {{fraction_bits}} fraction bits",
    "nonzero entries", csr, 2000, features=(20,), fraction_bits=(24,),
)  # fmt: skip
ONE_HOT = Routine(
    f"one-hot sums, {CATEGORIES} categories", "rows", one_hot, 4096,
    work=lambda work, size: work.multiply,
)  # fmt: skip
