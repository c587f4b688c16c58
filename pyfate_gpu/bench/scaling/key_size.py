# SPDX-License-Identifier: Apache-2.0
"""Cost over the length of the key."""

from __future__ import annotations

import argparse
import time

from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.scaling.base import Curve, fit_exponent, seconds_of
from pyfate_gpu.bench.world import World

KEY_BITS = (1024, 2048, 3072, 4096)
OPERATIONS = {"add": Size(1024), "encrypt": Size(128), "decrypt": Size(64), "scale": Size(128)}


def curves(options: argparse.Namespace) -> list[Curve]:
    """Processor microseconds of an operation at 1024 to 4096 bits, or the lengths asked for if several."""
    lengths = options.key_bits if len(options.key_bits) > 1 else KEY_BITS
    points: dict[str, list[tuple[float, float]]] = {name: [] for name in OPERATIONS}
    for bits in lengths:
        world = World.create(bits)
        for name, size in OPERATIONS.items():
            job = ROUTINES[name].ours(world, size)
            job.run()
            spent = seconds_of(job.run, clock=time.process_time)
            points[name].append((float(bits), 1e6 * spent / job.operations))
    return [
        Curve(
            f"{ROUTINES[name].title} over the length of the key", "bits of n", "processor microseconds",
            found, fit_exponent(found), series="key size",
        )
        for name, found in points.items()
    ]  # fmt: skip
