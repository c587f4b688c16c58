# SPDX-License-Identifier: Apache-2.0
"""Kill workers of a cluster in the middle of a job, start it again each time, compare the weights.

``python -m tests.jobs.kill_workers --kills 20 --json tests/results/kills_of_workers.json``. All parties of the job
compute on one Ray cluster of this machine, two workers each. A worker drawn by chance dies by SIGKILL once the guest
has sent a number of messages drawn by chance. The party that lost it must say so and end the job; the same command then
goes on after the last checkpoint, and must end with the weights of a job that nothing happened to.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

from pyfate_gpu.errors import PartyFailedError
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.job import Job
from tests.jobs import kill_at_random
from tests.jobs.kill_at_random import Killing

ROWS = 200
"""So many that both workers of a party hold some."""


class KillingWorkers(Killing):
    """The job on a cluster at `address`."""

    def __init__(self, folder: Path, iterations: int, address: str) -> None:
        self.address = address
        super().__init__(folder, iterations, "newton")

    def run(self):
        """Run the job on the cluster."""
        text = self.path.read_text()
        if self.address not in text:
            there = f'backend = "ray"\nworkers = 2\naddress = "{self.address}"\n'
            text = text.replace('backend = "cpu"\n', there)
            self.path.write_text(text.replace("optimizer =", 'packing = "none"\noptimizer =', 1))
        launcher.run_job(Job.load(self.path), lambda line: None)

    def kill_worker(self, draw, share):
        """Kill one after that share of the guest's messages; go on; check; return what happened."""
        shutil.rmtree(self.out)
        planned = max(1, round(share * self.lines["guest"]))
        victims = []

        def watch():
            while len(self.transcript("guest")) < planned:
                time.sleep(0.005)
            found = actors()
            if found:
                victims.append(draw.choice(found))
                os.kill(victims[0], signal.SIGKILL)

        threading.Thread(target=watch, daemon=True).start()
        try:
            self.run()
            complaint = "nobody missed it: its party was done, or had not begun"
        except PartyFailedError as error:
            complaint = str(error)
        before = len(self.transcript("guest"))
        if victims:
            assert "a worker of ray:" in complaint or "nobody missed" in complaint, complaint
            self.run()
        assert self.weights() == self.expected, "other weights after a restart"
        sent = [json.loads(line) for line in self.transcript("guest")[before:]]
        resumed = [m["iteration"] for m in sent if m["name"].endswith("/batches")]
        return {
            "planned": planned,
            "of": self.lines["guest"],
            "complaint": complaint.partition(";")[0],
            "resumed_at": resumed[0] if resumed else None,
        }


def actors():
    """Processes of workers on this machine."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if b"ray::ShardActor" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except (OSError, ValueError):
            continue
    return found


def main():
    import ray

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--iterations", type=int, default=20)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    kill_at_random.ROWS = ROWS
    seed = random.randrange(2**32) if options.seed is None else options.seed
    draw, began = random.Random(seed), time.monotonic()
    context = ray.init(
        address="local", num_cpus=8, object_store_memory=512 << 20, include_dashboard=False,
        log_to_driver=False,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        killing = KillingWorkers(
            Path(folder), options.iterations, context.address_info["gcs_address"]
        )
        kills = []
        for number in range(options.kills):
            kills.append(killing.kill_worker(draw, (number + draw.random()) / options.kills))
            print(json.dumps(kills[-1]), flush=True)
    result = {
        "command": "python -m tests.jobs.kill_workers",
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "seed": seed,
        "iterations": options.iterations,
        "seconds": round(time.monotonic() - began),
        "kills": kills,
    }
    if options.json:
        options.json.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
