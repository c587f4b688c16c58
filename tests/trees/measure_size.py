# SPDX-License-Identifier: Apache-2.0
"""CPU seconds, bytes and memory of trees on synthetic tables: ``python -m tests.trees.measure_size --json FILE``.

Both parties share a process, whose peak memory is that of both. Each case runs in a fresh one, one thread, a key of
2,048 bits; the first tree, which makes tables, does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu import HeteroBoostedTreesClassifier, simulate, use_backend

#: Rows, columns of the host, levels, bins.
CASES: dict[str, tuple[int, int, int, int]] = {
    "25,000 x 10, depth 3, 32 bins": (25_000, 10, 3, 32),
    "50,000 x 10, depth 3, 32 bins": (50_000, 10, 3, 32),
    "100,000 x 10, depth 3, 32 bins": (100_000, 10, 3, 32),
    "200,000 x 30, depth 3, 32 bins": (200_000, 30, 3, 32),
    "100,000 x 300, depth 4, 32 bins": (100_000, 300, 4, 32),
    "1,000,000 x 10, depth 3, 32 bins": (1_000_000, 10, 3, 32),
}


def measure(name: str, packing: str, trees: int) -> dict[str, Any]:
    """Train on a case in this process, and return what a tree took."""
    return {"case": name, "packing": packing, **take(*CASES[name], packing, trees)}


def take(
    rows: int, columns: int, depth: int, bins: int, packing: str, trees: int
) -> dict[str, Any]:
    """Train in this process on a table of that size, and return what a tree took."""
    rng = np.random.default_rng(0)
    guest, host = rng.normal(size=(rows, 5)), rng.normal(size=(rows, columns))
    informative = host[:, : min(columns, 10)].sum(axis=1) + guest.sum(axis=1)
    y = (informative + rng.normal(size=rows) > 0).astype(int)
    return train(guest, host, y, depth, bins, packing, trees)


def train(
    guest: Any, host: Any, y: Any, depth: int, bins: int, packing: str, trees: int
) -> dict[str, Any]:
    """Train in this process on tables of a guest and a host, and return what a tree took."""
    times: list[float] = []
    sent: dict[str, int] = {}

    class Clock:
        def on_iteration(self, report: Any) -> None:
            sent[report.party] = report.usage.bytes_sent
            if report.party == "guest":
                times.append(time.process_time())

    def party(X: Any, labels: Any = None) -> Any:
        model = HeteroBoostedTreesClassifier(
            n_estimators=trees + 1, max_depth=depth, max_bin=bins, key_bits=2048, packing=packing, callbacks=[Clock()]
        )  # fmt: skip
        return lambda session: model.fit(X, labels, session=session)

    with use_backend("cpu", threads=1):
        simulate(guest=party(guest, y), hosts=[party(host)], timeout=36_000)
    return {
        "cpu_seconds": round(float(np.diff(times).mean()), 3),
        "bytes_sent": sent,
        "peak_memory_of_both": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--case", choices=CASES)
    parser.add_argument("--packing", default="auto")
    parser.add_argument("--trees", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(options.case, options.packing, options.trees)))
        return
    cases = []
    for name in CASES:
        command = [
            sys.executable,
            "-m",
            "tests.trees.measure_size",
            "--case",
            name,
            "--packing",
            options.packing,
        ]
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        cases.append(json.loads(ran.stdout.splitlines()[-1]))
        print(json.dumps(cases[-1]), flush=True)
    if options.json:
        found = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "command": "python -m tests.trees.measure_size",
            "machine": f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
            "cases": cases,
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
