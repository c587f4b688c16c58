# SPDX-License-Identifier: Apache-2.0
"""Bins with as many rows each as ties allow, exactly: from all distinct values, without a sketch."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from pyfate_gpu.data.binning.numeric import NumericBins, as_numbers, check_bin_count
from pyfate_gpu.typing import Floats, Integers

_LARGEST = float(np.finfo(np.float64).max)


def quantile_bins(column: npt.ArrayLike, max_bin: int) -> NumericBins:
    """Return at most `max_bin` bins with as many rows each as ties allow.

    Rows with the same value are never in two bins. Up to `max_bin` distinct values get a bin each. Otherwise
    a value with more than 1 / `max_bin` of the rows has a bin of its own as long as there are bins, and the
    others share what is left: each stretch between such values gets its next bin when it has most rows a bin
    of all stretches, and is cut where the number of rows comes nearest to even, the lower cut of two.
    Missing values do not count. A cut lies midway between two neighbours, so float32 and float64 of the same
    numbers have the same bins, and neighbouring whole numbers are cut at x + 1/2. The order of rows does not
    matter.

    Parameters
    ----------
    column : array-like of numbers [n]
        NaN for missing values; infinite ones are legal.
    max_bin : int
        From 1 to 32,000.

    Raises
    ------
    ConfigurationError
        When `max_bin` is no such number.
    DataError
        When it is no column of numbers.

    Examples
    --------
    >>> from pyfate_gpu.data.binning.quantiles import quantile_bins
    >>> quantile_bins([3, 1, 2, 2, 9], 10).cuts.tolist()
    [1.5, 2.5, 6.0]
    >>> quantile_bins([0, 0, 0, 0, 0, 0, 1, 2, 3, 4], 3).cuts.tolist()
    [0.5, 2.5]
    """
    most = check_bin_count("max_bin", max_bin)
    values, counts = distinct(column)
    return NumericBins(between(values, even_starts(counts, most)))


def distinct(column: npt.ArrayLike) -> tuple[Floats, Integers]:
    """Return the distinct values that are there, increasing, and how many rows have each."""
    values = as_numbers(column)
    found, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return found, counts.astype(np.int64)


def between(values: Floats, starts: npt.ArrayLike) -> Floats:
    """Return a cut below each of ``values[starts]``, midway to its lower neighbour.

    A cut c between neighbours a < b has a < c <= b, so it parts them whatever rounding did.

    Parameters
    ----------
    values : float64 [m]
        Strictly increasing.
    starts : int [k]
        The first values of the bins, without 0.
    """
    at = np.asarray(starts, dtype=np.int64)
    lower, upper = values[at - 1], values[at]
    # Infinity stands for the largest number. Halves of large numbers, whose sum is infinite, lose nothing, and
    # neither does the sum of small ones, whose halves may.
    near = np.clip(np.stack([lower, upper]), -_LARGEST, _LARGEST)
    large = np.abs(near).max(axis=0, initial=0.0) >= 1.0
    scale = np.where(large, 0.5, 1.0)
    middle = (near * scale).sum(axis=0) * (0.5 / scale)
    return np.where((middle > lower) & (middle <= upper), middle, upper)


def even_starts(counts: Integers, most: int) -> Integers:
    """Return at which of several values in order each bin begins, the first left out.

    Parameters
    ----------
    counts : int64 [m]
        Rows of each value.
    most : int
        Bins, see `quantile_bins`.
    """
    if len(counts) <= most:
        return np.arange(1, len(counts), dtype=np.int64)
    edges = _stretches(counts, most)
    cumulated = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    sizes = _shares(np.diff(edges), np.diff(cumulated[edges]), most)
    starts = [
        start
        for first, last, bins in zip(edges[:-1], edges[1:], sizes, strict=True)
        for start in _cut_evenly(cumulated, int(first), int(last), bins)
    ]
    return np.array(starts[1:], dtype=np.int64)


def _stretches(counts: Integers, most: int) -> Integers:
    """Return where stretches begin, and the end: each heavy value alone, and what is between them.

    When that makes more stretches than bins, heavy values are given up one by one, the lightest first.
    """
    heavy = np.flatnonzero(counts * most > counts.sum())
    heavy = heavy[np.argsort(-counts[heavy], kind="stable")]
    while True:
        edges = np.unique(np.concatenate([[0, len(counts)], heavy, heavy + 1])).astype(np.int64)
        if len(edges) - 1 <= most:
            return edges
        heavy = heavy[:-1]


def _shares(lengths: Integers, rows: Integers, most: int) -> list[int]:
    """Return how many bins each stretch gets: one, and the next where there are most rows a bin."""
    bins = [1] * len(lengths)
    # Fractions are compared as floats: counts are below 2**53, and equal fractions give equal floats.
    waiting = [(-float(r), i) for i, r in enumerate(rows) if lengths[i] > 1]
    heapq.heapify(waiting)
    for _ in range(most - len(bins)):
        if not waiting:
            break
        _, at = heapq.heappop(waiting)
        bins[at] += 1
        if bins[at] < lengths[at]:
            heapq.heappush(waiting, (-float(rows[at] / bins[at]), at))
    return bins


def _cut_evenly(cumulated: Integers, first: int, last: int, bins: int) -> list[int]:
    """Return the first value of each of `bins` bins over the values from `first` to before `last`."""
    starts = [first]
    for left in range(bins, 1, -1):
        start = starts[-1]
        done, total = int(cumulated[start]), int(cumulated[last])
        goal = done - (done - total) // left  # the next whole number, so that all is exact
        low, high = start + 1, last - left + 1  # each bin has a value
        at = int(np.clip(np.searchsorted(cumulated[: last + 1], goal), low, high))
        # The cut before is nearer when the goal is below the middle of both.
        if at > low and 2 * (total - done) <= left * int(
            cumulated[at - 1] + cumulated[at] - 2 * done
        ):
            at -= 1
        starts.append(at)
    return starts
