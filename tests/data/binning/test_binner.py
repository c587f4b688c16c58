# SPDX-License-Identifier: Apache-2.0
"""The transformer: scikit-learn's manners, rules by column, labels, errors that name the column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pyfate_gpu.data.binning.binner import Binner
from pyfate_gpu.data.information_value import evidence_of
from pyfate_gpu.errors import ConfigurationError, DataError


@pytest.fixture
def frame(rng):
    n = 400
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n).astype(float),
            "debt": np.where(rng.random(n) < 0.6, 0.0, rng.exponential(100, n)),
            "city": rng.choice(["Rome", "Oslo", "Bern"], n, p=[0.6, 0.37, 0.03]),
            "code": rng.choice([1, 2, -999], n),
        }
    )
    frame.loc[rng.random(n) < 0.1, "age"] = np.nan
    frame.loc[rng.random(n) < 0.1, "city"] = None
    return frame


@pytest.fixture
def labels(frame, rng):
    score = frame["age"].fillna(40) / 20 + (frame["debt"] > 0) + (frame["city"] == "Oslo")
    return (score + rng.normal(size=len(frame)) > 3.4).astype(int)


def test_a_frame_of_numbers_and_texts(frame, labels):
    rules = {"min_share": 0.05, "categories": ["code"], "special": {"code": [-999]}}
    binner = Binner(max_bins=4, **rules).fit(frame, labels)
    found = binner.transform(frame)
    assert found.dtype == np.int16
    assert found.shape == frame.shape
    assert binner.bins_[2].names() == ["Oslo", "Rome", "Bern, others", "missing"]
    assert binner.bins_[3].names() == ["1", "2", "special -999", "missing"]
    assert binner.bins_[1].names()[0].startswith("below")
    assert (found[frame["debt"] == 0, 1] == 0).all()
    assert (found[frame["debt"] > 0, 1] > 0).all()  # 0 is heavy, and alone
    for at in range(4):
        where = found[:, at]
        events = np.bincount(where, labels, binner.bins_[at].count)
        others = np.bincount(where, 1 - labels, binner.bins_[at].count)
        assert binner.iv_[at] == pytest.approx(evidence_of(events, others).iv, abs=1e-12)
    woe = clone(binner).set_params(output="woe").fit(frame, labels)
    np.testing.assert_array_equal(woe.transform(frame)[:, 0], woe.evidence_[0][0].woe[found[:, 0]])
    assert woe.get_feature_names_out().tolist() == list(frame.columns)


def test_in_a_pipeline(frame, labels):
    model = make_pipeline(Binner(output="woe", max_bins=5), LogisticRegression())
    scores = model.fit(frame, labels).predict_proba(frame)[:, 1]
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 0.2
    assert clone(model).get_params()["binner__max_bins"] == 5


def test_missing_values_in_or_out_of_the_information_value(frame, labels):
    both = [Binner(missing_in_iv=inside).fit(frame, labels) for inside in (True, False)]
    missing = both[0].bins_[0].missing
    assert both[0].iv_[0] - both[1].iv_[0] == pytest.approx(
        both[0].evidence_[0][0].terms[missing], abs=1e-12
    )


@pytest.mark.parametrize("method", ["quantile", "width", "chi_merge", "optimal"])
def test_weights_count_as_rows_do(method, rng):
    X, y = rng.normal(size=(90, 2)).round(1), rng.integers(0, 2, 90)
    weights = rng.integers(1, 4, 90)
    rules = {"method": method, "max_bins": 4, "cuts": {1: [0.0]}}
    repeated = Binner(**rules).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    weighted = Binner(**rules).fit(X, y, sample_weight=weights)
    assert weighted.iv_[1] == pytest.approx(repeated.iv_[1], abs=1e-12)


def test_methods_that_look_at_labels_find_more(frame, labels):
    numbers = frame[["age"]]
    value = {
        method: Binner(method=method, max_bins=4).fit(numbers, labels).iv_[0]
        for method in ("quantile", "width", "optimal", "chi_merge")
    }
    assert value["optimal"] >= max(value.values()) - 1e-12
    rising = Binner(method="optimal", trend="up", max_bins=6).fit(numbers, labels)
    events, others = rising.evidence_[0][0].events[:-1], rising.evidence_[0][0].others[:-1]
    assert (np.diff(events / (events + others)) >= 0).all()
    least = Binner(method="optimal", min_share=0.2, min_events=15).fit(numbers, labels)
    ordinary = least.evidence_[0][0].events[:-1] + least.evidence_[0][0].others[:-1]
    assert ordinary.min() >= 0.2 * numbers["age"].notna().sum()


def test_three_classes(rng):
    X, y = rng.normal(size=(300, 2)), rng.choice(["a", "b", "c"], 300)
    binner = Binner(output="woe").fit(X, y)
    assert binner.iv_.shape == (2, 3)
    assert binner.transform(X).shape == (300, 6)
    assert binner.get_feature_names_out().tolist()[:3] == ["x0 a", "x0 b", "x0 c"]
    with pytest.raises(ConfigurationError, match="a trend takes two"):
        Binner(method="optimal", trend="up").fit(X, y)


@pytest.mark.parametrize(
    "y",
    [[0, 0, 0, 0], [1, np.nan, 0, 1], [None, 1, 0, 1], [0.5, 1, 0, 1], [0, 1]],
    ids=["one class", "NaN", "None", "fraction", "too short"],
)
def test_labels_that_cannot_be_used(y):
    with pytest.raises(DataError, match="y"):
        Binner().fit(np.ones((4, 1)), y)


@pytest.mark.parametrize("y", [[-1, 1, 1, -1], [1, 2, 2, 1], ["no", "yes", "yes", "no"]])
def test_labels_of_any_two_values(y):
    binner = Binner(cuts={0: [1.5]}).fit([[1], [2], [2], [1]], y)
    assert binner.evidence_[0][0].events.tolist() == [0, 2, 0]


def test_tables_at_the_edge(rng):
    one = Binner().fit([[3.0]])
    assert one.transform([[3.0], [np.nan]]).tolist() == [[0], [1]]
    assert one.transform(np.empty((0, 1))).shape == (0, 1)
    assert Binner().fit(np.empty((4, 0))).transform(np.empty((2, 0))).shape == (2, 0)
    with pytest.raises(DataError, match="no rows"):
        Binner().fit(np.empty((0, 2)))
    wide = rng.normal(size=(30, 300))
    assert Binner().fit(wide).transform(wide).shape == (30, 300)


def test_errors_name_the_column(frame, labels):
    binner = Binner().fit(frame)
    wrong = frame.assign(age="x")
    with pytest.raises(DataError, match="column 'age': .*column of numbers"):
        binner.transform(wrong)
    with pytest.raises(DataError, match="missing: city; not known: town"):
        binner.transform(frame.rename(columns={"city": "town"}))
    with pytest.raises(DataError, match="the order differs"):
        binner.transform(frame[["debt", "age", "city", "code"]])
    with pytest.raises(DataError, match="X has 3 columns, bins are of 4"):
        binner.transform(np.ones((2, 3)))
    with pytest.raises(ConfigurationError, match="column 'age': .*must increase"):
        Binner(cuts={"age": [2, 1]}).fit(frame)
    with pytest.raises(ConfigurationError, match="column 'age': .*choose one"):
        Binner(cuts={"age": [2]}, categories=["age"]).fit(frame)
    with pytest.raises(ConfigurationError, match="looks at labels"):
        Binner(method="optimal").fit(frame)
    with pytest.raises(ConfigurationError, match="must be lists of categories"):
        Binner(categories={"code": [1, 2]}).fit(frame)


@pytest.mark.parametrize(
    "rule",
    [
        {"method": "best"},
        {"max_bins": 0},
        {"prebins": 65},
        {"min_share": 0.6},
        {"min_share": True},
        {"max_p": -0.1},
        {"min_events": "1"},
        {"trend": "up"},
        {"trend": "valley", "method": "optimal"},
        {"cuts": [1.0]},
        {"categories": "age"},
        {"special": -999},
        {"unseen": "new"},
        {"output": "onehot"},
        {"smoothing": "jeffreys"},
    ],
    ids=str,
)
def test_rules_that_make_no_sense(rule):
    with pytest.raises(ConfigurationError):
        Binner(**rule).fit([[1.0], [2.0]], [0, 1])


def test_before_fit():
    for call in (lambda b: b.transform([[1]]), lambda b: b.get_feature_names_out()):
        with pytest.raises(ConfigurationError, match="call fit"):
            call(Binner())
    with pytest.raises(ConfigurationError, match="has no parameter bins"):
        Binner().set_params(bins=3)
    with pytest.raises(ConfigurationError, match="pass y"):
        Binner(output="woe").fit([[1.0]])
    binner = Binner().fit([[1.0]])
    with pytest.raises(ConfigurationError, match="fit with y"):
        binner.set_params(output="woe").transform([[1.0]])
