# SPDX-License-Identifier: Apache-2.0
"""What travels in Flower's messages beside its own records, and updates as differences of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import DataError

RECORD = "pyfate_gpu.secure_sum"
"""Name of the ConfigRecord that requests and answers are in."""
METRICS = "metrics"
Arrays = dict[str, npt.NDArray[Any]]


def arrays_of(record: Any) -> Arrays:
    """The arrays of an ArrayRecord."""
    return {name: array.numpy() for name, array in record.items()}


def change(before: Arrays, after: Arrays, metrics: Mapping[str, float]) -> Arrays:
    """What an app learned: differences, and its metrics, as one update.

    Raises
    ------
    DataError
        When arrays have other names or shapes than those that it got.
    """
    if list(before) != list(after) and set(before) != set(after):
        raise DataError("the app returned other arrays than it got")
    update: Arrays = {}
    for name, old in before.items():
        new = after[name]
        if new.shape != old.shape:
            raise DataError(f"array {name!r} has shape {new.shape}, it was {old.shape}")
        if new.dtype.kind == "f":
            update["a/" + name] = (new.astype(np.float64) - old.astype(np.float64)).astype(
                new.dtype
            )
        else:
            update["a/" + name] = new.astype(np.int64) - old.astype(np.int64)
    if metrics:
        update[METRICS] = np.array(list(metrics.values()), dtype=np.float64)
    return update


def apply(before: Arrays, mean: Arrays) -> Arrays:
    """The arrays after a round: floats by their mean change, integers by the sum of changes."""
    found: Arrays = {}
    for name, old in before.items():
        step = mean["a/" + name]
        wide = np.float64 if old.dtype.kind == "f" else np.int64
        found[name] = np.asarray(old.astype(wide) + step.astype(wide)).astype(old.dtype)
    return found


def numbers(record: Mapping[str, Any], weight: str) -> tuple[dict[str, float], int]:
    """Metrics by name, in their order, and the weight; lists of metrics are refused.

    Raises
    ------
    DataError
        When there is no weight, or a metric is a list.
    """
    metrics = {name: value for name, value in sorted(record.items()) if name != weight}
    if weight not in record or any(isinstance(value, list) for value in record.values()):
        raise DataError(f"a reply has one number for each metric, and {weight!r} among them")
    return {name: float(value) for name, value in metrics.items()}, int(record[weight])
