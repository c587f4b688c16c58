# SPDX-License-Identifier: Apache-2.0
"""Bins of a column: categories, special and missing values, merging of small ones, and their JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.data.binning.categories import CategoryBins, category_bins
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.binning.numeric import NumericBins
from pyfate_gpu.data.binning.quantiles import quantile_bins
from pyfate_gpu.data.binning.widths import equal_width_bins
from pyfate_gpu.errors import ConfigurationError, DataError


@pytest.mark.parametrize(
    ("column", "most", "cuts"),
    [
        ([0, 10], 5, [8.0]),  # only bins with rows
        ([0, 3, 5, 7, 10], 5, [2.0, 4.0, 6.0, 8.0]),
        ([1, 1, 1], 4, []),
        ([np.nan], 4, []),
        ([-np.inf, 0, 1, np.inf], 2, [0.5]),
        ([-1.7e308, 1.7e308], 2, [0.0]),
        ([0, 1], 1, []),
    ],
)
def test_bins_of_equal_width(column, most, cuts):
    assert equal_width_bins(column, most).cuts.tolist() == cuts


def test_rare_categories_share_a_pool():
    column = ["a"] * 50 + ["b"] * 40 + ["c"] * 3 + ["d"] * 7 + [None] * 100
    bins = category_bins(column, min_share=0.05)
    assert bins.groups == (("a",), ("b",), ("d",), ("c",))
    assert bins.pool == 3
    assert bins.assign(["c", "new", None, "d"]).tolist() == [3, 3, 4, 2]
    unseen = category_bins(column, min_share=0.05, unseen="missing")
    assert unseen.assign(["c", "new", None]).tolist() == [3, 4, 4]
    few = category_bins(column, max_bins=2)
    assert few.groups == (("a",), ("b", "c", "d"))
    every = category_bins(column)  # without a pool what is new is missing
    assert (every.pool, every.assign(["new"]).tolist()) == (None, [4])
    assert category_bins([]).count == 0
    assert category_bins(["a"], max_bins=1).groups == (("a",),)


def test_categories_are_texts_or_numbers():
    assert category_bins(np.array([3, 1, 3])).groups == ((1,), (3,))
    assert category_bins([True, 1.0, 2]).groups == ((True,), (2,))
    assert category_bins(np.array([1.5, np.nan])).groups == ((1.5,),)
    assert category_bins([2, "2", 1]).groups == ((1,), (2,), ("2",))
    with pytest.raises(DataError, match="row 1 of a column of categories is a tuple"):
        category_bins(["a", ("b",)])


@pytest.mark.parametrize(
    ("trained", "given_"),
    [(["a", "b"], [1.0, 2.0]), ([1, 2], ["1", "2"])],
    ids=["texts", "numbers"],
)
def test_categories_of_another_type_than_in_training(trained, given_):
    with pytest.raises(DataError, match="use the type of training"):
        category_bins(trained).assign(given_)
    assert category_bins(trained).assign([None]).tolist() == [2]


def test_groups_by_hand():
    bins = CategoryBins((("a", "b"), ("never seen",)))
    assert bins.assign(["b", "never seen", "else"]).tolist() == [0, 1, 2]
    for groups, text in [
        ((("a",), ("a",)), "'a' is in more than one group"),
        ((("a", "a"),), "twice in one"),
        (((None,),), "missing value"),
    ]:
        with pytest.raises(ConfigurationError, match=text):
            CategoryBins(groups)
    with pytest.raises(ConfigurationError, match="choose one of pool, missing"):
        CategoryBins((), unseen="error")


def test_special_values_have_bins_whatever_else_they_are():
    bins = ColumnBins.of(NumericBins([0.0]), special=(-999.0, 5.0))
    assert bins.assign([-999, -998, 5, 4, np.nan]).tolist() == [2, 0, 3, 1, 4]
    assert bins.names() == ["below 0", "0 and above", "special -999", "special 5", "missing"]
    categories = ColumnBins.of(CategoryBins((("a",),)), special=("?",))
    assert categories.assign(["a", "?", None, "b"]).tolist() == [0, 1, 2, 2]
    assert categories.names() == ["a", "special ?", "missing"]


@pytest.mark.parametrize(
    ("special", "text"),
    [
        ((1.0, 1), "each is there once"),
        ((np.nan,), "missing"),
        ((None,), "missing"),
        (("a",), "column of numbers"),
    ],
)
def test_special_values_that_make_no_sense(special, text):
    with pytest.raises(ConfigurationError, match=text):
        ColumnBins.of(NumericBins([0.0]), special)
    with pytest.raises(ConfigurationError, match="special value and a category"):
        ColumnBins.of(CategoryBins((("a",),)), ("a",))


def test_small_bins_are_merged():
    bins = ColumnBins.of(NumericBins([1.0, 2.0]), special=(-9.0, -8.0))
    # Neighbours, then the small special and missing ones together.
    merged = bins.merged(np.array([30, 5, 40, 12, 9, 0]), 20)
    assert merged.groups.tolist() == [0, 0, 1, 2, 2, 3]
    assert merged.names()[0] == "below 2"
    # What is left over joins the bin with the fewest rows.
    merged = bins.merged(np.array([30, 25, 40, 0, 0, 3]), 20)
    assert merged.groups.tolist() == [0, 1, 2, 3, 4, 1]
    assert merged.names()[1] == "1 to 2, missing"
    # Too few rows in all: one bin.
    merged = bins.merged(np.array([3, 2, 1, 1, 0, 1]), 20)
    assert merged.assign([0, 1.5, 3, -9, np.nan]).tolist() == [0] * 5
    assert bins.merged(np.full(6, 20), 20).groups.tolist() == list(range(6))


@given(
    rows=st.lists(st.integers(0, 60), min_size=6, max_size=6),
    categories=st.booleans(),
)
def test_no_bin_with_rows_stays_small(rows, categories):
    ordinary = CategoryBins((("a",), ("b",), ("c",))) if categories else NumericBins([1.0, 2.0])
    special = ("x", "y") if categories else (-9.0, -8.0)
    bins = ColumnBins.of(ordinary, special)
    merged = bins.merged(np.array(rows), 20)
    sizes = np.bincount(merged.groups, weights=rows)
    filled = sizes[sizes > 0]
    assert len(filled) <= 1 or filled.min() >= 20
    assert set(merged.groups.tolist()) == set(range(merged.count))
    assert len(merged.names()) == merged.count


@pytest.mark.parametrize(
    "bins",
    [
        ColumnBins.of(NumericBins([0.1, 2.5, np.inf]), special=(-999.0, 7)),
        ColumnBins.of(NumericBins([])),
        ColumnBins.of(CategoryBins((("a", 1), ("b",)), pool=1, unseen="missing"), special=("?",)),
        ColumnBins.of(NumericBins([1.0, 2.0])).merged(np.array([3, 30, 30, 2]), 20),
    ],
    ids=["numbers", "no cuts", "categories", "merged"],
)
def test_json_keeps_all(bins):
    text = json.dumps(bins.as_json(), allow_nan=False)
    again = ColumnBins.from_json(json.loads(text))
    assert again.as_json() == bins.as_json()
    column = ["a", "b", "?", None] if "categories" in text else [0.1, 0.0999, 2.5, -999, 7, np.nan]
    assert again.assign(column).tolist() == bins.assign(column).tolist()


@pytest.mark.parametrize(
    "change",
    [
        {"groups": [0, 2]},
        {"groups": [0]},
        {"groups": [True, False]},
        {"cuts": ["x"]},
        {"cuts": [1.0]},
        {"other": 1},
        {"cuts": ["0x1p1", "0x1p0"]},
        {"special": [None]},
    ],
)
def test_damaged_json(change):
    found = {**ColumnBins.of(NumericBins([1.0])).as_json(), **change}
    with pytest.raises((ValueError, TypeError)):
        ColumnBins.from_json(found)
    with pytest.raises(ValueError):
        ColumnBins.from_json([])


def test_columns_of_another_type_than_trained_on():
    with pytest.raises(DataError, match="one column of numbers"):
        ColumnBins.of(quantile_bins([1, 2, 3], 3)).assign(["1", "2"])
