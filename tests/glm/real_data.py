# SPDX-License-Identifier: Apache-2.0
"""Models on real data, and how good they have to be."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu.data.labels import encode_classes
from pyfate_gpu.estimators import make_estimator

DATA = Path(os.environ.get("PYFATE_GPU_DATA") or Path(__file__).parents[3] / "shared" / "data")


def read_csv_split(name, rows=None):
    """Return guest features, labels and host features of a data set in files.

    Raises FileNotFoundError, saying how to name the folder.
    """
    paths = [DATA / f"{name}_hetero_{role}.csv" for role in ("guest", "host")]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is not here; PYFATE_GPU_DATA names the folder that has it"
            )
    guest, host = (np.loadtxt(path, delimiter=",", skiprows=1, max_rows=rows) for path in paths)
    assert np.array_equal(guest[:, 0], host[:, 0])
    return guest[:, 2:], guest[:, 1], host[:, 1:]


def load_diabetes():
    from sklearn import datasets

    x, y = datasets.load_diabetes(return_X_y=True)
    return x[:, :5], y, x[:, 5:]


def load_doctor_visits():
    from statsmodels.datasets import randhie

    table = randhie.load_pandas().data
    y = table.pop("mdvis").to_numpy(dtype=float)
    return table.iloc[:, :4].to_numpy(), y, table.iloc[:, 4:].to_numpy()


@dataclass(frozen=True)
class Case:
    """A model on data of guest and host, and the least value of one of its metrics on the same rows."""

    load: Callable[[], tuple[Any, Any, Any]]
    model: str
    metric: str
    least: float
    parameters: dict[str, Any] = field(default_factory=dict)

    def make(self, **parameters):
        """Return the model, with further parameters."""
        return make_estimator(self.model, self.parameters | parameters)

    def encode(self, y):
        """Return labels as the plaintext rule takes them."""
        encoded = encode_classes(y, np.unique(y)) if self.model == "logistic" else y
        return encoded.squeeze()


_NESTEROV = {"optimizer": "nesterov", "tol": 1e-6}
CASES = {
    "breast": Case(
        partial(read_csv_split, "breast"), "logistic", "auc", 0.9923, {"learning_rate": 0.15}
    ),
    "default_credit": Case(partial(read_csv_split, "default_credit"), "logistic", "auc", 0.715),
    "vehicle": Case(
        partial(read_csv_split, "vehicle_scale"), "logistic", "accuracy", 0.775,
        {**_NESTEROV, "learning_rate": 0.3, "alpha": 1e-5, "max_iter": 100},
    ),
    "student": Case(
        partial(read_csv_split, "student"), "linear", "r2", 0.18,
        {**_NESTEROV, "learning_rate": 0.5, "alpha": 1e-3, "max_iter": 60},
    ),
    "diabetes": Case(
        load_diabetes, "linear", "r2", 0.515,
        {**_NESTEROV, "learning_rate": 0.3, "alpha": 1e-3, "max_iter": 60},
    ),
    "randhie": Case(
        load_doctor_visits, "poisson", "d2", 0.08,
        {"optimizer": "adam", "learning_rate": 0.2, "max_iter": 25},
    ),
}  # fmt: skip
