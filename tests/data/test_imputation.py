# SPDX-License-Identifier: Apache-2.0
"""Missing values: imputed as scikit-learn does, by what fit has seen, and kept exactly."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from sklearn.impute import SimpleImputer

from pyfate_gpu.data.imputation import Imputation, check_method
from pyfate_gpu.errors import ConfigurationError, DataError


@pytest.fixture
def rows(rng):
    values = rng.normal(size=(60, 5)) * [1, 1e3, 1e-3, 1, 1] + [0, 5, 0, 0, 0]
    values[rng.random((60, 5)) < 0.3] = np.nan
    values[:, 3] = np.abs(rng.normal(size=60))  # nothing is missing here
    return values


@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize("method", ["mean", "median", 0, -7.5, np.float32(2)])
def test_imputes_as_scikit_learn_does(rows, rng, method, indicator):
    own = {"strategy": method} if isinstance(method, str) else {"fill_value": float(method)}
    theirs = SimpleImputer(**{"strategy": "constant"} | own, add_indicator=indicator).fit(rows)
    ours = Imputation.fit(rows, method, indicator=indicator)
    new = rng.normal(size=(20, 5))
    new[rng.random((20, 5)) < 0.5] = np.nan
    for table in (rows, new):
        np.testing.assert_allclose(ours.transform(table), theirs.transform(table), rtol=1e-15)
    names = tuple("abcde")
    assert ours.names(names) == (*names, *("abce"[i] + " missing" for i in range(4 * indicator)))
    assert ours.columns == 5


@pytest.mark.parametrize("method", ["mean", "median"])
@pytest.mark.parametrize("size", [2.0**-1020, 1e-170, 1e170, 1e308])
def test_columns_of_any_size(size, method):
    values = np.array([[0.25, np.nan], [1.0, 1.5], [1.75, -1.5], [np.nan, 1.5]]) * size
    found = Imputation.fit(values, method).fill
    there = [sorted(map(Fraction, column[~np.isnan(column)])) for column in values.T]
    middle = [sum(column) / 3 if method == "mean" else column[1] for column in there]
    np.testing.assert_allclose(found, [float(value) for value in middle], rtol=1e-15)


@pytest.mark.parametrize("method", ["mean", "median"])
def test_columns_without_any_value_are_named(method):
    values = np.array([[1.0, np.nan], [2.0, np.nan]])
    with pytest.raises(DataError, match=f"column 1 has no value at all, so no {method}"):
        Imputation.fit(values, method)
    assert Imputation.fit(values, 3).transform(values).tolist() == [[1.0, 3.0], [2.0, 3.0]]


@pytest.mark.parametrize("method", ["mode", True, None, np.nan, np.inf, 10**400, "0", [0]])
def test_methods_that_make_no_sense(method):
    with pytest.raises(
        ConfigurationError, match="impute is .*; it must be one of 'mean', 'median'"
    ):
        check_method(method)


@pytest.mark.parametrize("indicator", [False, True])
def test_json_keeps_it_exactly(rows, indicator):
    ours = Imputation.fit(rows, "mean", indicator=indicator)
    again = Imputation.from_json(json.loads(json.dumps(ours.as_json())))
    assert again.fill.tobytes() == ours.fill.tobytes()
    assert again.indicators.tolist() == ours.indicators.tolist()
    assert again.transform(rows).tobytes() == ours.transform(rows).tobytes()
    empty = Imputation.from_json({"fill": [], "indicators": []})
    assert empty.transform(np.zeros((2, 0))).shape == (2, 0)


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {},
        {"fill": [1.0]},
        {"fill": [1.0], "indicators": [], "more": 1},
        {"fill": [True], "indicators": []},
        {"fill": ["1"], "indicators": []},
        {"fill": [float("nan")], "indicators": []},
        {"fill": 1.0, "indicators": []},
        {"fill": [1.0], "indicators": [1]},
        {"fill": [1.0], "indicators": [-1]},
        {"fill": [1.0, 2.0], "indicators": [1, 0]},
        {"fill": [1.0, 2.0], "indicators": [1, 1]},
        {"fill": [1.0], "indicators": [0.0]},
        {"fill": [10**400], "indicators": []},
    ],
    ids=str,
)
def test_damaged_json_is_refused(found):
    with pytest.raises(ValueError, match="its imputation"):
        Imputation.from_json(found)
