# SPDX-License-Identifier: Apache-2.0
"""Training at the workers of a cluster of this machine: an epoch by two beside one, and the memory of many rows.

``python -m tests.backends.measure_training --json tests/results/epoch_of_workers.json`` trains a logistic regression on
30,000 x 23 for one iteration, by one and by two workers of one core, in turns. ``python -m
tests.backends.measure_training --model linear --rows 1000000 --columns 20 --workers 2 --turns 1 --json
tests/results/million_rows.json`` is one iteration of a linear regression. All parties are threads of one process and
share the workers. Memory is that of this process, the workers and Ray's own processes, shared pages once, every second.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np

from pyfate_gpu import (
    HeteroLinearRegression,
    HeteroLogisticRegression,
    backend_info,
    simulate,
    use_backend,
)
from pyfate_gpu.bench.machine import fingerprint

MODELS = {"logistic": HeteroLogisticRegression, "linear": HeteroLinearRegression}


class Memory:
    """The most memory that this process and all that it started had together."""

    def __init__(self) -> None:
        self.most = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()

    def _watch(self):
        while not self._done.wait(1.0):
            self.most = max(self.most, sum(proportional(process) for process in descendants()))


def descendants() -> list[int]:
    """This process and those below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended
    found, new = [], [int(Path("/proc/self").readlink().name)]
    while new:
        found += new
        new = [process for process, parent in parents.items() if parent in new]
    return found


def proportional(process: int) -> int:
    """Bytes of a process's memory, its share of what it has in common with others."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0
    return int(text.partition("\nPss:")[2].split()[0]) << 10


def train(options) -> None:
    """Print the seconds of training once everything is started, the peak of memory, and the weights."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(options.rows, options.columns))
    score = x @ rng.normal(size=options.columns)
    y = score if options.model == "linear" else (score > 0).astype(int)
    half = options.columns // 2

    def model(iterations: int = 1):
        return MODELS[options.model](
            max_iter=iterations, tol=0.0, key_bits=options.key_bits, packing=options.packing,
            optimizer="adam", allow_insecure_key_size=True,
        )  # fmt: skip

    def fit(rows: slice):
        return simulate(
            guest=lambda session: model().fit(x[rows, :half], y[rows], session=session),
            hosts=[lambda session: model().fit(x[rows, half:], session=session)],
            arbiter=lambda session: model().fit(session=session),
            timeout=36000,
        )

    with use_backend("ray", workers=options.workers[0]), Memory() as memory:
        fit(slice(0, 200))
        start = time.perf_counter()
        found = fit(slice(None))
        seconds = time.perf_counter() - start
        weights = [*found["guest"].coef_, *found["host-0"].coef_]
        assert backend_info().name == "ray"
    print(json.dumps({"seconds": seconds, "gib": memory.most / 2**30, "weights": weights}))


def turn(options, workers: int) -> dict:
    """One process."""
    command = [sys.executable, "-m", "tests.backends.measure_training", "--train"]
    for name in ("model", "rows", "columns", "key_bits", "packing"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    done = subprocess.run(
        [*command, "--workers", str(workers)], check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, default="logistic")
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--columns", type=int, default=23)
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--packing", default="none")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--train", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train:
        train(options)
        return
    turns = {workers: [] for workers in options.workers}
    for _ in range(options.turns):
        for workers in options.workers:
            turns[workers].append(turn(options, workers))
    weights = [each.pop("weights") for found in turns.values() for each in found]
    seconds = {w: statistics.median(t["seconds"] for t in found) for w, found in turns.items()}
    result = {
        "command": "python -m tests.backends.measure_training " + " ".join(
            f"--{name} {getattr(options, name)}" for name in ("model", "rows", "columns", "packing")
        ),
        "machine": fingerprint(),
        "seconds": seconds,
        "times_the_first": {w: round(seconds[options.workers[0]] / s, 2) for w, s in seconds.items()},
        "peak_gib": {w: round(max(t["gib"] for t in found), 2) for w, found in turns.items()},
        "same_weights": bool(np.allclose(weights, weights[0], atol=1e-9)),
        "turns": turns,
    }  # fmt: skip
    print(json.dumps({k: v for k, v in result.items() if k != "turns"}, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
