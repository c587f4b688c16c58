# SPDX-License-Identifier: Apache-2.0
"""Sums of chosen elements and histograms: one call of the engine each, no copies of ciphertexts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.he import CiphertextArray as EngineArray
from pyfate_gpu.he import concatenate
from pyfate_gpu.he.array.bounds import check_bound
from pyfate_gpu.integrations.heu.schema import PheRuntimeError

Index = npt.NDArray[np.int64]


def sums_of(c: EngineArray, groups: Sequence[Index]) -> EngineArray:
    """A vector of sums of elements by their numbers; of none, an encryption of 0."""
    lengths = [group.size for group in groups]
    order = np.concatenate([*groups, np.empty(0, dtype=np.int64)])
    return _segments(c, order, np.cumsum([0, *lengths]), (len(groups),))


def bucket_sums(
    values: Any, subgroups: Sequence[Any], buckets: npt.NDArray[Any], count: int, cumulate: bool
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
    results = [_histogram(matrix, np.flatnonzero(mask), bins, features * count) for mask in masks]
    return [_running(part, features, count) if cumulate else part for part in results]


def _histogram(values: Any, rows: Index, bins: Index, total: int) -> Any:
    """Sums of the rows in each of all bins."""
    columns = values.shape[1]
    flat = bins[rows].ravel()
    order = np.argsort(flat, kind="stable")
    source = np.repeat(rows, bins.shape[1])[order]
    if not isinstance(values, EngineArray):
        result = np.zeros((total, columns), dtype=object)
        np.add.at(result, flat[order], values.astype(object)[source])
        return result
    # A bin is `columns` segments, one for each column.
    lengths = np.bincount(flat, minlength=total)
    cells = [source[start : start + length] for start, length in zip(
        np.cumsum(lengths) - lengths, lengths, strict=True)]  # fmt: skip
    index = [cell * columns + column for cell in cells for column in range(columns)]
    offsets = np.concatenate([[0], np.cumsum(np.repeat(lengths, columns))])
    joined = np.concatenate([*index, np.empty(0, dtype=np.int64)])
    return _segments(values, joined, offsets, (total, columns))


def _running(sums: Any, features: int, count: int) -> Any:
    """Sums over buckets up to each, of all features at once."""
    parts = [sums[np.arange(features) * count + bucket] for bucket in range(count)]
    for bucket in range(1, count):
        parts[bucket] = parts[bucket - 1] + parts[bucket]
    order = (np.arange(count) * features + np.arange(features)[:, None]).ravel()
    joined = concatenate(parts) if isinstance(sums, EngineArray) else np.concatenate(parts)
    return joined[order]


def _segments(
    c: EngineArray, order: Index, offsets: npt.NDArray[Any], shape: tuple[int, ...]
) -> EngineArray:
    longest = int(np.diff(offsets).max(initial=1))
    bound = check_bound(c.bound * longest, c.public_key, f"a sum of {longest} terms")
    rows = c._engine.segment_sum(
        c._rows, np.ascontiguousarray(order, dtype=np.int64), offsets.astype(np.int64)
    )
    return c._replace(rows, shape, bound=bound)


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
