# SPDX-License-Identifier: Apache-2.0
"""Rate and memory of arrays in files beside arrays in memory, each in a process of its own, in turns.

``python -m tests.backends.measure_out_of_core --memory-mb 256 --json tests/results/out_of_core.json``. An array of
three times the memory goes through encryption, addition, sum and decryption. The encryption is by the owner of the key.

``python -m tests.backends.measure_out_of_core --workers 2 --memory-mb 1024`` does so at the workers of a Ray cluster
whose object store has that memory, and whose workers have an equal part of it each for arrays and the key in a file.
The memory is that of all workers and of what lies in the object store.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from pyfate_gpu.bench.machine import fingerprint

TIMES = 3  # the array is so much larger than the memory
ROW_BYTES = 512
KEY_BITS = 2048


def work(rows: int, workers: int, memory_mb: int) -> None:
    """Print seconds of each step by the processors' time, and the most memory beyond that of a small array."""
    import numpy as np

    from pyfate_gpu import generate_keypair, save_private_key, use_backend
    from pyfate_gpu.backends.ray import cluster

    _, private = generate_keypair(KEY_BITS)
    if workers:
        cluster.STORE_BYTES = memory_mb << 20
        key_file = Path(os.environ["KEY_FOLDER"]) / "key.json"
        save_private_key(private, key_file)
        use_backend("ray", workers=workers, key_file=str(key_file))
    x = np.arange(rows, dtype=np.int32)
    c = private.encrypt(x[:1000])
    private.decrypt(c + 1)
    processes = processes_of(c) if workers else ["self"]
    before, seconds = sum(map(peak, processes)), {}

    def step(name, call):
        start = sum(map(processor_seconds, processes))
        result = call()
        seconds[name] = sum(map(processor_seconds, processes)) - start
        return result

    c = step("encrypt", lambda: private.encrypt(x))
    d = step("add", lambda: c + c)
    total = step("sum", lambda: d.sum())
    some = step("decrypt", lambda: private.decrypt(d[:: max(1, rows // 4000)]))
    right = private.decrypt(total) == 2 * int(x.sum(dtype=np.int64))
    right = right and (some == 2 * x[:: max(1, rows // 4000)]).all()
    most = (sum(map(peak, processes)) - before) >> 20
    print(json.dumps({"right": bool(right), "mib": most, "seconds": seconds}))


def processes_of(c) -> list[int]:
    """Of the workers that have an array."""
    workers = c._engine.workers
    everybody = range(workers.count)
    return workers.wait([workers.call(worker, "process", 0) for worker in everybody])


def processor_seconds(process: int | str = "self") -> float:
    """That a process has used, all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak(process: int | str = "self") -> int:
    """Bytes of the most memory that a process had, the object store's pages among it."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) << 10
    raise SystemExit("this system does not tell a process's memory")


def turn(rows: int, memory_mb: int | None, workers: int, store_mb: int) -> dict:
    """One process, or one and its workers; no files without `memory_mb`."""
    environment = {k: v for k, v in os.environ.items() if k != "PYFATE_GPU_MEMORY_MB"}
    if memory_mb is not None:
        environment["PYFATE_GPU_MEMORY_MB"] = str(memory_mb // max(1, workers))
    script = [sys.executable, "-m", "tests.backends.measure_out_of_core"]
    sizes = ["--workers", str(workers), "--memory-mb", str(store_mb)]
    command = [*script, "--work", str(rows), *sizes]
    with tempfile.TemporaryDirectory() as folder:
        environment["KEY_FOLDER"] = folder
        done = subprocess.run(
            command, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--memory-mb", type=int, default=256)
    parser.add_argument("--workers", type=int, default=0, help="of a Ray cluster; 0: this process")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work is not None:
        work(options.work, options.workers, options.memory_mb)
        return
    rows = TIMES * (options.memory_mb << 20) // ROW_BYTES
    found = {"files": [], "memory": []}
    for _ in range(options.turns):
        for kind, memory_mb in (("files", options.memory_mb), ("memory", None)):
            found[kind].append(turn(rows, memory_mb, options.workers, options.memory_mb))
    ratios = {
        name: round(
            statistics.median(t["seconds"][name] for t in found["memory"])
            / statistics.median(t["seconds"][name] for t in found["files"]),
            3,
        )
        for name in found["files"][0]["seconds"]
    }
    result = {
        "command": f"python -m tests.backends.measure_out_of_core --memory-mb {options.memory_mb}"
        f" --workers {options.workers}",
        "machine": fingerprint(),
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
