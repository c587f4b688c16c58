# SPDX-License-Identifier: Apache-2.0
"""Sums along axes and by segments, as products of chosen rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding.numbers import as_integer, is_masked
from pyfate_gpu.errors import ShapeError
from pyfate_gpu.he.array.bounds import check_bound
from pyfate_gpu.he.array.histograms import histogram
from pyfate_gpu.he.array.selection import row_numbers

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray

Axis = int | tuple[int, ...] | None

MAX_RESULT = 1 << 40
"""Ciphertexts of a result: beyond it, NumPy's own counts come near their end."""


def sum_axes(c: CiphertextArray, axis: Axis, keepdims: bool) -> CiphertextArray:
    """As `numpy.sum`."""
    reduced = _normalise_axes(axis, c.ndim)
    kept = tuple(a for a in range(c.ndim) if a not in reduced)
    terms = int(np.prod([c.shape[a] for a in reduced], dtype=np.int64))
    bound = check_bound(c.bound * terms, c, f"a sum of {terms} terms")
    count = int(np.prod([c.shape[a] for a in kept], dtype=np.int64))
    index = np.ascontiguousarray(row_numbers(c).transpose(kept + reduced)).ravel()
    offsets = np.arange(count + 1, dtype=np.int64) * terms
    rows = c._engine.segment_sum(c._rows, index, offsets)
    if keepdims:
        shape = tuple(1 if a in reduced else length for a, length in enumerate(c.shape))
    else:
        shape = tuple(c.shape[a] for a in kept)
    return c._replace(rows, shape, bound=bound)


def segment_sum(c: CiphertextArray, index: npt.ArrayLike, segments: int) -> CiphertextArray:
    """Rows of axis 0 added up by segment; see `CiphertextArray.segment_sum`."""
    segments = as_integer(segments, "segments", ShapeError)
    bins = _check_bins(c, index, segments)
    bound = check_bound(c.bound * max(1, len(c)), c, f"a sum of {len(c)} terms")
    shape = (bins.shape[1], segments) if bins.ndim == 2 else (segments, *c.shape[1:])
    count = math.prod(shape)
    if count > MAX_RESULT:
        raise ShapeError(
            f"{segments} segments give a result of shape {shape}, the limit is 2^40 ciphertexts; "
            f"number them without gaps: np.unique(index, return_inverse=True)[1]"
        )
    if bins.ndim == 2:
        # One histogram a feature: bins of feature f are segments f * segments + bin.
        cells = bins + np.arange(bins.shape[1]) * segments
        sums = histogram(c.reshape(-1, 1), np.arange(len(c)), cells, count)
        return sums.reshape(*shape)
    width = math.prod(c.shape[1:])
    cells = bins if width == 1 else (bins[:, None] * width + np.arange(width)).ravel()
    narrow = cells.astype(np.min_scalar_type(count))  # NumPy sorts 16 bits by radix
    order = np.argsort(narrow, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(cells, minlength=count))])
    rows = c._engine.segment_sum(
        c._rows, np.ascontiguousarray(order), offsets.astype(np.int64, copy=False)
    )
    return c._replace(rows, shape, bound=bound)


def _check_bins(c: CiphertextArray, index: npt.ArrayLike, segments: int) -> npt.NDArray[np.int64]:
    if c.ndim == 0:
        raise ShapeError("segment_sum needs at least one axis; this array is 0-dimensional")
    if segments < 0:
        raise ShapeError(f"segments is {segments}; it must not be negative")
    if is_masked(index):
        raise ShapeError("the index has masked elements, which name no segment; drop their rows")
    try:
        bins = np.asarray(index)
    except ValueError as error:
        raise ShapeError(f"cannot read the index as an array: {error}") from None
    fits = bins.shape == (len(c),) or (c.ndim == 1 and bins.ndim == 2 and len(bins) == len(c))
    if not fits or (bins.dtype.kind not in "iu" and bins.size):
        raise ShapeError(
            f"the index has shape {bins.shape} and dtype {bins.dtype}; for an array of shape "
            f"{c.shape} it must be integers of shape ({len(c)},), or ({len(c)}, features) if the "
            f"array has one axis"
        )
    if bins.size and (bins.min() < 0 or bins.max() >= segments):
        raise ShapeError(
            f"indices run from {bins.min()} to {bins.max()}; they must be in [0, {segments})"
        )
    return bins.astype(np.int64)


def _normalise_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    given = axis if isinstance(axis, tuple) else (axis,)
    axes = []
    for each in given:
        number = as_integer(each, "axis", ShapeError)
        if not -ndim <= number < ndim:
            raise ShapeError(f"axis {number} is out of range for an array of {ndim} axes")
        axes.append(number % ndim)
    if len(set(axes)) != len(axes):
        raise ShapeError(f"axes {given} name one axis twice")
    return tuple(axes)
