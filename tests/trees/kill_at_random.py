# SPDX-License-Identifier: Apache-2.0
"""Kill parties of a small job of trees all over its course, start it again each time, compare the trees.

``python -m tests.trees.kill_at_random --kills 20 --json tests/results/tree_kills.json``, with ``--lazy`` of lazy
gradients (tree_kills_lazy.json). The victims take turns. Each
dies by SIGKILL, a moment drawn by chance after a message drawn by chance: the first from the first part of the job, the
last from the last part. The job is then started again by the same command, and must end with the trees of the reference
in clear, to the last bit.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from pyfate_gpu.errors import PartyFailedError
from tests.jobs.mortal_party import mortal
from tests.trees.jobs import PARTIES, SmallJob

LONGEST_DELAY = 0.05  # seconds: some messages
LAZY = {"gradient_bits": 4, "lazy_gradients": "show_changed_rows"}


class Killing:
    """A job, and what it ends with undisturbed."""

    def __init__(self, folder: Path, **parameters: Any) -> None:
        forest = {"n_estimators": 12, "num_parallel_tree": 2, "subsample": 0.8}
        self.job = SmallJob(folder, **forest | parameters)
        self.job.run()
        self.expected = self.job.expected()
        assert self.job.trees() == self.expected
        self.lines = {party: len(self.transcript(party)) for party in PARTIES}

    def transcript(self, party: str) -> list[bytes]:
        """Return the whole lines of a party's transcript."""
        path = self.job.out / party / "transcript.jsonl"
        return path.read_bytes().split(b"\n")[:-1] if path.exists() else []

    def kill(self, victim: str, share: float, seconds: float) -> dict[str, Any]:
        """Kill `victim` so long after that share of its messages, go on, check; return what happened."""
        planned = max(1, round(share * self.lines[victim]))
        shutil.rmtree(self.job.out)
        complaint = "nobody died"
        try:
            with mortal(victim, planned, seconds):
                self.job.run()
        except PartyFailedError as error:
            complaint = str(error)
        assert complaint == f"{victim} was killed by SIGKILL", complaint
        lines = [json.loads(line) for line in self.transcript(victim)]
        before = len(self.transcript("guest"))
        self.job.run()
        assert self.job.trees() == self.expected, "other trees after a restart"
        sent = [json.loads(line) for line in self.transcript("guest")[before:]]
        return {
            "victim": victim,
            "planned": planned,
            "messages": len(lines),
            "of": self.lines[victim],
            "last_message": lines[-1]["name"].partition("/")[2],
            "iteration": max(line["iteration"] for line in lines),
            "resumed_at": next(m["iteration"] for m in sent if m["name"].endswith("/round")),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--lazy", action="store_true", help="send changed rows only, of 4 bits")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    draw, began = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        killing, kills = Killing(Path(folder), **LAZY if options.lazy else {}), []
        for number in range(options.kills):
            share = (number + draw.random()) / options.kills
            delay = draw.uniform(0, LONGEST_DELAY)
            kills.append(killing.kill(PARTIES[number % len(PARTIES)], share, delay))
            print(json.dumps(kills[-1]), flush=True)
    result = {
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "seed": seed,
        "seconds": round(time.monotonic() - began),
        "kills": kills,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
