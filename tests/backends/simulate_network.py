# SPDX-License-Identifier: Apache-2.0
"""What a network of 4, 16 and 64 workers would cost: on paper, from the messages that the operations send.

``python -m tests.backends.simulate_network --json tests/results/network_of_workers.json``. Each operation runs with as
many workers in threads, which count the bytes of all operands and results, at two numbers of rows; both grow in
proportion to rows but for a constant, so that any number of rows follows. Seconds of computing are those of one worker,
by the processor's time, divided by the workers. No network is used, and nothing waits for another operation: the
figures are of a model, and are upper bounds of what a cluster can gain.
"""

from __future__ import annotations

import argparse
import json
import time
from concurrent.futures import Future
from pathlib import Path

import numpy as np

from pyfate_gpu import generate_keypair
from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.sharded.engine import ShardedPublicEngine
from pyfate_gpu.backends.sharded.workers import LocalWorkers
from pyfate_gpu.backends.words import integers_to_words

WORKERS = (1, 4, 16, 64)
ROWS = (16384, 32768)
"""So many that sums over bins are made where the rows are, as they are of more."""
COLUMNS = 20
BINS = 64
CALL_SECONDS = 0.87e-3
"""Of the driver, for a call to an actor: measured, pipelined."""
LATENCY = 0.2e-3
LEAST_SECONDS = 0.5
"""Of all turns of an operation."""
CPU = CpuBackend()


class CountedWorkers(LocalWorkers):
    """Workers that count what would travel."""

    def __init__(self, count: int) -> None:
        super().__init__([CPU] * count, CPU.resolve(EngineOptions(threads=1)), "counted")
        self.reset()

    def reset(self) -> None:
        """Begin to count."""
        self.calls = self.sent = self.returned = 0
        self.received = np.zeros(self.count, dtype=np.int64)
        self.messages = np.zeros(self.count, dtype=np.int64)

    def call(self, worker, method, *operands):
        """Enqueue and count."""
        self.calls += 1
        for operand in operands:
            if isinstance(operand, Future):
                self.received[worker] += size_of(operand.result())
                self.messages[worker] += 1
            else:
                self.sent += size_of(operand)
        return super().call(worker, method, *operands)

    def wait(self, results):
        """Wait and count."""
        found = super().wait(results)
        self.returned += size_of(found)
        return found


def size_of(value) -> int:
    """Bytes of the arrays in it."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, list | tuple):
        return sum(map(size_of, value))
    return size_of(getattr(value, "index", None)) if hasattr(value, "number") else 0


def operations(engine, rows: int, rng) -> dict:
    """Callables by name."""
    plain = integers_to_words(rng.integers(-1000, 1000, rows))
    c, d = engine.encrypt(plain), engine.encrypt(plain)
    x = integers_to_words(rng.integers(-(1 << 26), 1 << 26, (rows, COLUMNS)))
    placed = engine.place(x)
    w = engine.encrypt(plain[:COLUMNS])
    bins = rng.integers(0, BINS, rows)
    order = np.argsort(bins, kind="stable")
    offsets = np.searchsorted(bins[order], np.arange(BINS + 1)).astype(np.int64)
    anywhere = rng.permutation(rows)
    return {
        "encrypt": lambda: engine.encrypt(plain),
        "add": lambda: engine.add(c, d),
        "X.T @ c": lambda: engine.matmul_placed(placed, True, c, 1),
        "X @ c": lambda: engine.matmul_placed(placed, False, w, 1),
        "sum": lambda: engine.segment_sum(c, np.arange(rows), np.array([0, rows])),
        "histogram": lambda: engine.segment_sum(c, order, offsets),
        "export": lambda: engine.export_words(c),
        "any rows": lambda: engine.take(c, anywhere),
    }


def measure(count: int, rows: int, numbers) -> dict:
    """Messages and seconds of each operation."""
    workers = CountedWorkers(count)
    engine = ShardedPublicEngine(numbers, workers, "counted")
    found = {}
    for name, call in operations(engine, rows, np.random.default_rng(0)).items():
        seconds = []
        while sum(seconds) < LEAST_SECONDS:
            workers.reset()
            start = time.process_time()
            call()
            seconds.append(time.process_time() - start)
        found[name] = {
            "seconds": min(seconds),
            "calls": workers.calls,
            "sent": workers.sent,
            "returned": workers.returned,
            "received": int(workers.received.max()),
            "messages": int(workers.messages.max()),
        }
    return found


def extrapolated(few: dict, many: dict, rows: int) -> dict:
    """At another number of rows: each figure on the line through two."""
    share = (rows - ROWS[0]) / (ROWS[1] - ROWS[0])
    return {name: max(0.0, few[name] + share * (many[name] - few[name])) for name in few}


def seconds_on(found: dict, alone: dict, workers: int, gigabits: float) -> float:
    """Of an operation: computing, the driver's line, the busiest worker's line, calls and latencies."""
    line = gigabits * 1e9 / 8
    moved = (found["sent"] + found["returned"] + found["received"]) / line
    waits = LATENCY * (2 + found["messages"]) + CALL_SECONDS * found["calls"]
    return alone["seconds"] / workers + moved + waits


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 10_000_000])
    parser.add_argument("--gigabits", type=float, nargs="+", default=[1.0, 10.0])
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    public, _ = generate_keypair(options.key_bits, allow_insecure_key_size=True)
    found = {w: [measure(w, rows, public.numbers) for rows in ROWS] for w in WORKERS}
    table = []
    for rows in options.rows:
        for name in found[1][0]:
            at = {w: extrapolated(few[name], many[name], rows) for w, (few, many) in found.items()}
            for w in WORKERS[1:]:
                gain = {
                    f"{gigabits:g} Gbit/s": round(
                        at[1]["seconds"] / seconds_on(at[w], at[1], w, gigabits), 1
                    )
                    for gigabits in options.gigabits
                }
                sizes = {key: round(at[w][key]) for key in ("sent", "returned", "received")}
                table.append(
                    {"rows": rows, "operation": name, "workers": w, **sizes, "times": gain}
                )
                print(table[-1])
    result = {
        "command": "python -m tests.backends.simulate_network",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "on paper": True,
        "columns": COLUMNS,
        "bins": BINS,
        "latency_s": LATENCY,
        "call_s": CALL_SECONDS,
        "measured_at_rows": ROWS,
        "messages": found,
        "table": table,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
