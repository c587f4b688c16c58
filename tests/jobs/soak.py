# SPDX-License-Identifier: Apache-2.0
"""Restart the training of a small job for an hour, in one process and under a fixed ceiling of memory.

``python tests/jobs/soak.py --minutes 60 --json result.json``. Guest, host and arbiter are threads that talk over
mutual TLS, with files, certificates, checkpoints and transcripts as in a job of processes. Each round a party drawn
by chance dies at an iteration drawn by chance, everything starts again from the checkpoints, and the weights at
the end must be those of a training that nothing happened to, bit for bit.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import threading
import time
from pathlib import Path
from unittest import mock

import numpy as np

from pyfate_gpu.errors import PyFateError
from pyfate_gpu.jobs.checkpoints import Checkpoints
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import _certify
from pyfate_gpu.jobs.party import run_party
from pyfate_gpu.jobs.ports import reserved_ports
from pyfate_gpu.storage.toml import dump_toml

PARTIES = ("guest", "host-0", "arbiter")
ITERATIONS = 6
WARM_UP = 3  # rounds before memory is compared
ROWS = 40


class Death(Exception):
    """What befalls a party."""


class Soak:
    """Rounds of training, and what was seen in them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.rounds = self.restarts = 0
        self.expected = None
        self._write(np.random.default_rng(seed))

    def _write(self, rng):
        x = rng.normal(size=(ROWS, 5))
        y = (x.sum(axis=1) > 0).astype(int)
        for name, head, columns in (
            ("guest", "id,y,a,b", x[:, :2]),
            ("host", "id,c,d,e", x[:, 2:]),
        ):
            lines = [head]
            for row in range(ROWS):
                label = [str(y[row])] if name == "guest" else []
                lines.append(",".join([f"u{row:02d}", *label, *map(repr, columns[row].tolist())]))
            (self.folder / f"{name}.csv").write_text("\n".join(lines))
        tables = {
            "job": {
                "name": "soak", "directory": "out", "checkpoint_every": 1, "timeout": 300.0, "peer_timeout": 120.0,
                "report": False,  # matplotlib keeps fonts for each thread, up to 64 of them; a party's process has one
            },
            "model": {
                "type": "logistic", "max_iter": ITERATIONS, "tol": 0.0, "key_bits": 512,
                "allow_insecure_key_size": True,
            },
            "engine": {"backend": "cpu", "threads": 1},
            "data.guest": {"path": "guest.csv", "label": "y"},
            "data.host-0": {"path": "host.csv"},
        }  # fmt: skip
        (self.folder / "job.toml").write_text(dump_toml(tables))

    def round(self):
        """Train to the end, with a death on the way unless it is the first round."""
        if self.expected is None:
            assert self._run() == []
            self.expected = self._weights()
        self.deadly = (self.random.choice(PARTIES), self.random.randrange(1, ITERATIONS))
        errors = self._run()
        assert any(isinstance(error, Death) for error in errors), errors
        assert all(isinstance(error, Death | PyFateError) for error in errors), errors
        self.restarts += 1
        assert self._run() == []
        assert self._weights() == self.expected, "other weights after a restart"
        self.rounds += 1

    deadly: tuple[str, int] | None = None

    def _run(self):
        """Run all parties; return the errors they ended with."""
        job = Job.load(self.folder / "job.toml")
        job.directory.mkdir(exist_ok=True)
        _certify(job)
        errors = []

        def run(configuration):
            try:
                run_party(configuration)
            except Exception as error:
                errors.append(error)

        with reserved_ports(len(job.parties)) as ports:
            configurations = job.configurations(ports).values()
            threads = [threading.Thread(target=run, args=(c,)) for c in configurations]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for error in errors:
            error.__traceback__ = error.__context__ = (
                None  # which would keep the arrays of the dead alive
            )
        return errors

    def _weights(self):
        return [
            json.loads((self.folder / "out" / party / "result.json").read_text())["coef"]
            for party in PARTIES[:2]
        ]

    def save(self, original, checkpoints, iteration, state):
        """In place of Checkpoints.save: keeps the state, then perhaps dies."""
        original(checkpoints, iteration, state)
        party = checkpoints._folder.parent.name
        if self.deadly == (party, iteration):
            self.deadly = None
            raise Death(f"{party} died after iteration {iteration}")


def resident():
    """Bytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def soak(seconds, ceiling, seed=1, show=print):
    """Go round for so long; raises when a weight differs or memory goes beyond `ceiling` bytes."""
    with tempfile.TemporaryDirectory() as folder:
        state = Soak(Path(folder), seed)
        began, warm, highest, shown = time.monotonic(), 0, 0, 0.0
        save = Checkpoints.save
        with mock.patch.object(Checkpoints, "save", lambda *a: state.save(save, *a)):
            while state.rounds <= WARM_UP or time.monotonic() - began < seconds:
                state.round()
                highest = max(highest, resident())
                assert highest <= ceiling, f"{highest} bytes in memory, the ceiling is {ceiling}"
                if state.rounds == WARM_UP:
                    warm = resident()
                if time.monotonic() - shown > 60:
                    shown = time.monotonic()
                    show(
                        f"{shown - began:.0f} s: {state.rounds} rounds, {resident() >> 20} MiB",
                        flush=True,
                    )
        return {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "seconds": round(time.monotonic() - began),
            "rounds": state.rounds,
            "restarts": state.restarts,
            "ceiling_mib": ceiling >> 20,
            "mib_after_warm_up": warm >> 20,
            "highest_mib": highest >> 20,
            "last_mib": resident() >> 20,
            "threads_left": threading.active_count(),
        }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--ceiling", type=int, default=384, help="MiB in memory")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    result = soak(60 * options.minutes, options.ceiling << 20, options.seed)
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
