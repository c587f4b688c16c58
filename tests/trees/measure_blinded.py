# SPDX-License-Identifier: Apache-2.0
"""CPU seconds and bytes of a blinded prediction: ``python -m tests.trees.measure_blinded --json FILE``; not a test.

All parties run in this process, one thread each, so that its CPU seconds are those of all parties together; making the
key and its tables counts. The trees are grown under a short key, which predictions do not depend on.
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

#: By name: the set, trees and levels.
CASES: dict[str, tuple[str, int, int]] = {
    "default_credit 30,000 x (13 + 10), 8 trees, depth 3": ("default_credit", 8, 3),
    "breast 569 x (10 + 20), 20 trees, depth 3": ("breast", 20, 3),
}


def simulated(parties: list[Any]) -> list[Any]:
    """Run guest and hosts, and return what each of them does."""
    found = simulate(guest=parties[0], hosts=parties[1:], timeout=3600)
    return [found["guest"], *(found[f"host-{index}"] for index in range(len(parties) - 1))]


def train(parts: list[Any], y: Any, trees: int, depth: int) -> list[Any]:
    """Return the models of all parties."""

    def party(X: Any, labels: Any = None) -> Any:
        def run(session: Any) -> Any:
            model = HeteroBoostedTreesClassifier(
                n_estimators=trees, max_depth=depth, learning_rate=0.3, key_bits=1024, allow_insecure_key_size=True
            )  # fmt: skip
            return model.fit(X, labels, session=session)

        return run

    return simulated([party(parts[0], y), *(party(part) for part in parts[1:])])


def predict(models: list[Any], parts: list[Any], **options: Any) -> tuple[Any, dict[str, Any]]:
    """Return the scores, and what each party spent."""

    def party(model: Any, X: Any) -> Any:
        def run(session: Any) -> Any:
            model.set_params(**options)
            return model.decision_function(X, session=session), session.statistics.usage()

        return run

    found = simulated([party(*each) for each in zip(models, parts, strict=True)])
    return found[0][0], {
        name: each[1] for name, each in zip(("guest", "host-0"), found, strict=True)
    }


def measure(name: str, key_bits: int) -> dict[str, Any]:
    """Train, predict in both ways, and return what the blinded one took."""
    source, trees, depth = CASES[name]
    parts, y = load(source)
    models = train(parts, y, trees, depth)
    plain, _ = predict(models, parts, prediction="paths")
    start = time.process_time()
    blinded, usage = predict(models, parts, prediction="blinded", key_bits=key_bits)
    seconds = time.process_time() - start
    return {
        "case": name,
        "key_bits": key_bits,
        "splits_of_hosts": models[0]._half.forest.sizes,
        "cpu_seconds": round(seconds, 2),
        "bytes_sent": {party: each.bytes_sent for party, each in usage.items()},
        "operations": {party: dict(each.operations) for party, each in usage.items()},
        "largest_difference": float(np.abs(blinded - plain).max()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--isa", help="instruction set; by default the best one")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with use_backend("cpu", threads=1, isa=options.isa):
        cases = []
        for name in CASES:
            cases.append(measure(name, options.key_bits))
            print(json.dumps(cases[-1]), flush=True)
        info = backend_info()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    isa = "" if options.isa is None else f" --isa {options.isa}"
    result = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": commit,
        "command": f"python -m tests.trees.measure_blinded{isa}",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        "instruction_set": info.isa,
        "cases": cases,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
