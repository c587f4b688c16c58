# SPDX-License-Identifier: Apache-2.0
"""A horizontal model in a file: a ZIP of JSON and arrays; no pickle."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form
from pyfate_gpu.typing import Floats

FORM = Form("pyfate-gpu homo model", 1)


def write_model(path: PathLike, header: dict[str, Any], coef: Floats, intercept: Floats) -> None:
    """Write a model, for its owner only; raises StorageError when the file cannot be written."""
    FORM.write(path, header, {"coef": coef, "intercept": intercept})


def read_model(path: PathLike, estimator: str) -> tuple[dict[str, Any], Floats, Floats]:
    """Return header, coefficients and intercepts of a model of the class `estimator`.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no such model, or damaged.
    """
    return FORM.read(path, lambda header, arrays: _checked(header, arrays, estimator))


def _checked(
    header: dict[str, Any], arrays: Arrays, estimator: str
) -> tuple[dict[str, Any], Floats, Floats]:
    if header["estimator"] != estimator:
        raise ValueError(f"it holds a {header['estimator']}: load it by that class")
    coef, intercept = arrays["coef"], arrays["intercept"]
    names, classes = header["names"], header["classes"]
    if (
        coef.dtype != np.float64
        or intercept.dtype != np.float64
        or coef.ndim != 2
        or not np.isfinite(coef).all()
        or not np.isfinite(intercept).all()
        or intercept.shape != coef.shape[:1]
        or type(header["n_iter"]) is not int
        or not isinstance(header["params"], dict)
        or not (isinstance(names, list) and len(names) in (0, coef.shape[1]))
        or not (isinstance(classes, list) and len(classes) in (0, max(2, len(coef))))
    ):
        raise ValueError("its parts do not fit together")
    return header, coef, intercept
