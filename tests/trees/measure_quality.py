# SPDX-License-Identifier: Apache-2.0
"""Test quality beside XGBoost's on the same bins: ``python -m tests.trees.measure_quality --json FILE``; takes xgboost.

Both grow the same number of trees by the same penalties from four fifths of the rows and are judged by the rest.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu import HeteroBoostedTreesClassifier, HeteroBoostedTreesRegressor
from pyfate_gpu.data.binning.splits import TableBins
from tests.glm.real_data import CASES
from tests.trees.conftest import SMALL_KEY, run_parties

MAX_BIN = 32
#: XGBoost's names; both take them.
PENALTIES = {"reg_lambda": 1.0, "min_child_weight": 1.0, "base_score": 0.5}


@dataclass(frozen=True)
class Comparison:
    """A set, how large its forest is, and whether it is for classes.

    Parameters
    ----------
    source : str
        A case of real data, or ``digits``.
    rounds, depth : int
    rate : float
    classes : int
        1 for numbers.
    key_bits : int
    """

    source: str
    rounds: int
    depth: int
    rate: float
    classes: int = 2
    key_bits: int = 512


COMPARISONS = {
    "breast": Comparison("breast", 20, 3, 0.3),
    "default_credit, sample": Comparison("default_credit, sample", 20, 3, 0.3),
    "default_credit": Comparison("default_credit", 20, 4, 0.3),
    "default_credit, 50 trees": Comparison("default_credit", 50, 5, 0.1),
    "digits": Comparison("digits", 10, 4, 0.3, classes=10, key_bits=2048),
    "vehicle": Comparison("vehicle", 20, 4, 0.3, classes=4, key_bits=768),
    "diabetes": Comparison("diabetes", 20, 3, 0.1, classes=1),
    "student": Comparison("student", 20, 3, 0.1, classes=1),
}


def load(source: str) -> tuple[list[Any], Any]:
    """Return the tables of guest and host, and the labels."""
    if source == "digits":
        from sklearn.datasets import load_digits

        x, y = load_digits(return_X_y=True)
        return [x[:, :32], x[:, 32:]], y
    guest, y, host = CASES[source].load()
    return [np.asarray(guest, dtype=float), np.asarray(host, dtype=float)], np.asarray(y)


def divided(name: str) -> tuple[list[Any], Any, list[Any], Any]:
    """Return train and test rows of each party, and labels."""
    parts, y = load(COMPARISONS[name].source)
    if COMPARISONS[name].classes > 2:
        y = np.unique(y, return_inverse=True)[1]
    order = np.random.default_rng(0).permutation(len(y))
    train, tested = np.split(order, [int(len(y) * 0.8)])
    return [p[train] for p in parts], y[train], [p[tested] for p in parts], y[tested]


def quality(classes: int, truth: Any, predicted: Any) -> float:
    """Return the AUC, of several classes the mean of each against all others; of numbers R^2."""
    from sklearn.metrics import r2_score, roc_auc_score

    if classes == 1:
        return float(r2_score(truth, predicted))
    if classes == 2:
        return float(roc_auc_score(truth, predicted[:, 1]))
    return float(roc_auc_score(truth, predicted, multi_class="ovr"))


def ours(name: str) -> float:
    """Train between two parties and return the quality."""
    case = COMPARISONS[name]
    train, labels, tested, truth = divided(name)
    shared = SMALL_KEY | PENALTIES | {
        "n_estimators": case.rounds, "max_depth": case.depth, "learning_rate": case.rate, "max_bin": MAX_BIN,
        "min_samples_leaf": 1, "key_bits": case.key_bits, "multi_strategy": "one_output_per_tree",
    }  # fmt: skip
    if case.classes == 1:
        model, method = HeteroBoostedTreesRegressor(**shared), "predict"
    else:
        model, method = HeteroBoostedTreesClassifier(**shared), "predict_proba"
    found = run_parties(
        model, train[0], labels, train[1:], new=tested, predict=method, timeout=36_000
    )
    return quality(case.classes, truth, found.predicted)


def theirs(name: str) -> float:
    """Train XGBoost on the columns that our bins have cut, and return the quality."""
    import xgboost

    case = COMPARISONS[name]
    train, labels, tested, truth = divided(name)
    bins = [TableBins.fit(part, MAX_BIN) for part in train]
    codes = [
        np.hstack([each.assign(part) for each, part in zip(bins, parts, strict=True)])
        for parts in (train, tested)
    ]
    kind = xgboost.XGBRegressor if case.classes == 1 else xgboost.XGBClassifier
    model = kind(
        n_estimators=case.rounds, max_depth=case.depth, learning_rate=case.rate, tree_method="hist",
        max_bin=256, n_jobs=1, **PENALTIES,
    ).fit(codes[0], labels)  # fmt: skip
    method = model.predict if case.classes == 1 else model.predict_proba
    return quality(case.classes, truth, method(codes[1]))


def main() -> None:
    import xgboost

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("names", nargs="*", help="sets; all of them by default")
    options = parser.parse_args()
    cases = []
    for name in options.names or COMPARISONS:
        here, there = ours(name), theirs(name)
        metric = "r2" if COMPARISONS[name].classes == 1 else "auc"
        cases.append(
            {
                "set": name, "metric": metric, "ours": round(here, 5), "xgboost": round(there, 5),
                "difference": round(here - there, 6),
            }
        )  # fmt: skip
        print(json.dumps(cases[-1]), flush=True)
    if options.json:
        commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        found = {
            "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
            "commit": commit,
            "command": "python -m tests.trees.measure_quality",
            "xgboost": xgboost.__version__,
            "gradient_bits": HeteroBoostedTreesClassifier().gradient_bits,
            "cases": cases,
        }
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
