# SPDX-License-Identifier: Apache-2.0
"""A party's half of a model of trees in a file: a ZIP of JSON and arrays; no pickle (docs/models.md)."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from pyfate_gpu.data.binning.numeric import NumericBins
from pyfate_gpu.data.binning.splits import TableBins
from pyfate_gpu.data.labels import plain_classes
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.archive import Arrays, Form
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.model import FittedHalf
from pyfate_gpu.trees.tree import SplitTable

FORM = Form("pyfate-gpu trees", 1)


def write_half(path: PathLike, half: FittedHalf, header: dict[str, Any]) -> None:
    """Write a half, for its owner only; the file is the old one, the new one, or not there.

    Raises
    ------
    ConfigurationError
        When the classes are neither numbers nor texts.
    StorageError
        When the file cannot be written.
    """
    arrays: Arrays = {
        "cuts": np.concatenate([np.empty(0), *(each.cuts for each in half.bins.bins)]),
        "cuts_of_column": half.bins.counts - 1,
        "missing": half.bins.missing,
        "splits": half.table.as_array(),
    }
    if half.forest is not None:
        arrays |= half.forest.as_arrays()
    if half.classes is not None:
        arrays["classes"] = plain_classes(half.classes)
    own = {
        "names": half.names,
        "guest": half.forest is not None,
        "training": half.training,
    }
    FORM.write(path, own | header, arrays)


def read_half(path: PathLike) -> tuple[FittedHalf, dict[str, Any]]:
    """Return what `write_half` wrote.

    Raises
    ------
    StorageError
        When the file cannot be read.
    DataError
        When it is no model of this version, or damaged.
    """
    return FORM.read(path, lambda header, arrays: (_checked_half(header, arrays), header))


def _checked_half(header: dict[str, Any], arrays: Arrays) -> FittedHalf:
    names, guest = header["names"], header["guest"]
    sizes, missing = arrays["cuts_of_column"], arrays["missing"]
    if (
        type(guest) is not bool
        or type(header["n_iter"]) is not int
        or header["n_iter"] < 0
        or not isinstance(header["params"], dict)
        or type(header["training"]) is not str
        or not re.fullmatch("[0-9a-f]{32}", header["training"])
        or not (names is None or _are_names(names, len(sizes)))
    ):
        raise ValueError("its header is not of this form")
    if (
        sizes.ndim != 1
        or sizes.dtype != np.int64
        or (sizes < 0).any()
        or missing.shape != sizes.shape
        or missing.dtype != np.bool_
        or arrays["cuts"].shape != (int(sizes.sum()),)
    ):
        raise ValueError("its arrays do not fit together")
    cuts = np.split(arrays["cuts"], np.cumsum(sizes)[:-1]) if len(sizes) else []
    bins = TableBins(tuple(NumericBins(each) for each in cuts), missing)
    forest = Forest.from_arrays(arrays) if guest else None
    table = (
        SplitTable.from_array(arrays["splits"].reshape(-1, 3)) if forest is None else forest.table
    )
    for split in table.splits:
        if not 0 <= split.column < len(sizes) or not 0 <= split.cut <= sizes[split.column]:
            raise ValueError("a split is of no bin")
    return FittedHalf(
        bins,
        None if names is None else tuple(names),
        table,
        forest,
        _classes(arrays, forest),
        header["training"],
    )


def _classes(arrays: Arrays, forest: Forest | None) -> Any:
    classes = arrays.get("classes")
    if classes is None:
        return None
    count = 0 if forest is None else max(2, len(forest.base))
    if classes.shape != (count,) or len(np.unique(classes)) != count:
        raise ValueError("its classes do not fit its trees")
    return classes


def _are_names(names: Any, count: int) -> bool:
    return (
        isinstance(names, list)
        and len(names) == count == len(set(map(str, names)))
        and all(isinstance(name, str) for name in names)
    )
