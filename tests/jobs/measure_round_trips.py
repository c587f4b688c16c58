# SPDX-License-Identifier: Apache-2.0
"""How many round trips an iteration takes: ``python -m tests.jobs.measure_round_trips``.

Parties in threads of one process, whose frames take half a round trip each; what an iteration takes more than
without delay, in round trips. Key of 512 bits, 230 rows. Writes tests/results/round_trips.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path

import numpy as np

from pyfate_gpu import HeteroLogisticRegression, simulate, use_backend
from pyfate_gpu.bench.machine import fingerprint
from tests.federation.distant import apart

ROWS, COLUMNS = 230, 4
RESULTS = Path(__file__).parents[1] / "results" / "round_trips.json"
KINDS = {
    "newton": {},
    "adam": {"optimizer": "adam"},
    "adam, validation": {"optimizer": "adam"},
    "adam, weight_diff": {"optimizer": "adam", "convergence": "weight_diff"},
}


def seconds_of_iterations(hosts, iterations, *, tested=False, **parameters):
    """Return the seconds of each iteration but the first, as the guest measured them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, COLUMNS * (hosts + 1)))
    y = (x.sum(axis=1) + rng.normal(size=ROWS) > 0).astype(int)
    parts = np.split(x, hosts + 1, axis=1)
    found = []

    class Clock:
        def on_iteration(self, report):
            if report.party == "guest":
                found.append(report.seconds)

        def __deepcopy__(self, memo):
            return self

    def party(columns=None, labels=None):
        def run(session):
            model = HeteroLogisticRegression(
                max_iter=iterations + 1,
                tol=0.0,
                key_bits=512,
                allow_insecure_key_size=True,
                callbacks=[Clock()],
                **parameters,
            )
            rows = None if columns is None or not tested else columns[:40]
            rows = rows if labels is None or rows is None else (rows, labels[:40])
            model.fit(columns, labels, session=session, validation=rows)

        return run

    simulate(guest=party(parts[0], y), hosts=[party(p) for p in parts[1:]], arbiter=party())
    return found[1:]


def measure(hosts, kind, round_trip, iterations):
    """Return seconds of an iteration without and with delay, and the round trips that it takes."""
    options = KINDS[kind] | {"tested": "validation" in kind}
    near = statistics.median(seconds_of_iterations(hosts, iterations, **options))
    with apart(round_trip):
        far = statistics.median(seconds_of_iterations(hosts, iterations, **options))
    return {
        "hosts": hosts,
        "kind": kind,
        "seconds_near": round(near, 4),
        "seconds": round(far, 4),
        "round_trips": round((far - near) / round_trip, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--round-trip", type=float, default=0.1)
    parser.add_argument("--iterations", type=int, default=9)
    parser.add_argument("--hosts", type=int, nargs="*", default=[1, 2, 4])
    arguments = parser.parse_args()
    found = []
    with use_backend("cpu", threads=1):
        for kind in KINDS:
            for hosts in arguments.hosts:
                found.append(measure(hosts, kind, arguments.round_trip, arguments.iterations))
                print(found[-1])
    head = {"machine": fingerprint(), "round_trip": arguments.round_trip, "rows": ROWS}
    RESULTS.write_text(json.dumps(head | {"key_bits": 512, "iterations": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
