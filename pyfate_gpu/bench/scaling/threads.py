# SPDX-License-Identifier: Apache-2.0
"""Throughput over threads, of the batched operations."""

from __future__ import annotations

import argparse
import time
from statistics import median

from pyfate_gpu import use_backend
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.scaling.base import Curve
from pyfate_gpu.bench.world import World
from pyfate_gpu.config import available_cores

OPERATIONS = {
    "add": Size(65536),
    "add_plain": Size(65536),
    "negate": Size(16384),
    "encrypt": Size(2048),
    "encrypt_full": Size(256),
    "decrypt": Size(512),
    "scale": Size(2048),
    "matvec": Size(2000, 20, 24),
    "matmul_right": Size(200, 20, 24),
    "sparse": Size(2000, 200),
    "sum": Size(65536),
    "segment_sum": Size(65536),
    "reblind": Size(1024),
    "from_wire": Size(16384),
    "to_ints": Size(1024),
    "from_ints": Size(4096),
}
TURNS = 5
SECONDS = 2.0  # further turns of short calls, until they have taken that long


def counts(cores: int) -> list[int]:
    """Powers of two up to all cores, and all of them."""
    return sorted({*(1 << k for k in range(cores.bit_length()) if 1 << k <= cores), cores})


def curves(options: argparse.Namespace) -> list[Curve]:
    """Operations a second with 1, 2, 4, ... threads; cores that are allowed are not taken away.

    Turns of the numbers of threads alternate, so that a clock that changes disturbs all alike.
    """
    world = World.create(options.key_bits[0])
    found = []
    for name, size in OPERATIONS.items():
        routine = ROUTINES[name]
        jobs: dict[int, Job] = {}
        for threads in counts(available_cores()):
            with use_backend(options.backend, isa=options.isa, threads=threads):
                jobs[threads] = routine.ours(World(world.public_key, world.private_key), size)
        spent: dict[int, list[float]] = {threads: [] for threads in jobs}
        _turn(jobs, options)
        while len(spent[1]) < TURNS or sum(map(sum, spent.values())) < SECONDS:
            for threads, seconds in _turn(jobs, options).items():
                spent[threads].append(seconds)
        rates = [(float(k), jobs[k].operations / median(spent[k])) for k in jobs]
        factor = rates[-1][1] / rates[0][1]
        found.append(
            Curve(
                f"{routine.title_of(size)} over threads", "threads", f"{routine.unit}/s", rates,
                note=f"{factor:.2f} times one thread's", series="threads",
            )
        )  # fmt: skip
    return found


def _turn(jobs: dict[int, Job], options: argparse.Namespace) -> dict[int, float]:
    """Seconds of one call of each."""
    seconds = {}
    for threads, job in jobs.items():
        with use_backend(options.backend, isa=options.isa, threads=threads):
            start = time.perf_counter()
            job.run()
            seconds[threads] = time.perf_counter() - start
    return seconds
