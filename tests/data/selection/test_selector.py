# SPDX-License-Identifier: Apache-2.0
"""Rules, verdicts and their order; metrics against NumPy, pandas and statsmodels."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from statsmodels.stats.outliers_influence import variance_inflation_factor

from pyfate_gpu.data.binning.binner import Binner
from pyfate_gpu.data.rows import NamedColumns
from pyfate_gpu.data.selection.metrics import (
    correlations,
    inflation_of,
    missing_of,
    same_of,
    stabilities,
    standardized,
    unique_of,
    variation_of,
)
from pyfate_gpu.data.selection.rules import Rule, read_rules
from pyfate_gpu.data.selection.selector import Selector
from pyfate_gpu.errors import ConfigurationError, DataError


@pytest.fixture
def table(rng):
    x = rng.normal(size=(200, 4))
    x[:, 1] = x[:, 0] + 0.1 * rng.normal(size=200)  # correlates
    x[:, 3] = x[:, 0] - 2 * x[:, 2] + 0.01 * rng.normal(size=200)  # spanned by others
    return x


def reasons(selector):
    return [verdict.rule for verdict in selector.verdicts_]


def test_numbers_of_columns():
    column = [3.0, None, 3.0, 5.0, float("nan")]
    assert (unique_of(column), missing_of(column), same_of(column)) == (2, 0.4, 0.4)
    assert (unique_of(["a", None]), missing_of([]), same_of([])) == (1, 0, 0)
    assert variation_of([1.0, 3.0]) == 0.5
    assert math.isnan(variation_of(["a", "b"]))
    assert variation_of([1e300, 3e300]) == pytest.approx(0.5)
    assert variation_of([5e-324, 5e-324]) == 0


def test_correlations_are_numpys(table):
    found = correlations(standardized(list(table.T)))
    np.testing.assert_allclose(found, np.corrcoef(table.T), atol=1e-12)
    holes = table.copy()
    holes[::3, 0] = np.nan
    filled = np.where(np.isnan(holes), np.nanmean(holes, axis=0), holes)
    np.testing.assert_allclose(
        correlations(standardized(list(holes.T))), np.corrcoef(filled.T), atol=1e-12
    )


def test_inflation_is_that_of_statsmodels(table):
    centred = table - table.mean(axis=0)
    expected = [variance_inflation_factor(centred, at) for at in range(4)]
    found = inflation_of(correlations(standardized(list(table.T))))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    exact = np.column_stack([table[:, 0], table[:, 2], table[:, 0] + table[:, 2], np.ones(200)])
    found = inflation_of(correlations(standardized(list(exact.T))))
    assert np.isinf(found).tolist() == [True, True, True, False]
    assert inflation_of(np.empty((0, 0))).tolist() == []


def test_rules_judge_in_their_order(table):
    rules = [
        {"metric": "vif", "at_most": 500},
        {"metric": "correlation", "at_most": 0.9},
        {"metric": "importance", "top": 1},
    ]
    selector = Selector(rules=rules).fit(table, metrics={"importance": [1, 2, 3, 4]})
    assert reasons(selector).count("vif at most 500") == 1
    kept = selector.get_support()
    assert kept.sum() == 1
    first = Selector(rules=rules[::-1]).fit(table, metrics={"importance": [1, 2, 3, 4]})
    assert first.get_support().tolist() == [False, False, False, True]


def test_of_two_that_correlate_the_better_stays(table):
    rules = [{"metric": "correlation", "at_most": 0.9}]
    assert Selector(rules=rules).fit(table[:, :2]).get_support().tolist() == [True, False]
    worse = Selector(rules=rules).fit(table[:, :2], metrics={"iv": [0.1, 0.2]})
    assert worse.get_support().tolist() == [False, True]
    assert worse.verdicts_[0].reason.startswith("correlation 0.99")
    # What is kept by name stays, and others go for its sake.
    kept = Selector(rules=rules, keep=[0]).fit(table[:, :2], metrics={"iv": [0.1, 0.2]})
    assert kept.get_support().tolist() == [True, False]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"at_least": 0.2}, [0, 1, 1, 1]),
        ({"at_most": 0.2}, [1, 1, 0, 1]),
        ({"top": 2}, [0, 1, 1, 1]),
        ({"top_share": 0.3}, [0, 0, 1, 1]),
        ({"top": 0}, [0, 0, 0, 1]),
        ({"at_least": 0.15, "top": 1}, [0, 0, 1, 1]),
    ],
)
def test_bounds_and_the_largest(rule, kept):
    numbers = [0.1, 0.2, 0.5, math.nan]  # of the last nothing is known
    rules = [{"metric": "iv", **rule}]
    selector = Selector(rules=rules).fit(np.ones((3, 4)), metrics={"iv": numbers})
    assert selector.get_support().tolist() == [bool(each) for each in kept]


@pytest.mark.parametrize(("merge", "kept"), [("max", [1, 1]), ("mean", [1, 0]), ("min", [0, 0])])
def test_numbers_of_several_classes(merge, kept):
    rules = [Rule("iv", at_least=0.5, merge=merge)]
    metrics = {"iv": [[0.1, 0.9], [0.2, 0.6]]}
    found = Selector(rules=rules).fit(np.ones((3, 2)), metrics=metrics)
    assert found.get_support().tolist() == [bool(each) for each in kept]


def test_labels_give_information_values(table, rng):
    y = (table[:, 2] > 0).astype(int)
    found = Selector(rules=[{"metric": "iv", "at_least": 1}]).fit(table, y)
    np.testing.assert_allclose(
        [each.values["iv"] for each in found.verdicts_], Binner().fit(table, y).iv_
    )
    assert found.get_support()[2]
    model = make_pipeline(Selector(rules=[{"metric": "iv", "top": 2}]), LogisticRegression())
    assert clone(model).fit(table, y).score(table, y) > 0.9


def test_tables_keep_their_type(table):
    frame = pd.DataFrame(table, columns=list("abcd"))
    selector = Selector(drop=["b", "d"]).fit(frame)
    assert list(selector.transform(frame).columns) == ["a", "c"]
    assert selector.transform(pl.from_pandas(frame)).columns == ["a", "c"]
    assert selector.transform(pa.table(dict(frame))).column_names == ["a", "c"]
    assert selector.transform(NamedColumns(tuple("abcd"), table)).columns == ("a", "c")
    assert selector.get_feature_names_out().tolist() == ["a", "c"]
    assert selector.get_support(indices=True).tolist() == [0, 2]
    with pytest.raises(DataError, match="the order differs"):
        selector.transform(frame[["b", "a", "c", "d"]])
    text = frame.assign(b="x")
    rules = [{"metric": name, "at_most": 1e9} for name in ("variation", "vif", "correlation")]
    assert Selector(rules=rules[:2]).fit(text).get_support().all()


def test_by_hand():
    selector = Selector(rules=[{"metric": "unique", "at_least": 2}], keep=[0], drop=[2])
    selector.fit(np.ones((3, 3)))
    assert [each.reason for each in selector.verdicts_] == [
        "kept by name", "unique 1 is below 2", "dropped by name",
    ]  # fmt: skip
    assert selector.verdicts_[0].as_json() == {
        "column": 0, "kept": True, "reason": "kept by name", "unique": 1.0,
    }  # fmt: skip
    for arguments, text in [
        ({"keep": [7]}, "no column 7"),
        ({"keep": [0], "drop": [0]}, "0 is to be kept and to be dropped"),
    ]:
        with pytest.raises(ConfigurationError, match=text):
            Selector(**arguments).fit(np.ones((3, 3)))


def test_stability(rng):
    old, new = rng.normal(size=(500, 2)), rng.normal([0, 2], size=(400, 2))
    found = stabilities(old, new)
    assert found[0] < 0.1
    assert found[1] > 1
    rules = [{"metric": "stability", "at_most": 0.25}]
    kept = Selector(rules=rules).fit(old, metrics={"stability": found}).get_support()
    assert kept.tolist() == [True, False]
    with pytest.raises(DataError, match="one has none"):
        stabilities(old, new[:0])
    with pytest.raises(DataError, match="X has 1 columns"):
        stabilities(old, new[:, :1])


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ("iv", "must be a list"),
        ([{"metric": "iv"}], "says nothing"),
        ([{"at_least": 1}], "it takes metric"),
        ([{"metric": "iv", "above": 1}], "it takes metric"),
        ([{"metric": "iv", "at_least": "x"}], "must be a number"),
        ([{"metric": "iv", "at_least": math.nan}], "must be a number"),
        ([{"metric": "iv", "top": 1.5}], "whole number"),
        ([{"metric": "iv", "top_share": 2}], "from 0 to 1"),
        ([{"metric": "vif", "at_least": 2}], "takes at_most, and nothing else"),
        ([{"metric": "iv", "at_least": 0, "merge": "sum"}], "merge"),
        ([{"metric": "", "at_least": 0}], "must be a name"),
        ([3], "is no rule"),
        ([{"metric": "gini", "at_least": 0}], "asks for 'gini', which is not known"),
        ([{"metric": "iv", "at_least": 0}], "asks for 'iv', which is not known"),
    ],
)
def test_rules_that_make_no_sense(rules, text):
    with pytest.raises(ConfigurationError, match=text):
        Selector(rules=rules).fit(np.ones((3, 2)))


def test_before_fit_and_parameters(table):
    with pytest.raises(ConfigurationError, match="call fit"):
        Selector().transform(table)
    with pytest.raises(ConfigurationError, match="has no parameter rule"):
        Selector().set_params(rule=[])
    with pytest.raises(DataError, match="has 1 numbers, there are 4 columns"):
        Selector(rules=[{"metric": "iv", "top": 1}]).fit(table, metrics={"iv": [1]})
    assert read_rules([]) == []
    infinite = Selector(rules=[{"metric": "iv", "at_least": 0}])
    infinite.fit(np.ones((2, 1)), metrics={"iv": [math.inf]})
    assert "inf" in json.dumps(infinite.verdicts_[0].as_json(), allow_nan=False)
