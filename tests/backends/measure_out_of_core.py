# SPDX-License-Identifier: Apache-2.0
"""Rate and memory of arrays in files beside arrays in memory, each in a process of its own, in turns.

``python -m tests.backends.measure_out_of_core --memory-mb 256 --json tests/results/out_of_core.json``. An array of
three times the memory goes through encryption, addition, sum and decryption. The encryption is by the owner of the key.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

TIMES = 3  # the array is so much larger than the memory
ROW_BYTES = 512
KEY_BITS = 2048


def work(rows: int) -> None:
    """Print seconds of each step by the processor's time, and the most memory beyond that of a small array."""
    import numpy as np

    from pyfate_gpu import generate_keypair

    _, private = generate_keypair(KEY_BITS)
    x = np.arange(rows, dtype=np.int32)
    private.decrypt(private.encrypt(x[:10]) + 1)
    before, seconds = peak(), {}

    def step(name, call):
        start = time.process_time()
        result = call()
        seconds[name] = time.process_time() - start
        return result

    c = step("encrypt", lambda: private.encrypt(x))
    d = step("add", lambda: c + c)
    total = step("sum", lambda: d.sum())
    some = step("decrypt", lambda: private.decrypt(d[:: max(1, rows // 4000)]))
    right = private.decrypt(total) == 2 * int(x.sum(dtype=np.int64))
    right = right and (some == 2 * x[:: max(1, rows // 4000)]).all()
    print(json.dumps({"right": bool(right), "mib": (peak() - before) >> 20, "seconds": seconds}))


def peak() -> int:
    """Bytes of the most memory that this process had."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    raise SystemExit("this system does not tell a process's memory")


def turn(rows: int, memory_mb: int | None) -> dict:
    """One process."""
    environment = {k: v for k, v in os.environ.items() if k != "PYFATE_GPU_MEMORY_MB"}
    if memory_mb is not None:
        environment["PYFATE_GPU_MEMORY_MB"] = str(memory_mb)
    command = [sys.executable, "-m", "tests.backends.measure_out_of_core", "--work", str(rows)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memory-mb", type=int, default=256)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        work(options.work)
        return
    rows = TIMES * (options.memory_mb << 20) // ROW_BYTES
    found = {"files": [], "memory": []}
    for _ in range(options.turns):
        found["files"].append(turn(rows, options.memory_mb))
        found["memory"].append(turn(rows, None))
    ratios = {
        name: round(
            statistics.median(t["seconds"][name] for t in found["memory"])
            / statistics.median(t["seconds"][name] for t in found["files"]),
            3,
        )
        for name in found["files"][0]["seconds"]
    }
    result = {
        "command": f"python -m tests.backends.measure_out_of_core --memory-mb {options.memory_mb}",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "rows": rows,
        "memory_mib": options.memory_mb,
        "peak_mib": max(t["mib"] for t in found["files"]),
        "peak_mib_in_memory": max(t["mib"] for t in found["memory"]),
        "right": all(t["right"] for turns in found.values() for t in turns),
        "rate_beside_memory": ratios,
        "turns": found,
    }
    print(json.dumps({k: v for k, v in result.items() if k != "turns"}, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
