# SPDX-License-Identifier: Apache-2.0
"""Kill parties of a small job all over its course, start it again each time, compare the weights.

``python -m tests.jobs.kill_at_random --kills 20 --json tests/results/kills.json``. The victims take turns. Each dies by
SIGKILL, a moment drawn by chance after a message drawn by chance: the first from the first part of the job, the last
from the last part. The job is then started again by the same command, and must end with the weights of one that
nothing happened to, to the last bit, and so with those of the plaintext rule to 1e-6.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np

from pyfate_gpu.errors import PartyFailedError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.storage.toml import dump_toml
from tests.jobs.mortal_party import mortal

PARTIES = ("guest", "host-0", "arbiter")
ROWS, COLUMNS, GUEST_COLUMNS = 60, 36, 10
LONGEST_DELAY = 0.05  # seconds: a few iterations


class Killing:
    """A job, and what it ends with undisturbed."""

    def __init__(self, folder: Path, iterations: int, optimizer: str) -> None:
        self.path, self.out = folder / "job.toml", folder / "out"
        parts, y = self._write(folder, iterations, optimizer)
        self.run()
        self.expected = self.weights()
        self.lines = {party: len(self.transcript(party)) for party in PARTIES}
        model = make_estimator("logistic", Job.load(self.path).parameters)
        plain = fit_plaintext(parts, y, model.settings()).weights
        found = [np.append(self.expected[0], self.result("guest")["intercept"]), self.expected[1]]
        for a, b in zip(found, plain, strict=True):
            np.testing.assert_allclose(a, b.ravel(), atol=1e-6)

    def _write(self, folder, iterations, optimizer):
        rng = np.random.default_rng(3)
        # Columns that lean on each other, so that a search takes many passes.
        x = rng.normal(size=(ROWS, COLUMNS)) + rng.normal(size=(ROWS, 1)) * 2
        y = (x[:, ::2].sum(axis=1) > x[:, 1::2].sum(axis=1)).astype(int)
        parts = [x[:, :GUEST_COLUMNS], x[:, GUEST_COLUMNS:]]
        for name, columns in zip(("guest", "host"), parts, strict=True):
            head = ["id", *(["y"] if name == "guest" else [])]
            lines = [",".join([*head, *(f"{name[0]}{i}" for i in range(columns.shape[1]))])]
            for row, values in enumerate(columns.tolist()):
                label = [str(y[row])] if name == "guest" else []
                lines.append(",".join([f"u{row:02d}", *label, *map(repr, values)]))
            (folder / f"{name}.csv").write_text("\n".join(lines))
        tables = {
            "job": {
                "name": "kill", "directory": "out", "checkpoint_every": 3, "timeout": 300.0, "peer_timeout": 60.0,
                "report": False,
            },
            "model": {
                "type": "logistic", "max_iter": iterations, "tol": 0.0, "key_bits": 512, "optimizer": optimizer,
                "batch_size": None if optimizer == "newton" else ROWS // 2, "allow_insecure_key_size": True,
            },
            "engine": {"backend": "cpu", "threads": 1},
            "data.guest": {"path": "guest.csv", "label": "y"},
            "data.host-0": {"path": "host.csv"},
        }  # fmt: skip
        self.path.write_text(dump_toml(tables))
        return parts, y.astype(float)

    def run(self):
        """Run the job; raise PartyFailedError when a party dies."""
        launcher.run_job(Job.load(self.path), lambda line: None)

    def run_and_kill(self, victim, messages, seconds):
        """Run it from its beginning and kill `victim`; return how that ended."""
        shutil.rmtree(self.out)
        try:
            with mortal(victim, messages, seconds):
                self.run()
        except PartyFailedError as error:
            return str(error)
        return "nobody died"

    def transcript(self, party):
        """Return the whole lines of a party's transcript."""
        path = self.out / party / "transcript.jsonl"
        return path.read_bytes().split(b"\n")[:-1] if path.exists() else []

    def result(self, party):
        return json.loads((self.out / party / "result.json").read_text())

    def weights(self):
        return [self.result(party)["coef"] for party in PARTIES[:2]]

    def kill(self, victim, share, seconds):
        """Kill `victim` so long after that share of its messages, go on, check; return what happened."""
        planned = max(1, round(share * self.lines[victim]))
        complaint = self.run_and_kill(victim, planned, seconds)
        assert complaint == f"{victim} was killed by SIGKILL", complaint
        lines = [json.loads(line) for line in self.transcript(victim)]
        before = len(self.transcript("guest"))
        self.run()
        assert self.weights() == self.expected, "other weights after a restart"
        sent = [json.loads(line) for line in self.transcript("guest")[before:]]
        resumed = next(m["iteration"] for m in sent if m["name"].endswith("/batches"))
        return {
            "victim": victim,
            "planned": planned,
            "messages": len(lines),
            "of": self.lines[victim],
            "last_message": lines[-1]["name"].partition("/")[2],
            "iteration": max(line["iteration"] for line in lines),
            "resumed_at": resumed,
        }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=40)
    parser.add_argument("--optimizer", default="newton")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    draw, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        killing, kills = Killing(Path(folder), options.iterations, options.optimizer), []
        for number in range(options.kills):
            share = (number + draw.random()) / options.kills
            delay = draw.uniform(0, LONGEST_DELAY)
            kills.append(killing.kill(PARTIES[number % len(PARTIES)], share, delay))
            print(json.dumps(kills[-1]), flush=True)
    result = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "seed": seed,
        "optimizer": options.optimizer,
        "iterations": options.iterations,
        "seconds": round(time.monotonic() - began),
        "kills": kills,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
