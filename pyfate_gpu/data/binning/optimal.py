# SPDX-License-Identifier: Apache-2.0
"""Bins with the largest information value that pre-bins can be merged to: exact, by dynamic programming.

With m pre-bins and at most b bins it takes b m^3 comparisons: m is at most `MAX_PREBINS`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.information_value import ALPHA
from pyfate_gpu.typing import Floats, Integers

MAX_PREBINS = 64
FREE, UP, DOWN, AUTO, PEAK = TRENDS = ("none", "up", "down", "auto", "peak")


@dataclass(frozen=True)
class Limits:
    """What bins have to be.

    Parameters
    ----------
    max_bins : int
    min_rows, min_events : float
        Fewest rows of a bin, and least count of a class.
    trend : {"none", "up", "down", "auto", "peak"}
        How the share of events goes from bin to bin: never down, never up, whichever of the two has the larger
        information value, or never down and then never up.
    """

    max_bins: int
    min_rows: float = 1
    min_events: float = 0
    trend: str = FREE


def optimal_starts(counts: Floats, rows: Integers, limits: Limits) -> Integers:
    """Return the first pre-bin of each bin of the best way to merge neighbours.

    The best has the largest information value, cells of 0 smoothed as by ``fate``, of more than two classes the
    sum of each against the rest; of equals the one with fewer bins. Without any way, all share a bin.

    Parameters
    ----------
    counts : float64 [m, classes]
        Of two classes the second one is the event.
    rows : int64 [m]
    limits : Limits
        A trend other than ``none`` takes two classes.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.binning.optimal import Limits, optimal_starts
    >>> counts = np.array([[90.0, 10.0], [80.0, 20.0], [90.0, 10.0], [30.0, 70.0]])
    >>> rows = np.full(4, 100)
    >>> optimal_starts(counts, rows, Limits(4)).tolist()
    [0, 1, 2, 3]
    >>> optimal_starts(counts, rows, Limits(4, trend="up")).tolist()
    [0, 1, 3]
    """
    if len(rows) < 2:
        return np.zeros(min(1, len(rows)), dtype=np.int64)
    values, rates = _values(counts, rows, limits), _rates(counts)
    trends = (UP, DOWN) if limits.trend == AUTO else (limits.trend,)
    found = [_search(values, rates, limits.max_bins, trend) for trend in trends]
    value, starts = max(found, key=lambda each: each[0])
    if value == -np.inf:
        return np.zeros(1, dtype=np.int64)
    return np.array(starts, dtype=np.int64)


def _values(counts: Floats, rows: Integers, limits: Limits) -> Floats:
    """Return what a bin from pre-bin i to before j adds to the information value; -inf where there is none."""
    summed = np.concatenate([np.zeros((1, counts.shape[1])), np.cumsum(counts, axis=0)])
    inside = summed[np.newaxis, :, :] - summed[:, np.newaxis, :]
    sizes = np.concatenate([[0], np.cumsum(rows)])
    sizes = sizes[np.newaxis, :] - sizes[:, np.newaxis]
    legal = np.triu(np.ones(sizes.shape, dtype=bool), 1)
    legal &= (sizes >= limits.min_rows) & (inside.min(axis=2) >= limits.min_events)
    total = np.zeros(sizes.shape)
    classes = counts.shape[1]
    for c in [1] if classes == 2 else range(classes):
        ones, zeros = inside[..., c], np.delete(inside, c, axis=2).sum(axis=2)
        total += _terms(ones, zeros, legal)
    return np.where(legal, total, -np.inf)


def _terms(ones: Floats, zeros: Floats, legal: NDArray[np.bool_]) -> Floats:
    """Return information values of bins, as `evidence_of` smooths by ``fate``."""
    total_one, total_zero = ones[0, -1] or 1.0, zeros[0, -1] or 1.0
    there = legal & (ones + zeros > 0)
    lacking = there & ((ones <= 0) | (zeros <= 0))
    one = np.where(there, np.maximum(ones, 0) + ALPHA * lacking, 1.0) / total_one
    zero = np.where(there, np.maximum(zeros, 0) + ALPHA * lacking, 1.0) / total_zero
    return np.where(there, (one - zero) * np.log(one / zero), 0.0)


def _rates(counts: Floats) -> tuple[Floats, Floats]:
    """Return events and all of the bin from pre-bin i to before j, to compare shares without division."""
    ones = np.concatenate([[0.0], np.cumsum(counts[:, -1])])
    both = np.concatenate([[0.0], np.cumsum(counts.sum(axis=1))])
    return ones[np.newaxis, :] - ones[:, np.newaxis], both[np.newaxis, :] - both[:, np.newaxis]


@dataclass(frozen=True)
class _Layer:
    """The best ways to so many bins, by their last one [i, j), and which bin comes before that."""

    rising: Floats
    falling: Floats
    before_rising: Integers
    before_falling: Integers
    turned: NDArray[np.bool_]


def _search(
    values: Floats, rates: tuple[Floats, Floats], most: int, trend: str
) -> tuple[float, list[int]]:
    """Return the largest value and the first pre-bins of its bins.

    ``rising`` bins have gone as wanted so far; ``falling`` ones, of a peak alone, have turned.
    """
    size = len(values)
    nothing = np.full((size, size), -np.inf)
    first = np.where(np.arange(size)[:, np.newaxis] == 0, values, -np.inf)
    none = np.zeros((size, size), dtype=np.int64)
    layers = [_Layer(first, nothing, none, none, none.astype(bool))]
    for _ in range(1, min(most, size - 1)):
        layers.append(_next_layer(layers[-1], values, rates, trend))
    ends = [max(layer.rising[:, -1].max(), layer.falling[:, -1].max()) for layer in layers]
    best = int(np.argmax(ends))
    return float(ends[best]), _trace(layers[: best + 1])


def _next_layer(layer: _Layer, values: Floats, rates: tuple[Floats, Floats], trend: str) -> _Layer:
    ones, both = rates
    size = len(values)
    rising, falling = np.full((size, size), -np.inf), np.full((size, size), -np.inf)
    before_rising, before_falling = np.zeros((2, size, size), dtype=np.int64)
    turned = np.zeros((size, size), dtype=bool)
    for i in range(1, size):
        # Bins [h, i) and [i, j): shares of events, multiplied by both sizes.
        left = ones[:i, i, np.newaxis] * both[np.newaxis, i]
        right = ones[np.newaxis, i] * both[:i, i, np.newaxis]
        goes = left >= right if trend == DOWN else (left <= right) | (trend == FREE)
        way = np.where(goes, layer.rising[:i, i, np.newaxis], -np.inf)
        before_rising[i], rising[i] = way.argmax(axis=0), way.max(axis=0) + values[i]
        if trend == PEAK:
            both_ways = np.maximum(layer.rising[:i, i], layer.falling[:i, i])
            way = np.where(left >= right, both_ways[:, np.newaxis], -np.inf)
            before_falling[i], falling[i] = way.argmax(axis=0), way.max(axis=0) + values[i]
            turned[i] = (layer.falling[:i, i] > layer.rising[:i, i])[before_falling[i]]
    return _Layer(rising, falling, before_rising, before_falling, turned)


def _trace(layers: list[_Layer]) -> list[int]:
    """Return the first pre-bins of the best way, back from its last bin."""
    last = layers[-1]
    end = len(last.rising) - 1
    falls = bool(last.falling[:, end].max() > last.rising[:, end].max())
    start = int((last.falling if falls else last.rising)[:, end].argmax())
    starts = [start]
    for layer in reversed(layers[1:]):
        before = layer.before_falling if falls else layer.before_rising
        falls, end, start = (
            falls and bool(layer.turned[start, end]),
            start,
            int(before[start, end]),
        )
        starts.append(start)
    return starts[::-1]
