# SPDX-License-Identifier: Apache-2.0
"""Estimate jobs on real data, run a few iterations of each in one process, and compare CPU seconds.

``python -m tests.jobs.measure_estimate --json tests/results/estimates.json`` takes five minutes of one core; not
a test. CPU seconds of all parties together are compared, of iterations after the first, which makes tables. They too
depend on what else the machine does: each estimate is made right before the job that it is compared with.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from pyfate_gpu import simulate, use_backend
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation.topology import WITH_ARBITER
from pyfate_gpu.jobs.calibration import calibrate
from pyfate_gpu.jobs.estimate import estimate
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.storage.toml import dump_toml
from tests.glm.real_data import CASES

TREES = {"type": "boosted_trees_classifier", "max_depth": 3}
#: By name: a case of real data, parameters, and how many hosts share its host's columns.
JOBS = {
    "breast": ("breast", {}, 1),
    "breast, arbiter_optimizer": ("breast", {"mode": "arbiter_optimizer"}, 1),
    "breast, masked batches": ("breast", {"batch_size": 100, "masked_rate": 2.0}, 1),
    "breast, two hosts": ("breast", {}, 2),
    "vehicle, four classes": ("vehicle", {}, 1),
    "default_credit": ("default_credit", {}, 1),
    "randhie, Poisson": ("randhie", {}, 1),
    "breast, trees": ("breast", TREES, 1),
    "default_credit, trees": ("default_credit", TREES, 1),
    "default_credit, trees, two hosts": ("default_credit", TREES, 2),
}


class Clock:
    """CPU seconds of this process at the guest's reports of its iterations, and seconds by party and step."""

    def __init__(self):
        self.times, self.steps = [], {}

    def on_iteration(self, report):
        if report.party == "guest":
            self.times.append(time.process_time())
        if report.iteration > 1:
            for step, seconds in report.usage.seconds.items():
                self.steps.setdefault(report.party, {}).setdefault(step, []).append(seconds)

    def __deepcopy__(self, memo):
        return self


def run(model, parts, y):
    """Train in one process; return the CPU seconds of each iteration but the first."""
    clock = Clock()
    parameters = model.get_params() | {"callbacks": [clock]}

    def party(*data):
        own = type(model)(**parameters)
        return lambda session: own.fit(*data, session=session)

    helped = WITH_ARBITER in type(model).topologies
    arbiter = {"arbiter": party()} if helped else {}
    hosts = [party(part) for part in parts[1:]]
    simulate(guest=party(parts[0], y), hosts=hosts, timeout=3600, **arbiter)
    return np.diff(clock.times).tolist(), clock.steps


def measure(name, key_bits, iterations):
    case, parameters, hosts = JOBS[name]
    source = CASES[case]
    guest, y, host = source.load()
    parts = [guest, *np.array_split(host, hosts, axis=1)]
    key = {"key_bits": key_bits, "allow_insecure_key_size": key_bits < 2048}
    parameters = dict(parameters)
    kind = parameters.pop("type", source.model)
    if kind == source.model:
        parameters |= source.parameters | {"max_iter": iterations + 1, "tol": 0.0}
    else:
        parameters["n_estimators"] = iterations + 1
    parameters |= key
    model = make_estimator(kind, parameters)
    names = ["guest", *(f"host-{index}" for index in range(hosts))]
    classes = len(np.unique(y)) if source.model == "logistic" else 1
    shape = JobShape(
        len(y),
        {party: part.shape[1] for party, part in zip(names, parts, strict=True)},
        outputs=classes if classes > 2 else 1,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.toml"
        tables = {f"data.{party}": {"path": "not read"} for party in names}
        job = {"name": "measure", "directory": "out"}
        path.write_text(dump_toml({"job": job, "model": {"type": kind, **parameters}, **tables}))
        found = estimate(
            Job.load(path), shape, calibrate(key_bits, allow_insecure_key_size=key_bits < 2048)
        )
    expected = sum(sum(steps.values()) for steps in found.seconds.values())
    used, steps = run(model, parts, y)
    return (
        {
            "rows": len(y),
            "columns": list(shape.columns.values()),
            "outputs": shape.outputs,
            "key_bits": key_bits,
            "estimated": round(expected, 3),
            "used": [round(seconds, 3) for seconds in used],
            "ratio": round(expected / float(np.mean(used)), 3),
        },
        found.seconds,
        steps,
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS))
    parser.add_argument("--key-bits", type=int, default=2048)
    parser.add_argument("--iterations", type=int, default=2)
    parser.add_argument("--steps", action="store_true", help="show seconds by step, wall clock")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = {}
    for name in options.jobs:
        with use_backend("cpu", threads=1):
            results[name], estimated, steps = measure(name, options.key_bits, options.iterations)
        print(name, json.dumps(results[name]), flush=True)
        if options.steps:
            for party, of_party in steps.items():
                for step, seconds in of_party.items():
                    expected = estimated[party].get(step, 0.0)
                    print(f"  {party} {step}: {expected:.4f}, used {np.mean(seconds):.4f}")
        if options.json:
            date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            options.json.write_text(json.dumps({"date": date, "jobs": results}, indent=1) + "\n")


if __name__ == "__main__":
    main()
