# SPDX-License-Identifier: Apache-2.0
"""How the cost of a tree grows with rows and columns: ``python -m tests.trees.measure_growth --json FILE``.

CPU seconds of both parties, one thread, a key of 2,048 bits, the first tree aside; of several turns (``--repeats``) the
least counts. The exponent is the slope of a line through the logarithms.
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

from tests.trees.measure_size import take

DEPTH, BINS = 3, 32
#: What is varied: rows and columns of the host, and how rows share ciphertexts, the same for all sizes.
SERIES: dict[str, tuple[list[tuple[int, int]], str]] = {
    "rows": ([(rows, 10) for rows in (25_000, 50_000, 100_000, 200_000)], "rows"),
    "rows, one a ciphertext": ([(rows, 10) for rows in (6_000, 12_000, 24_000, 48_000)], "none"),
    "columns": ([(10_000, columns) for columns in (40, 80, 160, 320)], "none"),
}
MOST = 1.02


def exponent(sizes: list[float], costs: list[float]) -> float:
    """Return the slope of the logarithms.

    Examples
    --------
    >>> round(exponent([1, 2, 4], [3, 6, 12]), 6)
    1.0
    """
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def run(rows: int, columns: int, packing: str) -> float:
    """Return CPU seconds of a tree, in a process of its own."""
    command = [
        sys.executable, "-m", "tests.trees.measure_growth",
        "--one", str(rows), str(columns), "--packing", packing,
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(ran.stdout.splitlines()[-1])


def series(name: str, repeats: int) -> dict[str, Any]:
    """Return sizes, costs and the exponent of a series."""
    sizes, packing = SERIES[name]
    costs = [[run(*size, packing) for size in sizes] for _ in range(repeats)]
    least = np.min(costs, axis=0).tolist()
    varied = [float(rows if name.startswith("rows") else columns) for rows, columns in sizes]
    return {
        "varied": name,
        "packing": packing,
        "sizes": sizes,
        "cpu_seconds": least,
        "exponent": round(exponent(varied, least), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--one", type=int, nargs=2)
    parser.add_argument("--packing", default="none")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.one:
        print(take(*options.one, DEPTH, BINS, options.packing, 1)["cpu_seconds"])
        return
    found = []
    for name in SERIES:
        found.append(series(name, options.repeats))
        print(json.dumps(found[-1]), flush=True)
    if options.json:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        result = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "commit": commit,
            "command": "python -m tests.trees.measure_growth",
            "machine": f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
            "series": found,
        }
        options.json.write_text(json.dumps(result, indent=1) + "\n")
    if max(each["exponent"] for each in found) > MOST:
        raise SystemExit(f"an exponent is above {MOST}")


if __name__ == "__main__":
    main()
