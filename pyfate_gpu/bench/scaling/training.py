# SPDX-License-Identifier: Apache-2.0
"""Processor seconds of a training epoch over rows and over features: it must grow linearly."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable

from pyfate_gpu.bench.routines import ROUTINES, Size
from pyfate_gpu.bench.scaling.base import Curve, fit_exponent, seconds_of, within
from pyfate_gpu.bench.world import World

JOB = "logistic"
ROWS = (250, 500, 1000, 2000, 4000)
FEATURES = (10, 20, 40, 80, 160)


def over_rows(options: argparse.Namespace) -> list[Curve]:
    """Epochs of 250 to 4000 rows, 20 features."""
    features = options.features[0] if options.features else 20
    sizes = [Size(rows, features) for rows in ROWS]
    return [_curve("rows", f"{features} features", sizes, options)]


def over_features(options: argparse.Namespace) -> list[Curve]:
    """Epochs of 10 to 160 features, 400 rows: half of them at the guest, half at the host."""
    rows = options.rows or 400
    sizes = [Size(rows, features) for features in FEATURES]
    return [_curve("features", f"{rows} rows", sizes, options)]


def _curve(name: str, fixed: str, sizes: Iterable[Size], options: argparse.Namespace) -> Curve:
    world = World.create(options.key_bits[0])
    by_count = {getattr(size, name): size for size in sizes}
    points = []
    for count in within(options.budget, by_count):
        job = ROUTINES[JOB].ours(world, by_count[count])
        job.run()
        spent = seconds_of(job.run, least=0.0, repeats=1, clock=time.process_time)
        points.append((float(count), spent))
    return Curve(
        f"epoch of {JOB} regression over {name}, {fixed}", name, "processor seconds", points,
        fit_exponent(points), "at most linear is right: what a job costs whatever its size flattens it",
        series=f"job {name}",
    )  # fmt: skip
