# SPDX-License-Identifier: Apache-2.0
"""Throughput over threads."""

from __future__ import annotations

import argparse

from pyfate_gpu import use_backend
from pyfate_gpu.bench.machine import pinned
from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.scaling.base import Curve, seconds_of
from pyfate_gpu.bench.world import World
from pyfate_gpu.config import available_cores

OPERATIONS = {"add": Size(16384), "encrypt": Size(1024), "matvec": Size(2000, 20, 24)}


def counts(cores: int) -> list[int]:
    """Powers of two up to all cores, and all of them."""
    return sorted({*(1 << k for k in range(cores.bit_length()) if 1 << k <= cores), cores})


def curves(options: argparse.Namespace) -> list[Curve]:
    """Operations a second with 1, 2, 4, ... threads on as many cores."""
    world = World.create(options.key_bits[0])
    found = []
    for name, size in OPERATIONS.items():
        routine, rates = ROUTINES[name], []
        for threads in counts(available_cores()):
            with (
                use_backend(options.backend, isa=options.isa, threads=threads),
                pinned(threads),
            ):
                job = routine.ours(World(world.public_key, world.private_key), size)
                job.run()
                rates.append((float(threads), job.operations / seconds_of(job.run)))
        factor = rates[-1][1] / rates[0][1]
        found.append(
            Curve(
                f"{routine.title_of(size)} over threads", "threads", f"{routine.unit}/s", rates,
                note=f"{factor:.2f} times one thread's", series="threads",
            )
        )  # fmt: skip
    return found
