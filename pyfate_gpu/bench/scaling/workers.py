# SPDX-License-Identifier: Apache-2.0
"""Throughput over workers of a Ray cluster of this machine, beside the cpu backend with one thread."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from pyfate_gpu import use_backend
from pyfate_gpu.backends.ray.backend import RayBackend
from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.scaling.base import Curve
from pyfate_gpu.bench.scaling.threads import counts
from pyfate_gpu.bench.world import World
from pyfate_gpu.config import available_cores
from pyfate_gpu.he.key_files import save_private_key

OPERATIONS = {
    "encrypt": Size(20000),
    "decrypt": Size(2000),
    "matvec": Size(20000, 20, 24),
    "segment_sum": Size(65536),
    "add": Size(65536),
}
TURNS = 5
ALONE = 0
"""The cpu backend in this process."""


def curves(options: argparse.Namespace) -> list[Curve]:
    """Operations a second with 1, 2, ... workers of one core each; workers decrypt with a key file of their own."""
    found = RayBackend().availability()
    if not found.available:
        return [Curve("over workers", "workers", "operations/s", [], failure=found.reason)]
    world = World.create(options.key_bits[0])
    with tempfile.TemporaryDirectory(prefix="pyfate-gpu-bench-") as folder:
        path = Path(folder) / "key.json"
        save_private_key(world.private_key, path)
        return [_curve(name, size, world, str(path)) for name, size in OPERATIONS.items()]


def _curve(name: str, size: Size, world: World, key_file: str) -> Curve:
    routine = ROUTINES[name]
    choices = {ALONE: _choice(ALONE, key_file)}
    choices |= {k: _choice(k, key_file) for k in counts(available_cores())}
    jobs = {}
    for workers, choose in choices.items():
        with choose():
            jobs[workers] = routine.ours(World(world.public_key, world.private_key), size)
            jobs[workers].run()
    spent: dict[int, list[float]] = {workers: [] for workers in jobs}
    for _ in range(TURNS):
        for workers, job in jobs.items():
            with choices[workers]():
                start = time.perf_counter()
                job.run()
                spent[workers].append(time.perf_counter() - start)
    rates = {k: jobs[k].operations / median(spent[k]) for k in jobs}
    alone, points = rates.pop(ALONE), [(float(k), rate) for k, rate in rates.items()]
    return Curve(
        f"{routine.title_of(size)} over workers", "workers", f"{routine.unit}/s", points,
        note=f"{points[-1][1] / points[0][1]:.2f} times one worker's, whose rate is "
        f"{points[0][1] / alone:.2f} of the cpu backend's", series="workers",
    )  # fmt: skip


def _choice(workers: int, key_file: str) -> Callable[[], Any]:
    if workers == ALONE:
        return lambda: use_backend("cpu", threads=1)
    return lambda: use_backend("ray", workers=workers, threads=1, key_file=key_file)
