# SPDX-License-Identifier: Apache-2.0
"""SecretFlow's HESS logistic regression on HEU and on ours: python tests/interop/run_hess.py --python python3.10

Makes an environment with secretflow-lite (Python 3.10), trains on breast cancer data between two processes by each
engine, and compares the scores. SecretFlow's truncation of secret shares is random in the last bit, so they agree
nearly, not exactly. CPU seconds of both parties are compared with those of our own regression on shares, of as many
rows and steps.
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
    result = json.loads((folder / "result.json").read_text())
    worked = [json.loads((folder / f"{party}.json").read_text()) for party in ("alice", "bob")]
    return result | {"cpu_seconds": sum(worked)}


def on_shares(folder: Path, options: argparse.Namespace) -> float:
    """CPU seconds of a step of 128 rows of ours without HEU, both parties together, set-up apart."""
    import numpy as np

    from pyfate_gpu import HeteroSSHELogisticRegression, simulate, use_backend

    guest, host = (
        np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1) for name in ("guest", "host")
    )
    marks = []

    class Clock:
        def on_iteration(self, report):
            if report.party == "guest":
                marks.append(time.process_time())

        def __deepcopy__(self, memo):
            return self

    def party(*data):
        model = HeteroSSHELogisticRegression(
            key_bits=options.key, batch_size=128, max_iter=4, tol=0.0, callbacks=[Clock()]
        )
        return lambda session: model.fit(*data, session=session)

    with use_backend("cpu", threads=1):
        simulate(guest=party(guest[:, 2:], guest[:, 1]), hosts=[party(host[:, 1:])], timeout=3600)
    return float(np.median(np.diff(marks))) / -(-len(guest) // 128)


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
        shared = on_shares(Path(name), options)
    for engine, result in results.items():
        auc = roc_auc_score(result["labels"], result["scores"])
        print(
            f"{engine:5} {result['seconds'] / result['steps']:7.2f} s a step, "
            f"CPU seconds of both {result['cpu_seconds'] / result['steps']:.2f}, AUC {auc:.6f}"
        )
    print(f"a step of our regression on shares: CPU seconds of both {shared:.3f}")
    differences = np.abs(np.subtract(results["heu"]["scores"], results["ours"]["scores"]))
    print(f"largest difference of a score {differences.max():.1e}")
    failed = int(np.count_nonzero(~(differences <= TOLERANCE)))
    return Outcome(len(differences) - failed, failed)


if __name__ == "__main__":
    sys.exit(main())
