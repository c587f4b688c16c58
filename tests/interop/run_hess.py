# SPDX-License-Identifier: Apache-2.0
"""SecretFlow's HESS logistic regression on HEU and on ours: python tests/interop/run_hess.py --python python3.10

Makes an environment with secretflow-lite (Python 3.10), trains on breast cancer data between two processes by each
engine, and compares the scores. SecretFlow's truncation of secret shares is random in the last bit, so they agree
nearly, not exactly.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from environments import build, versions
from parts import ROOT, Outcome, Part
from run_fate2 import write_data

HERE = Path(__file__).parent
PARTNER = ("secretflow-lite==1.12.0b0", "gmpy2>=2.2")
TOLERANCE = 1e-4
"""Of a score."""


def train(python: Path, folder: Path, engine: str, port: int, options: argparse.Namespace) -> dict:
    """One run between two processes; its result."""
    # One thread a party; PYTHONPATH would bring another Python's packages.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"OMP_NUM_THREADS": "1", "PYFATE_GPU_THREADS": "1"}
    parties = [
        subprocess.Popen(
            [
                str(python), "-W", "ignore", str(HERE / "heu/hess_lr.py"), party, engine, "--folder", str(folder),
                "--port", str(port), "--key", str(options.key), "--epochs", str(options.epochs),
            ],
            env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for party in ("alice", "bob")
    ]  # fmt: skip
    codes = [party.wait() for party in parties]
    if any(codes):
        sys.exit(f"the run by {engine} failed")
    return json.loads((folder / "result.json").read_text())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default="python3.10", help="Python 3.10, which it needs")
    parser.add_argument("--environment", type=Path, default=ROOT / ".venv-secretflow")
    parser.add_argument("--no-build", action="store_true", help="the environment is as wanted")
    parser.add_argument("--key", type=int, default=2048)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--port", type=int, default=24500, help="first of eight")
    parser.add_argument("--again", action="store_true", help="though it passed at this commit")
    options = parser.parse_args()
    python = options.environment / "bin/python"
    if not options.no_build:
        python = build(options.python, options.environment, PARTNER)
    part = Part("hess", options.again)
    part.step("logistic regression", lambda: compare(python, options))
    return part.finish(versions(python, ["secretflow-lite", "sf-heu"]))


def compare(python: Path, options: argparse.Namespace) -> Outcome:
    """Train by both engines, print seconds and quality; every score is a check."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    with tempfile.TemporaryDirectory() as name:
        write_data(Path(name))
        results = {
            engine: train(python, Path(name), engine, options.port + 4 * turn, options)
            for turn, engine in enumerate(("heu", "ours"))
        }
    for engine, result in results.items():
        auc = roc_auc_score(result["labels"], result["scores"])
        print(f"{engine:5} {result['seconds'] / result['steps']:7.2f} s a step  AUC {auc:.6f}")
    differences = np.abs(np.subtract(results["heu"]["scores"], results["ours"]["scores"]))
    print(f"largest difference of a score {differences.max():.1e}")
    failed = int(np.count_nonzero(~(differences <= TOLERANCE)))
    return Outcome(len(differences) - failed, failed)


if __name__ == "__main__":
    sys.exit(main())
