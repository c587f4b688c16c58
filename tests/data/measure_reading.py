# SPDX-License-Identifier: Apache-2.0
"""What reading a CSV file of 65 MB costs, with pyarrow and without, each in a process of its own.

``python -m tests.data.measure_reading --json tests/results/reading.json``; not a test. ``--tree PATH`` measures another
checkout's reader, for comparisons in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

_READ = """
import json, resource, sys, time
from pathlib import Path
if sys.argv[2] == "without":
    sys.modules["pyarrow"] = None
from pyfate_gpu.data.sources import DataSource, read_rows
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
before, begun = peak(), time.process_time()
rows = read_rows(DataSource(Path(sys.argv[1]), label="y"))
seconds = time.process_time() - begun
kept = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6
print(json.dumps({"cpu_seconds": round(seconds, 2), "peak_mb": round(peak() - before),
    "kept_mb": round(kept - before), "values_mb": round(rows.values.nbytes / 1e6)}))
"""


def write_table(path, rows, columns):
    """Write ids in no order, a label and numbers with all their digits."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        file.write(",".join(["id", "y", *(f"x{column}" for column in range(columns))]) + "\n")
        for row in rng.permutation(rows):
            cells = map(repr, rng.normal(size=columns).tolist())
            file.write(f"c{row:08d},{row % 2}," + ",".join(cells) + "\n")


def read(path, how, tree):
    command = [sys.executable, "-c", _READ, str(path), how]
    environment = os.environ | {"PYTHONPATH": f"{tree}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        command, env=environment, cwd=tree, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--columns", type=int, default=33)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--tree", type=Path, nargs="*", default=[])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    trees = {"this": Path(__file__).parents[2], **{tree.name: tree for tree in options.tree}}
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        write_table(path, options.rows, options.columns)
        size = round(path.stat().st_size / 1e6)
        for _ in range(options.turns):
            for name, tree in trees.items():
                for how in ("with", "without"):
                    found = read(path, how, tree)
                    results.setdefault(f"{name}, {how} pyarrow", []).append(found)
                    print(name, how, "pyarrow:", json.dumps(found), flush=True)
    if options.json:
        command = ["git", "rev-parse", "--short", "HEAD"]
        commit = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        head = {
            "command": "python -m tests.data.measure_reading --json tests/results/reading.json",
            "commit": commit,
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "file": {"mb": size, "rows": options.rows, "columns": options.columns + 2},
        }
        options.json.write_text(json.dumps(head | {"readings": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
