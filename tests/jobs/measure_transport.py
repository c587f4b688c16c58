# SPDX-License-Identifier: Apache-2.0
"""What processes and mutual TLS cost: the same job in one process and in three, by turns.

``python tests/jobs/measure_transport.py --rows 30000 --key-bits 2048``; not a test. Seconds of wall clock are
the guest's per iteration, without the first one, in which tables are built; on a shared machine compare CPU seconds.
"""

from __future__ import annotations

import argparse
import csv
import re
import resource
import statistics
import tempfile
from pathlib import Path

import numpy as np

from pyfate_gpu import HeteroLogisticRegression, simulate, use_backend
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.jobs.toml import dump_toml

GUEST_COLUMNS, HOST_COLUMNS = 13, 10


def cpu_seconds(who):
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


class Walls:
    """Wall-clock seconds of the guest's iterations."""

    def __init__(self):
        self.seconds = []

    def on_iteration(self, report):
        if report.party == "guest":
            self.seconds.append(report.seconds)

    def __deepcopy__(self, memo):
        return self


def in_process(x, y, parameters, threads):
    walls, before = Walls(), cpu_seconds(resource.RUSAGE_SELF)

    def party(*data):
        model = HeteroLogisticRegression(**parameters, callbacks=[walls])
        return lambda session: model.fit(*data, session=session)

    with use_backend("cpu", threads=threads):
        simulate(
            guest=party(x[:, :GUEST_COLUMNS], y),
            hosts=[party(x[:, GUEST_COLUMNS:])],
            arbiter=party(),
            timeout=3600,
        )
    return walls.seconds[1:], cpu_seconds(resource.RUSAGE_SELF) - before


def in_three(folder, parameters, threads):
    tables = {
        "job": {"name": "measure", "directory": "out", "timeout": 3600},
        "model": {"type": "logistic", **parameters},
        "engine": {"backend": "cpu", "threads": threads},
        "data.guest": {"path": "guest.csv", "label": "y"},
        "data.host-0": {"path": "host.csv"},
    }
    (folder / "job.toml").write_text(dump_toml(tables))
    lines, before = [], cpu_seconds(resource.RUSAGE_CHILDREN)
    run_job(Job.load(folder / "job.toml"), lines.append)
    found = re.findall(r"guest: iteration \d+, loss \S+, ([\d.]+) s", "\n".join(lines))
    walls = [float(seconds) for seconds in found]
    return walls[1:], cpu_seconds(resource.RUSAGE_CHILDREN) - before


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=2)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    x = rng.normal(size=(options.rows, GUEST_COLUMNS + HOST_COLUMNS))
    y = (x.sum(axis=1) > 0).astype(int)
    folder = Path(tempfile.mkdtemp())
    names = [f"x{index}" for index in range(x.shape[1])]
    ids = [f"{row:09d}" for row in range(options.rows)]
    guest = [[i, label, *row[:GUEST_COLUMNS]] for i, label, row in zip(ids, y, x, strict=True)]
    host = [[i, *row[GUEST_COLUMNS:]] for i, row in zip(ids, x, strict=True)]
    write(folder / "guest.csv", ["id", "y", *names[:GUEST_COLUMNS]], guest)
    write(folder / "host.csv", ["id", *names[GUEST_COLUMNS:]], host)

    totals = {"one process": ([], []), "three processes": ([], [])}
    for _ in range(options.turns):
        for name, (walls, cpus) in totals.items():
            used = []
            for iterations in (1, options.iterations + 1):
                parameters = {"max_iter": iterations, "tol": 0.0, "key_bits": options.key_bits}
                if name == "one process":
                    seconds, cpu = in_process(x, y, parameters, options.threads)
                else:
                    seconds, cpu = in_three(folder, parameters, options.threads)
                walls += seconds
                used.append(cpu)
            cpus.append((used[1] - used[0]) / options.iterations)
            print(f"{name}: wall {walls}, cpu {cpus}", flush=True)
    (one_wall, one_cpu), (three_wall, three_cpu) = (
        (statistics.median(walls), statistics.median(cpus)) for walls, cpus in totals.values()
    )
    print(f"seconds per iteration, medians: one process {one_wall:.2f} wall, {one_cpu:.2f} CPU;")
    print(f"three {three_wall:.2f} wall, {three_cpu:.2f} CPU")
    print(f"ratio {three_wall / one_wall:.3f} wall, {three_cpu / one_cpu:.3f} CPU")


if __name__ == "__main__":
    main()
