# SPDX-License-Identifier: Apache-2.0
"""Bins that look at labels: the best of all ways to merge, found by trying them all; chi-square by SciPy."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from pyfate_gpu.data.binning.merging import chi_merge, merge_small
from pyfate_gpu.data.binning.optimal import TRENDS, Limits, optimal_starts
from pyfate_gpu.data.information_value import evidence_of_classes

TABLES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=7)


def merge(counts, starts):
    return np.add.reduceat(counts, list(starts), axis=0)


def follows(counts, trend):
    """Whether shares of events go as they should, in whole numbers."""
    steps = [
        int(a[1] * b.sum() - b[1] * a.sum()) for a, b in itertools.pairwise(counts.astype(int))
    ]
    up, down = all(s <= 0 for s in steps), all(s >= 0 for s in steps)
    turns = any(
        all(s <= 0 for s in steps[:at]) and all(s >= 0 for s in steps[at:])
        for at in range(len(steps) + 1)
    )
    return {"none": True, "up": up, "down": down, "auto": up or down, "peak": turns}[trend]


def every_way(counts, limits):
    for size in range(min(limits.max_bins, len(counts))):
        for edges in itertools.combinations(range(1, len(counts)), size):
            merged = merge(counts, (0, *edges))
            if (
                merged.sum(axis=1).min() >= limits.min_rows
                and merged.min() >= limits.min_events
                and follows(merged, limits.trend)
            ):
                yield sum(each.iv for each in evidence_of_classes(merged)), (0, *edges)


@pytest.mark.parametrize("trend", TRENDS)
@given(table=TABLES, most=st.integers(1, 4), rows=st.integers(1, 6), events=st.integers(0, 2))
def test_the_best_of_all_ways(trend, table, most, rows, events):
    counts = np.array([pair for pair in table if sum(pair)], dtype=float).reshape(-1, 2)
    if not counts.size or not counts.sum(axis=0).all():
        return
    limits = Limits(most, rows, events, trend)
    starts = optimal_starts(counts, counts.sum(axis=1).astype(int), limits)
    ways = list(every_way(counts, limits))
    if not ways:
        assert starts.tolist() == [0]
        return
    found = sum(each.iv for each in evidence_of_classes(merge(counts, starts)))
    assert found == pytest.approx(max(value for value, _ in ways), abs=1e-12)
    assert tuple(starts) in {edges for _, edges in ways}


@given(table=st.lists(st.tuples(*[st.integers(0, 9)] * 3), min_size=2, max_size=6))
def test_the_best_for_three_classes(table):
    counts = np.array([each for each in table if sum(each)], dtype=float).reshape(-1, 3)
    if not counts.size or not counts.sum(axis=0).all():
        return
    limits = Limits(3)
    starts = optimal_starts(counts, counts.sum(axis=1).astype(int), limits)
    found = sum(each.iv for each in evidence_of_classes(merge(counts, starts)))
    assert found == pytest.approx(max(v for v, _ in every_way(counts, limits)), abs=1e-12)


def test_trends_are_as_asked_for():
    rates = np.array([0.1, 0.4, 0.3, 0.8, 0.5, 0.2])
    counts = np.stack([100 * (1 - rates), 100 * rates], axis=1)
    rows = np.full(6, 100)
    starts = {trend: optimal_starts(counts, rows, Limits(6, trend=trend)) for trend in TRENDS}
    assert starts["none"].tolist() == [0, 1, 2, 3, 4, 5]
    assert starts["peak"].tolist() == [0, 1, 3, 4, 5]
    assert starts["up"].tolist() == [0, 1, 3]
    assert starts["auto"].tolist() == starts["up"].tolist()
    assert starts["down"].tolist() == [0, 5]


@given(table=TABLES, least=st.integers(0, 30))
def test_small_bins_join_a_neighbour(table, least):
    rows = np.array([sum(pair) for pair in table])
    starts = merge_small(rows, least)
    merged = np.add.reduceat(rows, starts)
    assert starts[0] == 0
    assert (np.diff(starts) > 0).all()
    assert len(merged) == 1 or merged.min() >= least
    if rows.min() >= least:
        assert len(starts) == len(rows)


def test_neighbours_that_labels_do_not_tell_apart_are_merged():
    counts = np.array([[90, 10], [88, 12], [50, 50], [52, 48], [10, 90]], dtype=float)
    rows = counts.sum(axis=1).astype(int)
    assert chi_merge(counts, rows, max_bins=10, max_p=0.1).tolist() == [0, 2, 4]
    assert chi_merge(counts, rows, max_bins=2, max_p=0.1).tolist() == [0, 2]
    assert chi_merge(counts, rows, max_bins=10, max_p=1.0).tolist() == [0, 1, 2, 3, 4]
    # The last bin has 10 rows of class 0, and joins its only neighbour.
    assert chi_merge(counts, rows, max_bins=9, max_p=0.1, min_events=11).tolist() == [0, 2, 3]
    assert chi_merge(counts, rows, max_bins=9, max_p=0.1, min_rows=250).tolist() == [0]


@given(table=st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=2, max_size=8))
def test_all_neighbours_left_are_told_apart(table):
    counts = np.array(table, dtype=float)
    starts = chi_merge(counts, counts.sum(axis=1).astype(int), max_bins=8, max_p=0.05)
    merged = merge(counts, starts)
    for pair in zip(merged[:-1], merged[1:], strict=True):
        assert chi2_contingency(np.array(pair), correction=False)[1] <= 0.05
