# SPDX-License-Identifier: Apache-2.0
"""Neighbouring bins merged: those with too few rows, or those whose labels do not tell them apart."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.typing import Floats, Integers


def merge_small(rows: Integers, least: float) -> Integers:
    """Return the first of each run of neighbours merged so that none has fewer than `least` rows.

    The smallest bin joins its smaller neighbour, until none is too small or one is left; of equals the first.

    Parameters
    ----------
    rows : int64 [bins]
    least : float
        Fewest rows of a bin.

    Returns
    -------
    int64 [runs]
        0 and the first bins of further runs.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.binning.merging import merge_small
    >>> merge_small(np.array([50, 3, 20, 4]), 10).tolist()
    [0, 1]
    """
    sizes, starts = [int(size) for size in rows], list(range(len(rows)))
    while len(sizes) > 1:
        at = int(np.argmin(sizes))
        if sizes[at] >= least:
            break
        left = at == len(sizes) - 1 or (at > 0 and sizes[at - 1] <= sizes[at + 1])
        _join(sizes, starts, at - 1 if left else at)
    return np.array(starts, dtype=np.int64)


def chi_merge(
    counts: Floats,
    rows: Integers,
    *,
    max_bins: int,
    max_p: float,
    min_rows: float = 1,
    min_events: float = 0,
) -> Integers:
    """Return the first of each run of neighbours that labels do not tell apart (ChiMerge, Kerber 1992).

    The two neighbours with the least chi-square are merged, the first of equals, until there are at most
    `max_bins`, all chi-squares are beyond that of p-value `max_p`, and no bin is too small; one that is
    joins the neighbour that it differs less from.

    Parameters
    ----------
    counts : float64 [bins, classes]
        Rows, or weights, of each class.
    rows : int64 [bins]
    max_bins, max_p : int, float
        See above.
    min_rows, min_events : float
        Fewest rows of a bin, and least count of a class.

    Returns
    -------
    int64 [runs]
        0 and the first bins of further runs.
    """
    from scipy.stats import chi2

    limit = float(chi2.isf(max_p, counts.shape[1] - 1))
    table, sizes = [np.array(each) for each in counts], [int(each) for each in rows]
    starts = list(range(len(sizes)))
    distances = [_distance(a, b) for a, b in zip(table[:-1], table[1:], strict=True)]
    while len(table) > 1:
        at = _next(table, sizes, distances, max_bins, limit, min_rows, min_events)
        if at is None:
            break
        table[at] = table[at] + table.pop(at + 1)
        _join(sizes, starts, at)
        del distances[at]
        for pair in (at - 1, at):
            if 0 <= pair < len(distances):
                distances[pair] = _distance(table[pair], table[pair + 1])
    return np.array(starts, dtype=np.int64)


def _next(
    table: list[Floats],
    sizes: list[int],
    distances: list[float],
    max_bins: int,
    limit: float,
    min_rows: float,
    min_events: float,
) -> int | None:
    """Return the pair to merge next, None when all is as wanted."""
    small = [
        at
        for at, (counts, size) in enumerate(zip(table, sizes, strict=True))
        if size < min_rows or counts.min() < min_events
    ]
    if small:
        pairs = [p for p in (small[0] - 1, small[0]) if 0 <= p < len(distances)]
        return min(pairs, key=lambda pair: distances[pair])
    nearest = int(np.argmin(distances))
    return nearest if len(table) > max_bins or distances[nearest] < limit else None


def _distance(first: Floats, second: Floats) -> float:
    """Return the chi-square of two bins; 0 where they have one class alone."""
    both = first + second
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.outer([first.sum(), second.sum()], both) / both.sum()
        terms = (np.stack([first, second]) - expected) ** 2 / expected
    return float(np.nansum(terms))


def _join(sizes: list[int], starts: list[int], at: int) -> None:
    sizes[at] += sizes.pop(at + 1)
    del starts[at + 1]
