# SPDX-License-Identifier: Apache-2.0
"""Kill parties of a small job at random moments, start it again each time, compare the weights.

``python tests/jobs/kill_at_random.py --kills 20``; takes minutes, so it is not a test. A job that ends before its party
is killed is checked like the last one, and the next one begins anew.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import threading
from pathlib import Path

import numpy as np

from pyfate_gpu import HeteroLogisticRegression, simulate
from pyfate_gpu.errors import PartyFailedError
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.toml import dump_toml

PARTIES = ("guest", "host-0", "arbiter")
PARAMETERS = {"max_iter": 60, "tol": 0.0, "key_bits": 512, "allow_insecure_key_size": True}


def expected(x, y):
    def party(*data):
        model = HeteroLogisticRegression(**PARAMETERS)
        return lambda session: model.fit(*data, session=session)

    return simulate(guest=party(x[:, :2], y), hosts=[party(x[:, 2:])], arbiter=party())


def run_once(path, victim, delay, while_starting, processes):
    """Run the job and kill `victim`; return the complaint, None if the job ended.

    `delay` is in seconds since the start, or since the parties have found each other.
    """
    processes.clear()
    lines = []
    timer = threading.Timer(delay, lambda: processes[victim].kill())

    def show(line):
        lines.append(line)
        if "guest is connected" in line and not while_starting:
            timer.start()

    if while_starting:
        timer.start()
    try:
        launcher.run_job(Job.load(path), show)
    except PartyFailedError as error:
        done = sum("guest: iteration" in line for line in lines)
        return f"{error}; the guest did {done} iterations in this run"
    finally:
        timer.cancel()
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--longest", type=float, default=6.0, help="most seconds before a kill")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 5))
    y = (x.sum(axis=1) > 0).astype(int)
    ids = [f"u{row:02d}" for row in range(40)]
    for name, header, columns in (("guest", "id,y,a,b", x[:, :2]), ("host", "id,c,d,e", x[:, 2:])):
        labels = [[str(label)] if name == "guest" else [] for label in y]
        lines = [
            ",".join([i, *label, *map(repr, row)])
            for i, label, row in zip(ids, labels, columns.tolist(), strict=True)
        ]
        (folder / f"{name}.csv").write_text("\n".join([header, *lines]))
    tables = {
        "job": {"name": "kill", "directory": "out", "checkpoint_every": 3, "timeout": 60},
        "model": {"type": "logistic", **PARAMETERS},
        "engine": {"backend": "cpu", "threads": 1},
        "data.guest": {"path": "guest.csv", "label": "y"},
        "data.host-0": {"path": "host.csv"},
    }
    path = folder / "job.toml"
    path.write_text(dump_toml(tables))
    models, processes = expected(x, y), {}
    start = launcher.subprocess.Popen

    def noted(command, **arguments):
        process = start(command, **arguments)
        processes[Path(command[-1]).parent.name] = process
        return process

    launcher.subprocess.Popen = noted
    kills = jobs = 0
    while True:
        victim = random.choice(PARTIES) if kills < options.kills else PARTIES[0]
        delay = random.uniform(0.5, options.longest) if kills < options.kills else 3600
        complaint = run_once(path, victim, delay, random.random() < 0.2, processes)
        if complaint is not None:
            kills += 1
            print(f"{kills}: after {delay:.2f} s: {complaint}", flush=True)
            continue
        for party in ("guest", "host-0"):
            found = json.loads((folder / "out" / party / "result.json").read_text())
            np.testing.assert_array_equal(found["coef"], models[party].coef_)
        jobs += 1
        print(f"job {jobs} ended with the expected weights", flush=True)
        if kills >= options.kills:
            return


if __name__ == "__main__":
    main()
