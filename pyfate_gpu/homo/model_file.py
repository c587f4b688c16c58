# SPDX-License-Identifier: Apache-2.0
"""A horizontal model in a file: a ZIP of JSON and arrays; no pickle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pyfate_gpu.errors import DataError
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, pack, unpack
from pyfate_gpu.storage.files import read_whole, write_atomically
from pyfate_gpu.typing import Floats

FORMAT = "pyfate-gpu homo model"
VERSION = 1
_HEADER = "model.json"


def write_model(path: PathLike, header: dict[str, Any], coef: Floats, intercept: Floats) -> None:
    """Write a model, for its owner only; raises StorageError when the file cannot be written."""
    text = json.dumps({"format": FORMAT, "version": VERSION, **header}, indent=1, allow_nan=False)
    arrays = {"coef": coef, "intercept": intercept}
    write_atomically(Path(path), pack(_HEADER, text, arrays))


def read_model(path: PathLike, estimator: str) -> tuple[dict[str, Any], Floats, Floats]:
    """Return header, coefficients and intercepts of a model of the class `estimator`.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no such model, or damaged.
    """
    data = read_whole(path)
    try:
        header, arrays = unpack(data, _HEADER, FORMAT, VERSION)
        _check(header, arrays, estimator)
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(f"{path} is no {FORMAT} {VERSION}: {error}") from None
    return header, arrays["coef"], arrays["intercept"]


def _check(header: dict[str, Any], arrays: Arrays, estimator: str) -> None:
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
