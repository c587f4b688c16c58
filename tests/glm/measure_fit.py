# SPDX-License-Identifier: Apache-2.0
"""CPU seconds and bytes of fits and iterations with 2048 bits, beside those of an earlier build; no test.

``python -m tests.glm.measure_fit [NAME ...] [--beside PYTHON] [--turns 7] [--json FILE]``

PYTHON is the interpreter of an environment that an earlier commit is built in (``make`` there: .venv/bin/python);
both builds then take turns, and medians are compared. All parties of a fit share a process. NAMEs are

- ``fit breast``, ``fit default_credit``: the default model, until its loss is a thousandth of the way from the
  optimum (the search) or until it stops (the earlier build, and how far it came), with all that is made once;
- ``fit breast, beside adam``: the same, beside adam .15 of the earlier build until it comes as near;
- ``logistic default_credit`` and others: an iteration of nesterov. The first one, which makes tables, is not
  counted, nor the last one, whose end does not prepare another.

Without NAMEs all of them run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

from pyfate_gpu.data.preparation import FeaturePipeline
from tests.glm.real_data import load_sample, load_whole

GAP = 1e-3
ROOT = Path(__file__).parents[2]


def _digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return x[:, :32], y, x[:, 32:]


def _linear():
    rng = np.random.default_rng(14)
    parts = [rng.normal(size=(20_000, 10)) for _ in range(3)]
    y = sum(part @ rng.normal(size=10) for part in parts) + rng.normal(size=20_000)
    return parts[0], y, parts[1], parts[2]


@dataclass(frozen=True)
class Fit:
    """What is measured: data (guest, labels, hosts), a model, its parameters."""

    load: object
    parameters: dict = field(default_factory=dict)
    model: str = "HeteroLogisticRegression"
    #: Of the earlier build, which then is measured until it comes as near.
    earlier: dict = field(default_factory=dict)

    @property
    def is_whole(self):
        """Whether a whole default fit is measured, and not an iteration."""
        return not self.parameters


def _steps(iterations):
    return {"optimizer": "nesterov", "learning_rate": 0.15, "tol": 0.0, "max_iter": iterations}


FITS = {
    "fit breast": Fit(partial(load_whole, "breast")),
    "fit default_credit": Fit(partial(load_whole, "default_credit")),
    "fit breast, beside adam": Fit(
        partial(load_whole, "breast"),
        earlier={"optimizer": "adam", "learning_rate": 0.15, "tol": 0.0, "max_iter": 60},
    ),
    "logistic default_credit": Fit(partial(load_whole, "default_credit"), _steps(4)),
    "logistic breast": Fit(partial(load_whole, "breast"), _steps(10)),
    "logistic vehicle, 4 classes": Fit(partial(load_sample, "vehicle_scale"), _steps(6)),
    "logistic digits, 10 classes": Fit(_digits, _steps(4)),
    "linear, two hosts": Fit(_linear, _steps(4), "HeteroLinearRegression"),
}


def run(python, fit, folder):
    """Run one fit with an interpreter; return what it says."""
    here = python == sys.executable
    environment = dict(os.environ)
    if not here:
        environment.pop("PYTHONPATH", None)
    script = Path(__file__).with_name("fit_once.py")
    finished = subprocess.run(
        [python, str(script), str(folder)],
        cwd=ROOT if here else folder,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(finished.stdout.splitlines()[-1])


def gap_of(losses, data):
    """Return where losses of a logistic model are between the optimum, 0, and the loss at 0, 1."""
    guest, y, *hosts = data
    parts = [
        FeaturePipeline.fit(part, standardize=True, clip=2.0).transform(part).values
        for part in (guest, *hosts)
    ]
    x = np.hstack([parts[0], np.ones((len(y), 1)), *parts[1:]])
    penalty = np.full(x.shape[1], 0.01)
    penalty[parts[0].shape[1]] = 0.0
    slope = x.T @ (y - 0.5) / len(y)
    weights = np.linalg.solve(x.T @ x / (4 * len(y)) + np.diag(penalty), slope)
    optimum = np.log(2) - slope @ weights / 2
    return (np.asarray(losses) - optimum) / (np.log(2) - optimum)


def cost(found, fit, data, *, until_gap):
    """Return CPU seconds and bytes of a fit, or of one of its iterations."""
    if not fit.is_whole:
        times, sent = found["seconds"][:-1], found["sent"][1:-1]
        return {
            "cpu_seconds": (times[-1] - times[0]) / len(sent),
            "bytes": sum(sent) / len(sent),
            "held_bytes": found["held"],
        }
    gaps = gap_of(found["losses"], data)
    passes = len(gaps)
    near = np.flatnonzero(gaps <= GAP)
    if until_gap and len(near):
        passes = int(near[0]) + 1
    return {
        "cpu_seconds": found["seconds"][passes - 1],
        "bytes": sum(found["sent"][:passes]),
        "held_bytes": found["held"],
        "passes": passes,
        "gap": float(gaps[passes - 1]),
        "passes_in_all": len(gaps),
        "cpu_seconds_in_all": found["total"],
        "gap_at_the_end": float(gaps[-1]),
    }


def measure(name, beside, turns):
    """Yield the medians of both builds, and their ratio, after each turn."""
    fit = FITS[name]
    guest, y, *hosts = data = fit.load()
    sides = {"here": sys.executable} | ({"beside": beside} if beside else {})
    costs = {side: [] for side in sides}
    with tempfile.TemporaryDirectory() as folder:
        parts = {f"part{number}": part for number, part in enumerate((guest, *hosts))}
        np.savez(Path(folder, "data.npz"), y=y, **parts)
        for turn in range(turns):
            for side in list(sides)[:: 1 if turn % 2 else -1]:
                parameters = fit.parameters | (fit.earlier if side == "beside" else {})
                model = {"model": fit.model, "parameters": {"key_bits": 2048} | parameters}
                Path(folder, "fit.json").write_text(json.dumps(model))
                found = run(sides[side], fit, folder)
                costs[side].append(cost(found, fit, data, until_gap=side == "here" or fit.earlier))
                print(name, side, json.dumps(costs[side][-1]), flush=True)
            yield summary(costs) | {
                "turns": turn + 1,
                "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            }


def summary(costs):
    """Return medians by side, and of the ratios."""
    result = {
        side: {key: median(each[key] for each in found) for key in found[0]}
        for side, found in costs.items()
    }
    if "beside" in costs:
        pairs = list(zip(costs["beside"], costs["here"], strict=True))
        result["ratio"] = {
            key: round(median(b[key] / h[key] for b, h in pairs), 2)
            for key in ("cpu_seconds", "bytes", "held_bytes")
        }
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FITS)}")
    parser.add_argument("--beside", metavar="PYTHON")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    unknown = set(options.names) - set(FITS)
    if unknown:
        parser.error(f"there is no {sorted(unknown)[0]!r}: choose from {', '.join(FITS)}")
    found = {}
    if options.json and options.json.exists():
        found = json.loads(options.json.read_text())
    for name in options.names or FITS:
        for result in measure(name, options.beside, options.turns):
            found[name] = result
            if options.json:
                options.json.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        print(name, json.dumps(found[name], indent=1), flush=True)


if __name__ == "__main__":
    main()
