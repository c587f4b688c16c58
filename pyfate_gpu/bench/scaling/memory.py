# SPDX-License-Identifier: Apache-2.0
"""Memory over rows: what a ciphertext takes in this process."""

from __future__ import annotations

import argparse

import numpy as np

from pyfate_gpu import CiphertextArray
from pyfate_gpu.bench.machine import memory, resident, trim
from pyfate_gpu.bench.scaling.base import Curve, Point, fit_exponent
from pyfate_gpu.bench.world import World

ROWS = (25_000, 50_000, 100_000, 200_000)
POOL = 4096


def curves(options: argparse.Namespace) -> list[Curve]:
    """Megabytes of arrays of 25,000 to 200,000 ciphertexts, as the system counts them."""
    world = World.create(options.key_bits[0])
    row = world.public_key.key_bits // 4
    pool = world.ciphertexts(world.integers(POOL))
    trim()
    points: list[Point] = []
    held: list[CiphertextArray] = []
    before = resident()
    for rows in ROWS:
        if 2 * rows * row > memory("MemAvailable"):
            break
        held.append(pool[np.arange(rows - sum(c.size for c in held)) % POOL])
        points.append((float(rows), (resident() - before) / 1e6))
    each = 1e6 * points[-1][1] / points[-1][0] if points else 0.0
    note = f"{each:.0f} bytes a ciphertext, {row} of them the number itself"
    return [
        Curve(
            "memory of an array", "ciphertexts", "MB", points, fit_exponent(points), note,
            series="memory",
        )
    ]  # fmt: skip
