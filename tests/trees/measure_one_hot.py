# SPDX-License-Identifier: Apache-2.0
"""What categories cost as columns of 0 and 1, beside codes: ``python -m tests.trees.measure_one_hot --json FILE``.

The same 50 categories of 20 values each at a host, once as 50 columns and once as 1,000. CPU seconds of both parties,
one thread, a key of 2,048 bits, the first tree aside, in turns.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from tests.trees.measure_size import train

CATEGORIES, VALUES, DEPTH, BINS = 50, 20, 3, 32
FORMS = ("codes", "one-hot")
MOST = 1.3


def tables(rows: int, form: str) -> tuple[Any, Any, Any]:
    """Return columns of guest and host, and labels, which hang on ten of the categories."""
    rng = np.random.default_rng(0)
    guest, codes = rng.normal(size=(rows, 5)), rng.integers(0, VALUES, size=(rows, CATEGORIES))
    effects = rng.normal(size=(10, VALUES))
    said = sum(effects[column, codes[:, column]] for column in range(10))
    y = (said + guest.sum(axis=1) + rng.normal(size=rows) > 0).astype(int)
    if form == "codes":
        return guest, codes.astype(float), y
    hot = codes[:, :, np.newaxis] == np.arange(VALUES)
    return guest, hot.reshape(rows, -1).astype(np.float32), y


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--trees", type=int, default=2)
    parser.add_argument("--form", choices=FORMS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.form:
        found = train(*tables(options.rows, options.form), DEPTH, BINS, "auto", options.trees)
        print(json.dumps(found))
        return
    costs = {}
    for form in FORMS:
        command = [
            sys.executable, "-m", "tests.trees.measure_one_hot", "--form", form,
            "--rows", str(options.rows), "--trees", str(options.trees),
        ]  # fmt: skip
        ran = subprocess.run(command, capture_output=True, text=True, check=True)
        costs[form] = json.loads(ran.stdout.splitlines()[-1])
        print(form, json.dumps(costs[form]), flush=True)
    ratio = costs["one-hot"]["cpu_seconds"] / costs["codes"]["cpu_seconds"]
    print(f"{ratio:.2f}")
    if options.json:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        result = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "commit": commit,
            "command": "python -m tests.trees.measure_one_hot",
            "machine": f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
            "rows": options.rows,
            "ratio": round(ratio, 3),
            "cases": costs,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if ratio > MOST:
        raise SystemExit(f"one-hot columns cost more than {MOST} times as much")


if __name__ == "__main__":
    main()
