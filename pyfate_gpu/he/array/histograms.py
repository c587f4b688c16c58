# SPDX-License-Identifier: Apache-2.0
"""Histograms of encrypted rows. Bounds come from the number of rows, never from how full a bin is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import ShapeError
from pyfate_gpu.he.array.bounds import check_bound
from pyfate_gpu.he.array.bundles import Column
from pyfate_gpu.he.array.cells import plan
from pyfate_gpu.he.array.chains import running_sums
from pyfate_gpu.he.array.grouping import pair_neighbours
from pyfate_gpu.he.array.operands import align, check_same_home, common_kind
from pyfate_gpu.he.array.stages import Stages, wide_segments

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray

Index = npt.NDArray[np.int64]

SHARING_ROWS = 1024
"""With fewer rows it takes longer to find features that share cells than it saves."""


def histogram(c: CiphertextArray, rows: Index, bins: Index, total: int) -> CiphertextArray:
    """Sums of chosen rows in bins, each row in one bin of every feature.

    Parameters
    ----------
    c : CiphertextArray [n, columns]
    rows : int64 [m]
        Numbers of the chosen rows: how many, and which, is nobody else's business.
    bins : int64 [m, features]
        The bins of each chosen row, in [0, total).
    total : int
        Number of bins of all features together.

    Returns
    -------
    CiphertextArray [total, columns]
        Its bound is that of all n rows in one bin.

    Raises
    ------
    BoundError
        If that many rows could pass what the key holds.
    ShapeError
        If shapes do not fit, or there is no such row or bin.
    """
    _check_index(rows, c.shape[0], "row")
    _check_index(bins, total, "bin")
    if c.ndim != 2 or bins.ndim != 2 or rows.shape != bins.shape[:1]:
        raise ShapeError(
            f"a histogram of shape {c.shape} takes rows [m] and bins [m, features], not {rows.shape} and "
            f"{bins.shape}"
        )
    columns, most = c.shape[1], max(1, c.shape[0], len(rows)) * _most_often(bins)
    bound = check_bound(c.bound * most, c, f"a histogram of {c.shape[0]} rows")
    if len(rows) < SHARING_ROWS:
        found, sources, summed = bins.ravel(), np.repeat(rows, bins.shape[1]), c._rows
    else:
        stages, every = Stages(), np.arange(len(rows), dtype=np.int64)
        for part in pair_neighbours([_column(each) for each in bins.T]):
            plan(part, every, rows, stages, 0)
        # Several features may have a bin, and none some.
        found, sums = stages.bins, stages.run(c._engine, c._rows, columns)
        sources = np.arange(len(found), dtype=np.int64)
        summed = c._engine.concatenate(sums) if sums else c._rows
    # NumPy sorts 16 bits by radix.
    order = np.argsort(found.astype(np.min_scalar_type(max(total, 1))), kind="stable")
    segments = wide_segments(sources[order], np.bincount(found, minlength=total), columns)
    result = c._engine.segment_sum(summed, *segments)
    return c._replace(result, (total, columns), bound=bound)


def sums_of(c: CiphertextArray, groups: Sequence[Index]) -> CiphertextArray:
    """A vector of sums of chosen elements by their numbers; of none, an encryption of 0.

    Its bound is that of all elements together, or of as many as the longest group has if some come twice.
    """
    for group in groups:
        _check_index(group, c.size, "element")
    most = max([c.size, *(group.size for group in groups)])
    bound = check_bound(c.bound * most, c, f"a sum of {most} elements")
    return _segments(c, groups, (len(groups),), bound)


def cumulate(
    c: CiphertextArray, sizes: Sequence[int], step: int = 1, *, bound: int | None = None
) -> CiphertextArray:
    """Running sums over every `step`-th element within consecutive chunks of a vector.

    Parameters
    ----------
    c : CiphertextArray [sum of sizes]
    sizes : sequence of int
        Elements of each chunk.
    step : int
        Distance of the elements that are added, the columns of a histogram.
    bound : int, optional
        Of the sums, for who knows it: those of a histogram, where a row is in one bin of a chunk, are
        bounded as the histogram is. By default that of all elements of a chunk.

    Raises
    ------
    ShapeError
        If the chunks are not as long as the vector.
    BoundError
        If the sums could pass what the key holds.
    """
    if sum(sizes) != c.size:
        raise ShapeError(f"chunks of {sum(sizes)} elements in a vector of {c.size}")
    flat = c.ravel()
    if not c.size:
        return flat
    if bound is None:
        bound = c.bound * -(-max(sizes) // step)
    bound = check_bound(bound, c, f"running sums over {max(sizes)} elements")
    chunk = np.repeat(np.arange(len(sizes)), sizes)
    offsets = np.arange(c.size) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # A chain for each chunk and remainder of the step.
    chains = chunk * step + offsets % step
    elements = np.argsort(chains, kind="stable")
    lengths = np.unique(chains, return_counts=True)[1]
    sums, places = running_sums(flat._engine, flat._rows, elements, lengths)
    at = np.empty(c.size, dtype=np.int64)
    at[elements] = places
    return flat._replace(flat._engine.take(sums, at), flat.shape, bound=bound)


def subtract(whole: CiphertextArray, part: CiphertextArray) -> CiphertextArray:
    """Histogram of the rows that are in `whole` and not in `part`, whose rows are all in `whole`.

    Its bound is that of `whole`: it is a histogram of some of its rows.

    Raises
    ------
    ShapeError
        If the histograms have other shapes.
    """
    if whole.shape != part.shape:
        raise ShapeError(f"histograms of shapes {whole.shape} and {part.shape}; they must be alike")
    check_same_home(whole, part)
    exponent = min(whole.exponent, part.exponent)
    bound = whole.bound << whole.exponent - exponent
    check_bound(bound, whole, "a difference of histograms")
    engine = whole._engine
    rows = engine.add(align(whole, exponent)._rows, engine.negate(align(part, exponent)._rows))
    kind, encoder = common_kind([whole, part])
    return whole._replace(
        rows, whole.shape, exponent=exponent, bound=bound, kind=kind, encoder=encoder
    )


def _segments(
    c: CiphertextArray, groups: Sequence[Index], shape: tuple[int, ...], bound: int
) -> CiphertextArray:
    """Sums of elements by their numbers, one call of the engine and no copies of ciphertexts."""
    offsets = np.cumsum([0, *(len(group) for group in groups)], dtype=np.int64)
    order = np.concatenate([*groups, np.empty(0, dtype=np.int64)]).astype(np.int64, copy=False)
    rows = c._engine.segment_sum(c._rows, np.ascontiguousarray(order), offsets)
    return c._replace(rows, shape, bound=bound)


def _column(bins: Index) -> Column:
    """The bins of a feature, numbered as they occur."""
    first = int(bins.min(initial=0))
    occurs = np.zeros(int(bins.max(initial=0)) - first + 1, dtype=np.bool_)
    occurs[bins - first] = True
    own = np.flatnonzero(occurs)
    cells = (np.cumsum(occurs) - 1).astype(np.min_scalar_type(len(own)))[bins - first]
    return Column(cells, own + first)


def _most_often(bins: Index) -> int:
    """How often a row can come into one bin: once if its bins differ, otherwise once a feature."""
    if bins.shape[1] < 2:
        return 1
    ordered = np.sort(bins, axis=1)
    return bins.shape[1] if bool((ordered[:, 1:] == ordered[:, :-1]).any()) else 1


def _check_index(index: Index, length: int, name: str) -> None:
    if index.size and not 0 <= int(index.min()) <= int(index.max()) < length:
        raise ShapeError(
            f"{name} numbers run from {index.min()} to {index.max()}; they must be in [0, {length})"
        )
