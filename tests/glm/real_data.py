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

#: What every clone has.
SAMPLES = Path(__file__).parents[1] / "samples"
#: Where whole data sets are looked for that are too large for a clone.
WHOLE = Path(os.environ.get("PYFATE_GPU_DATA") or Path(__file__).parents[3] / "shared" / "data")


def _read_split(paths):
    guest, host = (np.loadtxt(path, delimiter=",", skiprows=1) for path in paths)
    assert np.array_equal(guest[:, 0], host[:, 0])
    return guest[:, 2:], guest[:, 1], host[:, 1:]


def load_sample(name):
    """Return guest features, labels and host features of a data set in tests/samples."""
    return _read_split(SAMPLES / f"{name}_hetero_{role}.csv.gz" for role in ("guest", "host"))


def load_whole(name):
    """Return those of all its rows; raises FileNotFoundError, saying how to name the folder."""
    paths = [WHOLE / f"{name}_hetero_{role}.csv" for role in ("guest", "host")]
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is not here: PYFATE_GPU_DATA names a folder with all rows of {name}, of which every "
                "clone has a sample in tests/samples"
            )
    return _read_split(paths)


def load_breast_cancer():
    """Return scikit-learn's data, standardised and split as FATE's example splits them."""
    from sklearn import datasets

    x, y = datasets.load_breast_cancer(return_X_y=True)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    return x[:, 20:], y, x[:, :20]


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
    "breast": Case(load_breast_cancer, "logistic", "auc", 0.9923, {"learning_rate": 0.15}),
    "default_credit": Case(partial(load_whole, "default_credit"), "logistic", "auc", 0.715),
    "default_credit, sample": Case(
        partial(load_sample, "default_credit"), "logistic", "auc", 0.7265
    ),
    "vehicle": Case(
        partial(load_sample, "vehicle_scale"), "logistic", "accuracy", 0.775,
        {**_NESTEROV, "learning_rate": 0.3, "alpha": 1e-5, "max_iter": 100},
    ),
    "student": Case(
        partial(load_sample, "student"), "linear", "r2", 0.18,
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
