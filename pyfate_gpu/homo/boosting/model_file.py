# SPDX-License-Identifier: Apache-2.0
"""Trees of many parties' rows in a file: a ZIP of JSON and arrays; no pickle."""

from __future__ import annotations

from typing import Any

from pyfate_gpu.homo.boosting.tree import Forest
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form

FORM = Form("pyfate-gpu homo trees", 1)


def write_forest(path: PathLike, header: dict[str, Any], forest: Forest) -> None:
    """Write a model, for its owner only; raises StorageError when the file cannot be written."""
    FORM.write(path, header, forest.as_arrays())


def read_forest(path: PathLike, estimator: str) -> tuple[dict[str, Any], Forest]:
    """Return header and trees of a model of the class `estimator`.

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
) -> tuple[dict[str, Any], Forest]:
    columns, names, classes = header["columns"], header["names"], header["classes"]
    if header["estimator"] != estimator:
        raise ValueError(f"it holds a {header['estimator']}: load it by that class")
    if type(columns) is not int or type(header["n_iter"]) is not int:
        raise ValueError("its header is not of this form")
    forest = Forest.from_arrays(arrays, columns)
    if not (
        isinstance(header["params"], dict)
        and isinstance(names, list)
        and len(names) in (0, columns)
        and isinstance(classes, list)
        and len(classes) in (0, max(2, len(forest.base)))
    ):
        raise ValueError("its parts do not fit together")
    return header, forest
