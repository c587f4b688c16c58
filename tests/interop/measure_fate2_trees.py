# SPDX-License-Identifier: Apache-2.0
"""CPU seconds of a tree, FATE 2.2's SecureBoost and ours, by turns on one core.

``python tests/interop/measure_fate2_trees.py --json FILE``, after run_fate2.py made its environment; not a test. Two
processes each, breast cancer data or the tables named, three levels, 32 bins. ``fate`` is FATE as it comes, ``blinded``
FATE made to blind every tensor that it encrypts. Both blind gradients; sums that FATE's host sends back it does not
blind, ours does. CPU seconds are those of both processes, the difference of two runs by their trees: start, keys and
the first tree are not in it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import run_fate2
from measure_fate2 import CpuOfGroup
from parts import write_measured

from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.storage.toml import dump_toml

ENGINES = ("ours", "fate", "blinded")
#: Trees of the two runs.
TREES = {"ours": (1, 11), "fate": (1, 2), "blinded": (1, 2)}


def train_ours(folder, trees, key_bits):
    tables = {
        "job": {"name": "trees", "directory": f"out-{trees}", "timeout": 3600.0, "report": False},
        "model": {
            "type": "boosted_trees_classifier", "key_bits": key_bits, "n_estimators": trees, "max_depth": 3,
            "max_bin": 32, "learning_rate": 0.3, "min_samples_leaf": 1,
        },
        "engine": {"backend": "cpu", "threads": 1},
        "data.guest": {"path": "guest.csv", "label": "y"},
        "data.host-0": {"path": "host.csv"},
    }  # fmt: skip
    (folder / "job.toml").write_text(dump_toml(tables))
    run_job(Job.load(folder / "job.toml"), lambda line: None)


def measure(engine, folder, options):
    """Return CPU seconds of a tree."""
    found = []
    for trees in TREES[engine]:
        with CpuOfGroup() as used:
            if engine == "ours":
                train_ours(folder, trees, options.key)
            else:
                options.epochs = trees
                python = options.environment / "bin/python"
                run_fate2.train(python, folder, "secureboost", engine, options)
        found.append(used.seconds)
    few, many = TREES[engine]
    return (found[1] - found[0]) / (many - few)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, default=run_fate2.ROOT / ".venv-fate2")
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--engines", nargs="+", choices=ENGINES, default=list(ENGINES))
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--ports", type=int, default=9999, help="first of two for FATE")
    parser.add_argument("--json", type=Path)
    run_fate2.add_tables(parser)
    parser.set_defaults(seed=1, data_dir=None)
    options = parser.parse_args()
    os.setpgid(0, 0)
    os.sched_setaffinity(0, {options.core})
    run_fate2.JOBS["secureboost"] = tuple(
        f"{name}:{options.ports + i}" for i, name in enumerate(("guest", "host"))
    )
    seconds = {engine: [] for engine in options.engines}
    with tempfile.TemporaryDirectory() as name:
        run_fate2.write_tables(Path(name), options)
        for _ in range(options.turns):
            for engine, values in seconds.items():
                values.append(measure(engine, Path(name), options))
                print(f"{engine}: {values[-1]:.3f} s CPU a tree", flush=True)
    medians = {engine: round(statistics.median(found), 3) for engine, found in seconds.items()}
    ratios = {
        engine: round(cpu / medians["ours"], 1)
        for engine, cpu in medians.items()
        if engine != "ours" and "ours" in medians
    }
    print(medians, ratios)
    if options.json:
        found = {
            "tables": [path.name for path in options.tables or ()]
            or "breast cancer, 569 x (10 + 20)",
            "rows": options.rows,
            "key_bits": options.key,
            "cpu_seconds_of_a_tree": medians,
            "times_ours": ratios,
        }
        write_measured(options.json, "python tests/interop/measure_fate2_trees.py", found)


if __name__ == "__main__":
    main()
