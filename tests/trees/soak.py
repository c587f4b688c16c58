# SPDX-License-Identifier: Apache-2.0
"""Hundreds of trees in one fit, and the memory and time of each: ``python -m tests.trees.soak --json FILE``.

Guest and two hosts share this process. Memory after the first trees, which make tables and fill pools, must not grow,
and late trees must take as long as early ones: scores are kept, so a tree costs the same whichever it is.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu import HeteroBoostedTreesClassifier, simulate, use_backend
from pyfate_gpu.trees.plaintext import joined
from tests.trees.conftest import in_clear

WARM = 50


def resident() -> int:
    """Bytes of memory that this process has now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


class Watch:
    """Memory and CPU seconds at the guest's reports."""

    def __init__(self) -> None:
        self.memory: list[int] = []
        self.times: list[float] = []

    def on_iteration(self, report: Any) -> None:
        if report.party == "guest":
            self.memory.append(resident())
            self.times.append(time.process_time())


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trees", type=int, default=500)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng, watch = np.random.default_rng(3), Watch()
    parts = [rng.normal(size=(300, columns)).round(2) for columns in (3, 4, 2)]
    y = (sum(part.sum(axis=1) for part in parts) + rng.normal(size=300) > 0).astype(int)
    params = {
        "n_estimators": options.trees, "max_depth": 3, "learning_rate": 0.05, "max_bin": 16, "key_bits": 512,
        "allow_insecure_key_size": True, "min_samples_leaf": 5, "random_state": 1, "subsample": 0.9,
    }  # fmt: skip

    def party(X: Any, labels: Any = None) -> Any:
        model = HeteroBoostedTreesClassifier(**params, callbacks=[watch])
        return lambda session: model.fit(X, labels, session=session)

    with use_backend("cpu", threads=1):
        found = simulate(
            guest=party(parts[0], y), hosts=[party(part) for part in parts[1:]], timeout=3600
        )
    halves = [found[name]._half for name in ("guest", "host-0", "host-1")]
    trees = joined(halves[0].forest, [half.table for half in halves])
    assert trees == in_clear(HeteroBoostedTreesClassifier(**params), parts, y).trees, "other trees"
    seconds = np.diff(watch.times)
    result = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "command": f"python -m tests.trees.soak --trees {options.trees}",
        "trees": options.trees,
        "memory_mib_after_warm_up": watch.memory[WARM] >> 20,
        "memory_mib_at_the_end": watch.memory[-1] >> 20,
        "cpu_seconds_of_early_trees": round(float(np.median(seconds[WARM : 2 * WARM])), 4),
        "cpu_seconds_of_late_trees": round(float(np.median(seconds[-WARM:])), 4),
    }
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
