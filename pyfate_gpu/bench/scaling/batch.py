# SPDX-License-Identifier: Apache-2.0
"""Throughput over the size of a batch: what a call costs, and from where on it does not matter."""

from __future__ import annotations

import argparse

from pyfate_gpu.bench.machine import memory
from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.scaling.base import Curve, fit_exponent, seconds_of, within
from pyfate_gpu.bench.world import World

OPERATIONS = ("add", "encrypt", "decrypt", "scale", "sum")
LARGEST = 6  # powers of ten
COPIES = 8  # arrays alive at once


def curves(options: argparse.Namespace) -> list[Curve]:
    """Operations a second for 1 to 10^6 rows, as far as time and memory go."""
    world = World.create(options.key_bits[0])
    row = world.public_key.key_bits // 4
    fitting = [10**k for k in range(LARGEST + 1) if 10**k * row * COPIES < memory("MemAvailable")]
    found = []
    for name in OPERATIONS:
        routine, rates, seconds = ROUTINES[name], [], []
        for rows in within(options.budget / len(OPERATIONS), fitting):
            job = routine.ours(world, Size(rows))
            job.run()
            spent = seconds_of(job.run, repeats=1)
            rates.append((float(rows), job.operations / spent))
            seconds.append((float(rows), spent))
        found.append(
            Curve(
                f"{routine.title} over the size of a batch", "rows", f"{routine.unit}/s", rates,
                note=_note(fit_exponent(seconds[-3:]), rates[-1][0]), series="batch",
            )
        )  # fmt: skip
    return found


def _note(exponent: float | None, largest: float) -> str:
    told = f"up to {largest:,.0f} rows in the time given"
    if exponent is None:
        return told
    return f"{told}; seconds of the last three grow like rows to the power {exponent:.2f}"
