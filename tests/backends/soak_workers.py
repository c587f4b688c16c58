# SPDX-License-Identifier: Apache-2.0
"""Compute at the workers of a cluster for an hour: every result right, and memory that does not grow.

``python -m tests.backends.soak_workers --minutes 60 --json tests/results/soak_workers.json``. Each round makes arrays
of a length drawn by chance, works on them in all ways that move rows or do not, and compares with NumPy. Every tenth
round has a key of its own. The driver's and the workers' memory is noted each half minute.
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import time
from pathlib import Path

import numpy as np

from pyfate_gpu import generate_keypair, use_backend
from pyfate_gpu.bench.machine import fingerprint

LONGEST = 4000
ROUNDS_A_KEY = 10
FEW = 8
"""Results that a worker may hold at the end, when nothing but a key is left."""
EVERY = 30.0
"""Seconds between two looks at the memory."""
GROWTH = 1.10
"""Of the last half's largest beside the first half's, the first tenth left out."""


class Soak:
    """Rounds of work under the backend that is chosen."""

    def __init__(self, key_bits: int, seed: int = 0, longest: int = LONGEST) -> None:
        self.rng = np.random.default_rng(seed)
        self.key_bits = key_bits
        self.longest = longest
        self.rounds = 0

    def round(self) -> None:
        """Make arrays, compute, compare."""
        rng = self.rng
        if self.rounds % ROUNDS_A_KEY == 0:
            self.public, self.private = generate_keypair(
                self.key_bits, allow_insecure_key_size=True
            )
            # The longest at once, so that each key's first round is its largest.
            rows = self.longest
        else:
            rows = int(rng.integers(1, self.longest))
        x = rng.integers(-1000, 1000, rows)
        matrix = rng.integers(-100, 100, (rows, 3))
        bins = rng.integers(0, 8, (rows, 2))
        order = rng.permutation(rows)
        c = self.public.encrypt(x)
        placed = self.public.place(matrix)
        self._same(c + c * 3 - x, 3 * x)
        self._same(placed.T @ c, matrix.T @ x)
        self._same(placed @ self.public.encrypt([1, 2, 3]), matrix @ [1, 2, 3])
        self._same(c[order], x[order])
        self._same(np.concatenate([c[: rows // 3], c]), np.concatenate([x[: rows // 3], x]))
        sums = [np.bincount(column, weights=x, minlength=8) for column in bins.T]
        self._same(c.segment_sum(bins, 8), np.array(sums))
        assert self.private.decrypt(c.sum()) == x.sum()
        self.rounds += 1

    def held(self) -> list[tuple[int, int]]:
        """Results and keys at each worker, once nothing but this key is left."""
        gc.collect()
        workers = self.public.encrypt([0])._engine.workers
        everybody = range(workers.count)
        return workers.wait([workers.call(worker, "holds", 0) for worker in everybody])

    def processes(self) -> list[int]:
        """Of the workers."""
        workers = self.public.encrypt([0])._engine.workers
        everybody = range(workers.count)
        return workers.wait([workers.call(worker, "process", 0) for worker in everybody])

    def _same(self, found, expected) -> None:
        np.testing.assert_array_equal(self.private.decrypt(found), expected)


def mebibytes(process: int | str = "self") -> float:
    """A process's memory that is its own: pages of the object store are everybody's."""
    fields = Path(f"/proc/{process}/statm").read_text().split()
    return round((int(fields[1]) - int(fields[2])) * resource.getpagesize() / 2**20, 1)


def store_mebibytes() -> float:
    """What lies in the object store."""
    import ray

    name = "object_store_memory"
    return round((ray.cluster_resources()[name] - ray.available_resources()[name]) / 2**20, 1)


def run(minutes: float, key_bits: int, workers: int) -> dict:
    """All rounds that end in time, and what was seen."""
    seen = []
    with use_backend("ray", workers=workers):
        soak = Soak(key_bits)
        end, due = time.monotonic() + 60 * minutes, time.monotonic() + EVERY
        while time.monotonic() < end or len(seen) < 3:
            soak.round()
            if time.monotonic() > due:
                due += EVERY
                at_workers = [mebibytes(process) for process in soak.processes()]
                seen.append([soak.rounds, mebibytes(), *at_workers, store_mebibytes()])
                print(*seen[-1], flush=True)
        held = soak.held()
    table = np.array(seen[max(1, len(seen) // 10) :])
    first, last = np.array_split(table, 2)
    growth = (last.max(axis=0) / np.maximum(first.max(axis=0), 1.0))[1 : 2 + workers]
    return {
        "command": f"python -m tests.backends.soak_workers --minutes {minutes:g} --key-bits {key_bits}",
        "machine": fingerprint(),
        "workers": workers,
        "rounds": soak.rounds,
        "held_at_the_end": held,
        "growth": growth.round(3).tolist(),
        "fixed": bool((growth < GROWTH).all()) and max(results for results, _ in held) <= FEW,
        "columns": ["round", "driver MiB", *["worker MiB"] * workers, "object store MiB"],
        "seen": seen,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--key-bits", type=int, default=1024)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = run(options.minutes, options.key_bits, options.workers)
    print(json.dumps({name: value for name, value in found.items() if name != "seen"}, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    if not found["fixed"]:
        raise SystemExit("memory grows")


if __name__ == "__main__":
    main()
