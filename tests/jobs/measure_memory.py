# SPDX-License-Identifier: Apache-2.0
"""Estimates of memory beside the most that each party of real jobs took, parties being processes.

``python -m tests.jobs.measure_memory --json tests/results/memory.json``; not a test.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

import numpy as np

from pyfate_gpu.backends import use_backend
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.calibration import calibrate
from pyfate_gpu.jobs.estimate import estimate, shape_of
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.storage.toml import dump_toml

SMALL = {"key_bits": 512, "allow_insecure_key_size": True}
#: By name: model with parameters, rows, columns of guest and host.
JOBS = {
    "logistic": ({"type": "logistic", "max_iter": 2, "tol": 0.0, **SMALL}, 40_000, (10, 20)),
    "logistic, wide": ({"type": "logistic", "max_iter": 1, "tol": 0.0, **SMALL}, 5_000, (50, 300)),
    "sshe_logistic": (
        {"type": "sshe_logistic", "max_iter": 1, "batch_size": 2000, **SMALL}, 8_000, (10, 10),
    ),
    "trees": (
        {"type": "boosted_trees_classifier", "n_estimators": 2, "max_depth": 3, **SMALL}, 20_000, (5, 10),
    ),
}  # fmt: skip


def write_job(folder: Path, model: dict[str, object], rows: int, columns: tuple[int, ...]) -> Path:
    """Write tables and a job."""
    rng = np.random.default_rng(0)
    tables: dict[str, dict[str, object]] = {}
    for number, count in enumerate(columns):
        name = "guest" if number == 0 else f"host-{number - 1}"
        x = rng.normal(size=(rows, count))
        label = ["y"] if number == 0 else []
        lines = [",".join(["id", *label, *(f"{name}{column}" for column in range(count))])]
        for row in range(rows):
            y = [str(row % 2)] if label else []
            lines.append(",".join([f"c{row:07d}", *y, *map("{:.6f}".format, x[row].tolist())]))
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
        tables[f"data.{name}"] = {"path": f"{name}.csv"} | ({"label": "y"} if label else {})
    job = {"name": "memory", "directory": "out", "report": False, "timeout": 3000.0}
    engine = {"backend": "cpu", "threads": 1}
    path = folder / "job.toml"
    path.write_text(dump_toml({"job": job, "model": model, "engine": engine, **tables}))
    return path


def peaks_of(path: Path) -> dict[str, float]:
    """Run a job; return the most megabytes that each party had in memory."""
    processes: dict[str, subprocess.Popen[str]] = {}
    start = launcher.subprocess.Popen

    def noting(command: list[str], **options: object) -> object:
        process = start(command, **options)
        processes[Path(command[-1]).parent.name] = process
        return process

    peaks: dict[str, float] = {}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            for name, process in list(processes.items()):
                try:
                    text = Path(f"/proc/{process.pid}/status").read_text()
                except OSError:
                    continue
                found = [line.split()[1] for line in text.splitlines() if line.startswith("VmHWM:")]
                if found:
                    peaks[name] = max(peaks.get(name, 0.0), int(found[0]) * 1024 / 1e6)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        with mock.patch.object(launcher.subprocess, "Popen", noting):
            launcher.run_job(Job.load(path), lambda line: None)
    finally:
        ended.set()
        watcher.join()
    return peaks


def main() -> None:
    """Compare all jobs, or those that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    for name in options.jobs:
        model, rows, columns = JOBS[name]
        with tempfile.TemporaryDirectory() as folder:
            path = write_job(Path(folder), model, rows, columns)
            job = Job.load(path)
            with use_backend("cpu", threads=1):
                shape = shape_of(job)
                found = estimate(job, shape, calibrate(512, allow_insecure_key_size=True))
            peaks = peaks_of(path)
        results[name] = {
            "rows": rows,
            "columns": columns,
            "parties": {
                party: {
                    "estimated_mb": round(found.memory[party] / 1e6),
                    "peak_mb": round(peak),
                    "ratio": round(found.memory[party] / 1e6 / peak, 2),
                }
                for party, peak in peaks.items()
            },
        }
        print(name, json.dumps(results[name]), flush=True)
    if options.json:
        command = ["git", "rev-parse", "--short", "HEAD"]
        head = {
            "command": "python -m tests.jobs.measure_memory --json tests/results/memory.json",
            "commit": subprocess.run(
                command, capture_output=True, text=True, check=True
            ).stdout.strip(),
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        }
        options.json.write_text(json.dumps(head | {"jobs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
