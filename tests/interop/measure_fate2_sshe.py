# SPDX-License-Identifier: Apache-2.0
"""CPU seconds of a batch of regression on shares, FATE 2.2's SSHE and ours, on one core; not a test.

``python tests/interop/measure_fate2_sshe.py --tables GUEST HOST --json tests/interop/results/fate2_sshe.json``, after
run_fate2.py made its environment. The job is the same: the first rows of the tables, batches of as many rows, plain
steps, two processes. CPU seconds are those of both parties' processes, the difference of a run of more epochs and one
of fewer by their batches: start, keys, tables and predictions are not in it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
from pathlib import Path

import run_fate2
from measure_fate2 import CpuOfGroup, train_ours
from parts import write_measured
from sklearn.metrics import roc_auc_score

#: Epochs of ours for one of FATE's: they take less time, which must be long enough to measure.
OURS_FOR_ONE = 5
RULE = {"type": "sshe_logistic", "optimizer": "sgd", "alpha": 0.1, "tol": 0.0, "shuffle": False}


def train_fate(folder: Path, epochs: int, options: argparse.Namespace) -> None:
    """One run of FATE's launcher, guest and host, as run_fate2.train does it."""
    parties = (f"guest:{options.ports}", f"host:{options.ports + 1}")
    command = [
        str(options.environment / "bin/python"), "-W", "ignore", str(run_fate2.HERE / "fate2/sshe.py"),
        "--parties", *parties, "--log_level", "ERROR", "--folder", str(folder), "--key", str(options.key),
        "--epochs", str(epochs), "--batch", str(options.batch),
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1"}
    subprocess.run(command, env=environment, check=True, cwd=folder, stdout=subprocess.DEVNULL)


def used(engine: str, folder: Path, epochs: int, options: argparse.Namespace) -> float:
    """Return CPU seconds of a training."""
    with CpuOfGroup() as group:
        if engine == "ours":
            train_ours(
                folder, {**RULE, "batch_size": options.batch, "max_iter": epochs}, options.key
            )
        else:
            train_fate(folder, epochs, options)
    print(f"{engine}, {epochs} epochs: {group.seconds:.2f} s CPU", flush=True)
    return group.seconds


def measure(engine: str, folder: Path, options: argparse.Namespace) -> float:
    """Return CPU seconds of a batch."""
    more = options.epochs * (OURS_FOR_ONE if engine == "ours" else 1)
    short, long = (used(engine, folder, epochs, options) for epochs in (1, 1 + more))
    return (long - short) / more / -(-options.rows // options.batch)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environment", type=Path, default=run_fate2.ROOT / ".venv-fate2")
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--batch", type=int, default=1024)
    parser.add_argument("--epochs", type=int, default=1, help="timed, of FATE")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--ports", type=int, default=9999, help="first of two for FATE")
    parser.add_argument("--json", type=Path, help="where the record goes")
    run_fate2.add_tables(parser)
    parser.set_defaults(rows=1024)
    options = parser.parse_args()
    os.setpgid(0, 0)
    os.sched_setaffinity(0, {options.core})
    with tempfile.TemporaryDirectory() as name:
        run_fate2.write_tables(Path(name), options)
        seconds = {engine: measure(engine, Path(name), options) for engine in ("ours", "fate")}
        scored = json.loads((Path(name) / "result.json").read_text())
    ratio = round(seconds["fate"] / seconds["ours"], 1)
    print(seconds, ratio)
    if options.json:
        found = {
            "tables": [path.name for path in options.tables or ()],
            "rows": options.rows,
            "batch": options.batch,
            "key_bits": options.key,
            "cpu_seconds_of_a_batch": {name: round(cpu, 3) for name, cpu in seconds.items()},
            "times_ours": ratio,
            "auc_of_fate": round(float(roc_auc_score(scored["labels"], scored["scores"])), 4),
        }
        write_measured(
            options.json, "python tests/interop/measure_fate2_sshe.py --tables GUEST HOST", found
        )


if __name__ == "__main__":
    main()
