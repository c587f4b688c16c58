# SPDX-License-Identifier: Apache-2.0
"""Histograms of the rows of subgroups, for ciphertexts and for plain integers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.he import CiphertextArray as EngineArray
from pyfate_gpu.he.array.histograms import cumulate, histogram
from pyfate_gpu.integrations.heu.schema import PheRuntimeError


def bucket_sums(
    values: Any, subgroups: Sequence[Any], buckets: npt.NDArray[Any], count: int, running: bool
) -> list[Any]:
    """Sums [features * count, columns] for each subgroup; see `Evaluator.feature_wise_bucket_sum`.

    Parameters
    ----------
    values : ciphertexts or integers [rows, columns] or [rows]
    """
    rows = values.shape[0] if values.shape else 1
    masks = [np.asarray(group).ravel().astype(np.bool_) for group in subgroups]
    _check(rows, masks, buckets, count)
    features = buckets.shape[1]
    bins = buckets.astype(np.int64) + np.arange(features, dtype=np.int64) * count
    matrix = values.reshape(rows, -1) if rows else values.reshape(0, (*values.shape, 1)[1])
    if not isinstance(matrix, EngineArray):
        sums = [_plain_histogram(matrix, bins, mask, features * count) for mask in masks]
        return [_plain_running(each, features) for each in sums] if running else sums
    parts = [
        histogram(matrix, np.flatnonzero(mask), bins[mask], features * count) for mask in masks
    ]
    return [_running(each, features, count) for each in parts] if running else parts


def _running(sums: EngineArray, features: int, count: int) -> EngineArray:
    """Sums over buckets up to each; a row is in one bucket of a feature, so that bounds stay."""
    columns = sums.shape[1]
    chunks = [count * columns] * features
    return cumulate(sums, chunks, max(1, columns), bound=sums.bound).reshape(sums.shape)


def _plain_histogram(values: Any, bins: Any, mask: Any, total: int) -> npt.NDArray[np.object_]:
    result = np.zeros((total, values.shape[1]), dtype=object)
    np.add.at(result, bins[mask], values.astype(object)[mask][:, None])
    return result


def _plain_running(sums: npt.NDArray[np.object_], features: int) -> npt.NDArray[np.object_]:
    by_feature = sums.reshape(features, -1, sums.shape[1]) if sums.size else sums
    return np.asarray(np.cumsum(by_feature, axis=1) if sums.size else sums).reshape(sums.shape)


def _check(rows: int, masks: Sequence[Any], buckets: npt.NDArray[Any], count: int) -> None:
    if buckets.ndim != 2 or buckets.shape[0] != rows or buckets.dtype.kind not in "iu":
        raise PheRuntimeError(
            f"order_map has shape {buckets.shape} and dtype {buckets.dtype}; it must be integers of "
            f"shape ({rows}, features)"
        )
    if buckets.size and not 0 <= int(buckets.min()) <= int(buckets.max()) < count:
        raise PheRuntimeError(
            f"buckets run from {buckets.min()} to {buckets.max()}; they must be in [0, {count})"
        )
    for mask in masks:
        if mask.size != rows:
            raise PheRuntimeError(f"a subgroup map of {mask.size} elements came for {rows} rows")
