# SPDX-License-Identifier: Apache-2.0
"""CPU seconds and bytes of a tree on real data: ``python -m tests.trees.measure_trees --json FILE``; not a test.

All parties run in this process, one thread each, so that its CPU seconds are those of all parties together. The first
tree, which makes tables, does not count. CPU seconds too grow when other processes use the caches: the least of several
trees is printed beside the mean.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu import HeteroBoostedTreesClassifier, backend_info, simulate, use_backend
from tests.trees.make_xgboost_trees import load

#: By name: the set, levels, bins, and CPU seconds of a tree of FATE 2.2 on a quiet core, where it was measured.
CASES: dict[str, tuple[str, int, int, float | None]] = {
    "breast 569 x (10 + 20), depth 3, 32 bins": ("breast", 3, 32, 20.0),
    "default_credit 30,000 x (13 + 10), depth 3, 32 bins": ("default_credit", 3, 32, 265.0),
    "default_credit 30,000 x (13 + 10), depth 5, 10 bins": ("default_credit", 5, 10, None),
}


class Clock:
    """CPU seconds of the process at the guest's reports."""

    def __init__(self) -> None:
        self.times: list[float] = []
        self.sent: dict[str, int] = {}

    def on_iteration(self, report: Any) -> None:
        if report.party == "guest":
            self.times.append(time.process_time())
        self.sent[report.party] = report.usage.bytes_sent


def measure(name: str, key_bits: int, trees: int) -> dict[str, Any]:
    """Train, and return what a tree took."""
    source, depth, bins, fate = CASES[name]
    parts, y = load(source)
    clock = Clock()

    def party(X: Any, labels: Any = None) -> Any:
        def run(session: Any) -> Any:
            model = HeteroBoostedTreesClassifier(
                n_estimators=trees + 1, max_depth=depth, max_bin=bins, learning_rate=0.3, key_bits=key_bits,
                min_samples_leaf=1, callbacks=[clock],
            )  # fmt: skip
            return model.fit(X, labels, session=session)

        return run

    result = simulate(
        guest=party(parts[0], y), hosts=[party(part) for part in parts[1:]], timeout=3600
    )
    seconds = np.diff(clock.times)
    found = {
        "case": name,
        "key_bits": key_bits,
        "trees": trees,
        "cpu_seconds_mean": round(float(seconds.mean()), 3),
        "cpu_seconds_least": round(float(seconds.min()), 3),
        "bytes_sent": clock.sent,
        "loss": result["guest"].loss_history_[-1],
        "splits_of_hosts": result["guest"]._half.forest.sizes,
    }
    if fate is not None:
        found["fate_2.2_seconds"] = fate
        found["ratio"] = round(fate / float(seconds.mean()))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--trees", type=int, default=6)
    parser.add_argument("--isa", help="instruction set; by default the best one")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with use_backend("cpu", threads=1, isa=options.isa):
        cases = []
        for name in CASES:
            cases.append(measure(name, options.key_bits, options.trees))
            print(json.dumps(cases[-1]), flush=True)
        info = backend_info()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    result = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit,
        "command": "python -m tests.trees.measure_trees",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "instruction_set": info.isa,
        "cases": cases,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
