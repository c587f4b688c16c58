# SPDX-License-Identifier: Apache-2.0
"""What processes and mutual TLS cost: the same job in one process and in three, by turns.

``python tests/jobs/measure_transport.py --json tests/results/transport.json``; not a test. Seconds are those of an
iteration without the first one, in which tables are built: wall clock of the guest, and CPU of all parties together,
which is what to compare on a shared machine. Reads CPU time of processes as Linux tells it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import re
import statistics
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from pyfate_gpu import HeteroLogisticRegression, simulate, use_backend
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.storage.toml import dump_toml

GUEST_COLUMNS, HOST_COLUMNS = 13, 10
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_of_children():
    """Return the CPU seconds of the processes that this thread started and that run."""
    thread = f"/proc/self/task/{threading.get_native_id()}"
    found = 0
    for pid in Path(thread, "children").read_text().split():
        fields = Path("/proc", pid, "stat").read_text().rpartition(")")[2].split()
        found += int(fields[11]) + int(fields[12])  # user and system
    return found / TICKS


class Clock:
    """Wall-clock seconds of the guest's iterations, and the CPU seconds so far at the end of each."""

    def __init__(self):
        self.walls, self.cpus = [], []

    def on_iteration(self, report):
        if report.party == "guest":
            self.note(report.seconds, time.process_time())

    def note(self, wall, cpu):
        self.walls.append(wall)
        self.cpus.append(cpu)

    def __deepcopy__(self, memo):
        return self

    def per_iteration(self):
        """Return wall and CPU seconds of each iteration but the first and the last."""
        return self.walls[1:-1], (self.cpus[-2] - self.cpus[0]) / (len(self.cpus) - 2)


def in_process(x, y, parameters, threads):
    clock = Clock()

    def party(*data):
        model = HeteroLogisticRegression(**parameters, callbacks=[clock])
        return lambda session: model.fit(*data, session=session)

    with use_backend("cpu", threads=threads):
        simulate(
            guest=party(x[:, :GUEST_COLUMNS], y),
            hosts=[party(x[:, GUEST_COLUMNS:])],
            arbiter=party(),
            timeout=3600,
        )
    return clock


def in_three(folder, parameters, threads):
    tables = {
        "job": {"name": "measure", "directory": "out", "timeout": 3600, "report": False},
        "model": {"type": "logistic", **parameters},
        "engine": {"backend": "cpu", "threads": threads},
        "data.guest": {"path": "guest.csv", "label": "y"},
        "data.host-0": {"path": "host.csv"},
    }
    (folder / "job.toml").write_text(dump_toml(tables))
    clock = Clock()

    def show(line):
        found = re.search(r"guest: iteration \d+, loss \S+, ([\d.]+) s", line)
        if found:
            clock.note(float(found[1]), cpu_of_children())

    run_job(Job.load(folder / "job.toml"), show)
    return clock


def write(path, header, rows):
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=30_000)
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--json", type=Path)
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

    parameters = {"max_iter": options.iterations + 2, "tol": 0.0, "key_bits": options.key_bits}
    ways = {
        "one process": lambda: in_process(x, y, parameters, options.threads),
        "three processes": lambda: in_three(folder, parameters, options.threads),
    }
    walls, cpus = ({name: [] for name in ways} for _ in range(2))
    for _ in range(options.turns):
        for name, way in ways.items():
            wall, cpu = way().per_iteration()
            walls[name] += wall
            cpus[name].append(cpu)
            print(
                f"{name}: wall {[round(seconds, 2) for seconds in wall]}, CPU {cpu:.2f}", flush=True
            )
    (one_wall, three_wall), (one_cpu, three_cpu) = (
        [statistics.median(seconds) for seconds in of.values()] for of in (walls, cpus)
    )
    print(f"seconds per iteration, medians: one process {one_wall:.2f} wall, {one_cpu:.2f} CPU;")
    print(f"three {three_wall:.2f} wall, {three_cpu:.2f} CPU")
    ratios = {"wall": round(three_wall / one_wall, 3), "cpu": round(three_cpu / one_cpu, 3)}
    print(f"three processes over one: {ratios}")
    if options.json:
        found = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "rows": options.rows,
            "columns": [GUEST_COLUMNS, HOST_COLUMNS],
            "key_bits": options.key_bits,
            "threads_of_a_party": options.threads,
            "cores": os.cpu_count(),
            "seconds_an_iteration": {
                name: {
                    "wall": [round(seconds, 3) for seconds in walls[name]],
                    "cpu": [round(seconds, 3) for seconds in cpus[name]],
                }
                for name in ways
            },
            "three processes over one": ratios,
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
