# SPDX-License-Identifier: Apache-2.0
"""Quantiles on distinct values: ties, heavy values, infinities, types; against counting by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.data.binning.numeric import MAX_BINS, NumericBins
from pyfate_gpu.data.binning.quantiles import quantile_bins
from pyfate_gpu.errors import ConfigurationError, DataError

COLUMNS = st.lists(st.one_of(st.integers(-9, 9), st.floats(width=32)), max_size=60)


@given(column=COLUMNS, most=st.integers(1, 12))
def test_every_bin_has_rows_and_ties_share_one(column, most):
    values = np.array(column, dtype=np.float64)
    bins = quantile_bins(values, most)
    there = ~np.isnan(values)
    found = bins.assign(values)
    assert (found[~there] == bins.count).all()
    distinct = np.unique(values[there])
    assert bins.count == max(1, min(most, len(distinct)))
    assert set(found[there].tolist()) == set(range(bins.count)) or not there.any()
    # Bins follow the values, and a value has one bin.
    order = np.argsort(values[there])
    assert (np.diff(found[there][order]) >= 0).all()
    assert len({(v, b) for v, b in zip(values[there], found[there], strict=True)}) == len(distinct)


@given(column=COLUMNS, most=st.integers(1, 12), seed=st.integers(0, 9))
def test_only_values_matter(column, most, seed):
    values = np.array(column, dtype=np.float64)
    mixed = np.random.default_rng(seed).permutation(values)
    assert (quantile_bins(mixed, most).cuts == quantile_bins(values, most).cuts).all()


@given(
    column=st.lists(st.floats(allow_nan=False, width=32), min_size=1, max_size=60),
    most=st.integers(1, 9),
)
def test_float32_and_float64_have_the_same_bins(column, most):
    single = np.array(column, dtype=np.float32)
    double = single.astype(np.float64)
    bins = quantile_bins(double, most)
    assert (quantile_bins(single, most).cuts == bins.cuts).all()
    assert (bins.assign(single) == bins.assign(double)).all()


def test_decimals_that_float32_rounds_stay_in_their_bins():
    double = np.arange(1, 400) / 10
    for most in (5, 32, 399):
        bins = quantile_bins(double, most)
        assert (bins.assign(double.astype(np.float32)) == bins.assign(double)).all()


def test_distinct_values_spread_evenly():
    column = np.random.default_rng(3).permutation(1000)
    counts = np.bincount(quantile_bins(column, 10).assign(column))
    assert counts.tolist() == [100] * 10
    assert quantile_bins(column, 10).cuts.tolist() == [100.0 * i - 0.5 for i in range(1, 10)]


def test_a_heavy_value_has_a_bin_of_its_own():
    rng = np.random.default_rng(4)
    column = np.concatenate([np.zeros(900), rng.permutation(100) + 1.0])
    counts = np.bincount(quantile_bins(column, 5).assign(column))
    assert counts.tolist() == [900, 25, 25, 25, 25]
    two = np.concatenate([np.zeros(400), np.full(400, 7.0), np.arange(1, 6), np.arange(8, 203)])
    assert np.bincount(quantile_bins(two, 6).assign(two)).tolist() == [400, 5, 400, 65, 65, 65]


def test_heavy_values_give_way_when_bins_are_few():
    column = np.repeat([1.0, 2.0, 3.0], [10, 80, 10])  # 2 is heavy, and has two neighbours
    assert np.bincount(quantile_bins(column, 2).assign(column)).tolist() in ([10, 90], [90, 10])
    assert quantile_bins(column, 1).cuts.tolist() == []


@given(counts=st.lists(st.integers(1, 6), min_size=2, max_size=9), most=st.integers(2, 5))
def test_as_even_as_cuts_of_one_stretch_can_be(counts, most):
    """No single cut can be moved between its neighbours so that the two bins beside it come nearer."""
    if max(counts) * most > sum(counts):
        return
    column = np.repeat(np.arange(len(counts), dtype=float), counts)
    bins = quantile_bins(column, most)
    sizes = np.bincount(bins.assign(column))
    every = [
        np.diff([0, *(sum(counts[:e]) for e in edges), sum(counts)])
        for edges in itertools.combinations(range(1, len(counts)), bins.count - 1)
    ]
    # The greedy choice is at most the heaviest value away from the best largest bin.
    assert sizes.max() <= min(map(max, every)) + max(counts)


@pytest.mark.parametrize(
    "column", [[], [np.nan], [np.nan, np.nan], [5.0], [5.0, np.nan, 5.0], [np.inf], [-np.inf] * 3]
)
def test_columns_without_two_values_have_no_cut(column):
    bins = quantile_bins(column, 10)
    assert bins.cuts.tolist() == []
    assert bins.assign(column).tolist() == [int(value != value) for value in column]


def test_infinite_values_have_bins():
    column = np.array([-np.inf, -1.0, 1.0, np.inf])
    bins = quantile_bins(column, 10)
    assert np.isfinite(bins.cuts).all()
    assert bins.assign(column).tolist() == [0, 1, 2, 3]
    largest = np.array([-np.inf, -np.finfo(float).max, np.finfo(float).max, np.inf])
    assert quantile_bins(largest, 10).assign(largest).tolist() == [0, 1, 2, 3]


def test_neighbouring_floats_are_told_apart():
    for start in (0.0, 5e-324, 1.0, -1.0, 1e300, 2.0**53):
        column = [
            start,
            np.nextafter(start, np.inf),
            np.nextafter(np.nextafter(start, 9e307), 9e307),
        ]
        assert quantile_bins(column, 3).assign(column).tolist() == [0, 1, 2]


def test_zeros_of_both_signs_are_one_value():
    assert quantile_bins([-0.0, 0.0, 1.0], 5).cuts.tolist() == [0.5]


@pytest.mark.parametrize("kind", [np.int8, np.uint16, np.int64, np.float16, bool, ">f8"])
def test_types_of_numbers(kind):
    column = np.array([0, 1, 1, 0]).astype(kind)
    assert quantile_bins(column, 4).cuts.tolist() == [0.5]
    assert quantile_bins(column, 4).assign(column).tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("column", [[2**53 + 1, 1], [2**53 + 1, None], [10**400, None]])
def test_whole_numbers_that_float64_does_not_hold(column):
    with pytest.raises(DataError, match=r"beyond 2\*\*53"):
        quantile_bins(column, 4)
    assert quantile_bins([2**53 + 2, 1], 4).count == 2


@pytest.mark.parametrize("column", [["a"], [[1.0]], 3.0, [1j], [None, "a"], [[1, None]]])
def test_what_is_no_column_of_numbers(column):
    with pytest.raises(DataError, match="column"):
        quantile_bins(np.array(column), 4)


@pytest.mark.parametrize("most", [0, -1, MAX_BINS + 1, 2.0, True, "10", None])
def test_numbers_of_bins_that_make_no_sense(most):
    with pytest.raises(ConfigurationError, match="from 1 to 32000"):
        quantile_bins([1.0], most)


def test_as_many_bins_as_there_may_be():
    column = np.arange(40_000)
    bins = quantile_bins(column, MAX_BINS)
    assert bins.count == MAX_BINS
    assert bins.assign([np.nan]).tolist() == [MAX_BINS]
    assert bins.assign(column).max() == MAX_BINS - 1


@pytest.mark.parametrize(
    ("cuts", "text"),
    [
        ([1.0, 1.0], "must increase"),
        ([2.0, 1.0], "cut 2 is 1.0 and comes after 2.0"),
        ([np.nan], "NaN or -inf"),
        ([-np.inf, 1.0], "NaN or -inf"),
        ([[1.0]], "one list"),
        (["a"], "must be numbers"),
        (np.arange(MAX_BINS), "32000 cuts make 32001 bins"),
    ],
)
def test_cuts_that_make_no_bins(cuts, text):
    with pytest.raises(ConfigurationError, match=text):
        NumericBins(cuts)
