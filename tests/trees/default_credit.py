# SPDX-License-Identifier: Apache-2.0
"""Three processes over mutual TLS on default of credit, with the values missing that nobody knows.

``python -m tests.trees.default_credit --json FILE`` takes all 30,000 rows, in the folder that PYFATE_GPU_DATA names.
What its makers left undefined counts as missing: education 0, 5 and 6, marital status 0, and -2 for a month in which
nothing was borrowed, a fifteenth of the hosts' values. The trees must be those of the reference in clear.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.job import Job
from tests.glm.real_data import CASES
from tests.trees.jobs import TreesJob

#: By column of the host, which standardised values are codes of nothing.
UNKNOWN = {2: (-2.0, 3.5), 3: (-2.0, np.inf)} | dict.fromkeys(range(5, 10), (-1.5, np.inf))


def tables(case: str) -> tuple[list[Any], Any]:
    """Return columns of the guest and of two hosts, in an order drawn once, and labels."""
    guest, y, host = CASES[case].load()
    host = np.array(host, dtype=float)
    for column, (least, most) in UNKNOWN.items():
        known = (host[:, column] > least) & (host[:, column] < most)
        host[~known, column] = np.nan
    order = np.random.default_rng(0).permutation(len(y))
    parts = [np.asarray(guest, dtype=float), host[:, :5], host[:, 5:]]
    return [part[order] for part in parts], np.asarray(y)[order].astype(int)


def job(folder: Path, case: str, **parameters: Any) -> TreesJob:
    """Return a job in a folder, that trains on four fifths of the rows."""
    parts, y = tables(case)
    model = {"max_depth": 3, "learning_rate": 0.3, "random_state": 1, **parameters}
    return TreesJob(folder, parts, y, len(y) * 4 // 5, **model)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trees", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        running = job(Path(folder), "default_credit", n_estimators=options.trees, key_bits=2048)
        began = time.monotonic()
        running.run()
        seconds = time.monotonic() - began
        launcher.run_job(Job.load(running.path), lambda line: None, predict=True)
        assert running.trees() == running.expected(), "other trees than in clear"
        guest = running.result("guest")
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        result = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "commit": commit,
            "command": f"python -m tests.trees.default_credit --trees {options.trees}",
            "machine": f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
            "rows": running.rows,
            "missing_values": [int(np.isnan(part[: running.rows]).sum()) for part in running.parts],
            "trees": options.trees,
            "same_trees_as_in_clear": True,
            "loss": guest["loss"],
            "validation": guest.get("validation"),
            "seconds": round(seconds, 1),
            "cpu_seconds_of_all_processes": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_memory_of_a_party": usage.ru_maxrss * 1024,
        }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
