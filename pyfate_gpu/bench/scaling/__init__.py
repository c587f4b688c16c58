# SPDX-License-Identifier: Apache-2.0
"""How cost grows with size. A new curve: a file beside this and a line in SCALINGS."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from rich.console import Console

from pyfate_gpu import use_backend
from pyfate_gpu.bench.machine import pinned
from pyfate_gpu.bench.scaling import (
    batch,
    key_size,
    memory,
    out_of_core,
    round_trip,
    threads,
    training,
    workers,
)
from pyfate_gpu.bench.scaling.base import Curve
from pyfate_gpu.config import available_cores

SCALINGS: dict[str, Callable[[argparse.Namespace], list[Curve]]] = {
    "batch": batch.curves,
    "threads": threads.curves,
    "key_size": key_size.curves,
    "job_rows": training.over_rows,
    "job_features": training.over_features,
    "memory": memory.curves,
    "out_of_core": out_of_core.curves,
    "round_trip": round_trip.curves,
    "workers": workers.curves,
}


def run_scalings(options: argparse.Namespace, console: Console) -> list[dict[str, Any]]:
    """Measure the curves that `options` ask for, with the first key size and number of threads."""
    found = []
    for name in options.scaling:
        cores = available_cores() if name in ("threads", "workers") else options.threads[0]
        with (
            console.status(f"scaling over {name}"),
            use_backend(options.backend, isa=options.isa, threads=options.threads[0]),
            pinned(cores),
        ):
            found += [{"name": name, **curve.as_json()} for curve in SCALINGS[name](options)]
    return found


__all__ = ["SCALINGS", "run_scalings"]
