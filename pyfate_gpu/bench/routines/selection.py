# SPDX-License-Identifier: Apache-2.0
"""Choosing rows and joining arrays: copies, bound by memory."""

from __future__ import annotations

import numpy as np

from pyfate_gpu import concatenate
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.world import World


def take(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    c, index = world.ciphertexts(a), np.random.default_rng(5).permutation(size.rows)
    return Job(lambda: c[index], size.rows, world.decrypts_to(a[index]))


def join(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    parts = [world.ciphertexts(part) for part in np.array_split(a, 8) if part.size]
    return Job(lambda: concatenate(parts), size.rows, world.decrypts_to(a))


TAKE = Routine("rows in random order", "rows", take, 16384)
CONCATENATE = Routine("concatenation of 8 arrays", "rows", join, 16384)
