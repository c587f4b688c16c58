# SPDX-License-Identifier: Apache-2.0
"""Have XGBoost grow trees on columns that our bins have cut, and keep them for the tests.

``python -m tests.trees.make_xgboost_trees`` takes xgboost; the tests read what it wrote to tests/trees/xgboost and do
without.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu.data.binning.splits import TableBins
from pyfate_gpu.data.examples import load_breast_cancer_split
from tests.glm.real_data import CASES

FOLDER = Path(__file__).parent / "xgboost"
#: By name of a file, the case of real data; the last one is not in every clone.
SETS = {"breast": "breast", "sample": "default_credit, sample", "default_credit": "default_credit"}
MAX_BIN = 32
PARAMETERS = {"max_depth": 3, "reg_lambda": 1.0, "min_child_weight": 1.0, "base_score": 0.5}
LEARNING_RATE, ROUNDS = 0.3, 3


def load(name: str) -> tuple[list[Any], Any]:
    """Return the tables of guest and host, and the labels."""
    if name == "breast":
        split = load_breast_cancer_split()
        return [split.guest, split.host], split.y
    guest, y, host = CASES[SETS[name]].load()
    return [np.asarray(guest, dtype=float), np.asarray(host, dtype=float)], np.asarray(y)


def binned(parts: list[Any]) -> Any:
    """Return all columns in bins, the guest's first."""
    return np.hstack([TableBins.fit(part, MAX_BIN).assign(part) for part in parts]).astype(float)


def main() -> None:
    import xgboost

    FOLDER.mkdir(exist_ok=True)
    for name in SETS:
        parts, y = load(name)
        codes = binned(parts)
        model = xgboost.train(
            {"objective": "binary:logistic", "tree_method": "hist", "max_bin": 256, "nthread": 1,
             "eta": LEARNING_RATE, **PARAMETERS},
            xgboost.DMatrix(codes, y),
            ROUNDS,
        )  # fmt: skip
        whole = json.loads(model.save_raw("json"))
        trees = whole["learner"]["gradient_booster"]["model"]["trees"]
        kept = ("left_children", "right_children", "split_indices", "split_conditions")
        found = {
            "xgboost": xgboost.__version__,
            "trees": [{key: tree[key] for key in kept} for tree in trees],
            "mean prediction": float(model.predict(xgboost.DMatrix(codes)).mean()),
        }
        (FOLDER / f"{name}.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
