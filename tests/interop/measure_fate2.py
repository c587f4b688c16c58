# SPDX-License-Identifier: Apache-2.0
"""Seconds of an iteration, FATE 2.2's coordinated logistic regression and ours, by turns on one core.

``python tests/interop/measure_fate2.py``, after run_fate2.py made its environment; not a test. The job is the same:
breast cancer data or the tables named, full batches, rmsprop, three processes. ``fate`` is FATE as it comes,
``blinded`` FATE made to blind all it encrypts, as ours always does. CPU seconds are those of all three processes, the
difference of a long and a short run by their iterations: start and keys are not in it. ``--model`` measures the time
to a model in place of that of an iteration: ours by its defaults until it stops, FATE 30 iterations. It is given twice:
as iterations alone, and as all that the processes take, from the start of Python to the pages of their reports.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import run_fate2

from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.storage.toml import dump_toml

ENGINES = ("ours", "fate", "blinded")
#: Iterations of ours for one of FATE's: they take less time, which must be long enough to measure.
OURS_FOR_ONE = 5


FATES_ITERATIONS = 30
SAME_RULE = {
    "optimizer": "rmsprop",
    "tol": 0.0,
    "learning_rate": 0.15,
    "clip": 1e6,  # FATE has no clipping, and TOML no word for none
}


class CpuOfGroup:
    """CPU seconds of all processes started meanwhile, looked up ten times a second.

    FATE leaves its workers to themselves, so nobody waits for them and rusage does not have them.
    """

    def __enter__(self):
        self._ticks = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()
        self.seconds = sum(self._ticks.values()) / os.sysconf("SC_CLK_TCK")

    def _watch(self):
        while not self._ended.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/stat"):
                with suppress(OSError):
                    fields = path.read_text().rpartition(")")[2].split()
                    pid, group = path.parent.name, int(fields[2])
                    if group == os.getpgrp() and int(pid) != os.getpid():
                        self._ticks[pid, fields[19]] = int(fields[11]) + int(fields[12])


def train_ours(folder, model, key_bits):
    tables = {
        "job": {"name": "fate", "directory": "out", "timeout": 3600.0},
        "model": {"type": "logistic", "key_bits": key_bits, **model},
        "engine": {"backend": "cpu", "threads": 1},
        "data.guest": {"path": "guest.csv", "label": "y"},
        "data.host-0": {"path": "host.csv"},
    }
    (folder / "job.toml").write_text(dump_toml(tables))
    run_job(Job.load(folder / "job.toml"), lambda line: None)


def train_fate(engine, folder, iterations, options):
    options.epochs = iterations
    run_fate2.train(options.environment / "bin/python", folder, "lr", engine, options)


def run(engine, folder, iterations, options):
    """Train, and return wall-clock and CPU seconds; of ours, without `iterations` until it stops."""
    wall = time.perf_counter()
    with CpuOfGroup() as used:
        if engine == "ours":
            shorter = {} if iterations is None else {"max_iter": iterations}
            train_ours(folder, ({} if options.model else SAME_RULE) | shorter, options.key)
        else:
            train_fate(engine, folder, iterations, options)
    return time.perf_counter() - wall, used.seconds


def measure_model(engine, folder, options):
    """Return wall-clock and CPU seconds of the iterations of a model, and print those of all."""
    ours = engine == "ours"
    whole = run(engine, folder, None if ours else FATES_ITERATIONS, options)
    count = FATES_ITERATIONS
    if ours:
        count = json.loads((folder / "out/guest/result.json").read_text())["iterations"]
    print(f"{engine}: {whole[1]:.3f} s CPU for all of {count} iterations", flush=True)
    short = run(engine, folder, 1, options)
    return [(long - one) * count / (count - 1) for long, one in zip(whole, short, strict=True)]


def measure(engine, folder, options):
    """Return wall-clock and CPU seconds of an iteration."""
    found = []
    more = options.iterations * (OURS_FOR_ONE if engine == "ours" else 1)
    for iterations in (1, 1 + more):
        found.append(run(engine, folder, iterations, options))
    return [(long - short) / more for short, long in zip(*found, strict=True)]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, default=run_fate2.ROOT / ".venv-fate2")
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=4, help="timed, of FATE")
    run_fate2.add_tables(parser)
    parser.add_argument("--model", action="store_true", help="until there is a model")
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--ports", type=int, default=9999, help="first of three for FATE")
    parser.set_defaults(seed=1, data_dir=None)
    options = parser.parse_args()
    os.setpgid(0, 0)
    os.sched_setaffinity(0, {options.core})
    names = ("guest", "host", "arbiter")
    run_fate2.JOBS["lr"] = tuple(f"{name}:{options.ports + i}" for i, name in enumerate(names))
    seconds = {engine: [] for engine in options.engines}
    of = "a model" if options.model else "an iteration"
    take = measure_model if options.model else measure
    with tempfile.TemporaryDirectory() as name:
        run_fate2.write_tables(Path(name), options)
        for _ in range(options.turns):
            for engine, values in seconds.items():
                values.append(take(engine, Path(name), options))
                wall, cpu = values[-1]
                print(f"{engine}: {wall:.3f} s wall, {cpu:.3f} s CPU {of}", flush=True)
    medians = {
        engine: statistics.median(cpu for _, cpu in found) for engine, found in seconds.items()
    }
    for engine, cpu in medians.items():
        beside = f", {cpu / medians['ours']:.1f} times ours" if "ours" in medians else ""
        print(f"{engine}: {cpu:.3f} s CPU {of}{beside}")


if __name__ == "__main__":
    main()
