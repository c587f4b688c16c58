# SPDX-License-Identifier: Apache-2.0
"""Train on real data between three processes, predict, and compare with the plaintext rule and its metrics.

``python -m tests.jobs.measure_models --json tests/results/models.json``: keys of 2048 bits, all rows, half an hour of
one core; not a test. Raises where a weight differs by 1e-6 or a metric misses its bar. Files of the data are looked for
where tests look for them; PYFATE_GPU_DATA names the folder.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from pyfate_gpu.estimators import find_estimator
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.jobs.result import HALF
from pyfate_gpu.storage.toml import dump_toml
from tests.glm.real_data import CASES

TOLERANCE = 1e-6


def write_tables(folder, guest, y, host):
    for name, head, columns in (("guest", ["id", "y"], guest), ("host", ["id"], host)):
        lines = [",".join([*head, *(f"{name}{index}" for index in range(columns.shape[1]))])]
        for row, values in enumerate(columns.tolist()):
            label = [repr(y[row].item())] if name == "guest" else []
            lines.append(",".join([f"{row:07d}", *label, *map(repr, values)]))
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")


def train_and_predict(folder, case, key):
    """Run the case's job in three processes, on the tables in `folder`."""
    source = {"guest": {"path": "guest.csv", "label": "y"}, "host-0": {"path": "host.csv"}}
    kinds = {f"{kind}.{p}": rows for kind in ("data", "predict") for p, rows in source.items()}
    tables = {
        "job": {"name": "measure", "directory": "out", "timeout": 3600.0, "report": False},
        "model": {"type": case.model, **case.parameters, **key},
        "engine": {"backend": "cpu", "threads": 1},
        **kinds,
    }
    (folder / "job.toml").write_text(dump_toml(tables))
    for predict in (False, True):
        run_job(Job.load(folder / "job.toml"), lambda line: None, predict=predict)


def measure(case, key):
    """Train, predict and compare; return what came of it."""
    guest, y, host = case.load()
    plain = fit_plaintext([guest, host], case.encode(y), case.make(**key).settings())
    with tempfile.TemporaryDirectory() as folder:
        write_tables(Path(folder), guest, y, host)
        began, before = time.monotonic(), cpu_of_children()
        train_and_predict(Path(folder), case, key)
        seconds, used = time.monotonic() - began, cpu_of_children() - before
        out = Path(folder, "out")
        own, other = (
            json.loads((out / p / "result.json").read_text()) for p in ("guest", "host-0")
        )
        metrics = json.loads((out / "guest" / "prediction.json").read_text())["metrics"]
        model = find_estimator(case.model).load(out / "guest" / HALF)
        expected = model.evaluate(y, plain.scores)
    weights = [
        np.vstack([np.atleast_2d(own["coef"]).T, np.atleast_1d(own["intercept"])[np.newaxis]]),
        np.atleast_2d(other["coef"]).T,
    ]
    differences = [
        np.abs(found - part.reshape(found.shape)).max()
        for found, part in zip(weights, plain.weights, strict=True)
    ]
    assert own["iterations"] == len(plain.losses)
    assert max(differences) < TOLERANCE
    assert abs(metrics[case.metric] - expected[case.metric]) < TOLERANCE
    assert metrics[case.metric] >= case.least
    return {
        "rows": len(y),
        "columns": [guest.shape[1], host.shape[1]],
        "key_bits": model.key_bits,
        "iterations": own["iterations"],
        "metric": case.metric,
        "encrypted": metrics[case.metric],
        "plaintext": expected[case.metric],
        "largest_difference_of_weights": float(max(differences)),
        "cpu_seconds": round(used),
        "seconds": round(seconds),
    }


def cpu_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--key-bits", type=int, default=2048, help="below 2048 for a trial")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    key = {"key_bits": options.key_bits, "allow_insecure_key_size": options.key_bits < 2048}
    found = {}
    for name in options.cases:
        found[name] = measure(CASES[name], key)
        print(name, json.dumps(found[name]), flush=True)
        if options.json:
            date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
            options.json.write_text(json.dumps({"date": date, "cases": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
