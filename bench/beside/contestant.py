# SPDX-License-Identifier: Apache-2.0
"""One build in a process of its own: makes jobs and takes turns as lines on its input ask.

Run by path, by the Python of each build, so it imports nothing of this folder, and of the package only what
builds have long had. A line in is a request in JSON, a line out its answer.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from typing import Any

import pyfate_gpu
from pyfate_gpu.bench.machine import commit, pinned
from pyfate_gpu.bench.routines import ROUTINES
from pyfate_gpu.bench.routines.base import Size
from pyfate_gpu.bench.world import World


class Turns:
    """The job that takes turns now; one key for each length."""

    def __init__(self) -> None:
        self._worlds: dict[int, World] = {}
        self._job: Any = None

    def prepare(
        self, routine: str, key_bits: int, rows: int, features: int, fraction_bits: int
    ) -> str:
        """Make a job and let it run once; the answer is what is wrong with it."""
        if routine not in ROUTINES:
            return f"{routine} is no routine of this build"
        if key_bits not in self._worlds:
            self._worlds[key_bits] = World.create(key_bits)
        self._job = ROUTINES[routine].ours(
            self._worlds[key_bits], Size(rows, features, fraction_bits)
        )
        return "" if self._job.check(self._job.run()) else f"{routine} gives a wrong result"

    def turn(self, calls: int) -> float:
        """Processor seconds of a call."""
        gc.collect()
        gc.disable()
        start = time.process_time()
        for _ in range(calls):
            self._job.run()
        spent = time.process_time() - start
        gc.enable()
        return spent / calls


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # nothing else may write between the answers
    turns = Turns()
    print(json.dumps(commit() or pyfate_gpu.__version__), file=answers, flush=True)
    for line in sys.stdin:
        name, threads, arguments = json.loads(line)
        with pinned(threads), pyfate_gpu.use_backend(None, threads=threads):
            print(json.dumps(getattr(turns, name)(*arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
