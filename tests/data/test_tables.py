# SPDX-License-Identifier: Apache-2.0
"""What may be given as X and y, and what the errors say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from pyfate_gpu.data.labels import find_classes
from pyfate_gpu.data.tables import read_labels, read_table, read_targets
from pyfate_gpu.errors import DataError


@pytest.mark.parametrize(
    "X",
    [
        [[1, 2], [3, 4]],
        np.array([[1, 2], [3, 4]], dtype=np.int8),
        np.array([[1, 2], [3, 4]], dtype=np.float32),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}),
        pd.DataFrame({"a": pd.array([1, 3], dtype="Int64"), "b": [2.0, 4.0]}),
    ],
    ids=str,
)
def test_tables_of_numbers(X):
    table = read_table(X)
    assert table.values.dtype == np.float64
    assert table.values.flags.c_contiguous
    assert table.values.tolist() == [[1, 2], [3, 4]]


def test_names_come_from_pandas_only():
    assert read_table(pd.DataFrame({"a": [1.0], 7: [2.0]})).names == ("a", "7")
    assert read_table([[1.0]]).names is None


@pytest.mark.parametrize(
    ("X", "text"),
    [
        ([1, 2, 3], "X has 1 dimensions, it takes 2"),
        (np.zeros((0, 3)), "X has 0 rows and 3 columns"),
        (np.zeros((3, 0)), "X has 3 rows and 0 columns"),
        ([["a", "b"]], "X has dtype <U1, it takes numbers"),
        (np.array([[1, None]], dtype=object), "X has dtype object, it takes numbers"),
        ([[1 + 2j]], "X has dtype complex128"),
        ([[1.0, np.nan], [np.inf, 1.0]], "in column 0, column 1: drop or fill"),
        (pd.DataFrame({"age": [np.nan], "b": [1.0]}), "NaN or infinite values in 'age': drop"),
        (np.full((1, 9), np.nan), "column 4 and others: drop"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns named more than once: a; rename"),
        (pd.DataFrame({"age": [1], "city": ["x"]}), "column 'city' has dtype .* encode texts"),
        (pd.DataFrame({"day": pd.to_datetime(["2026-01-01"])}), "column 'day' has dtype datetime"),
        (pd.DataFrame({"a": pd.array([1, None], dtype="Int64")}), "NaN or infinite values in 'a'"),
        ([[1, 2], [3]], "X is no array: its rows have different lengths"),
        (np.ma.array([[1.0, 2.0]], mask=[[True, False]]), "X has masked elements"),
        (sp.csr_array(np.eye(2)), r"X is a sparse matrix: pass X.toarray\(\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tables_that_are_refused(X, text):
    with pytest.raises(DataError, match=text):
        read_table(X)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (None, "pass y to fit"),
        ([1, 2], r"y has shape \(2,\), X has 3 rows"),
        ([[1], [2], [3]], r"y has shape \(3, 1\), X has 3 rows"),
        ([1.0, np.nan, 2.0], "y holds missing, NaN or infinite values"),
        (["a", None, "b"], "y holds missing, NaN or infinite values"),
        (pd.Series([1, None, 2], dtype="Int64"), "y holds missing"),
        (np.ma.array([1, 0, 1], mask=[True, False, False]), "y has masked elements"),
    ],
)
def test_labels_that_are_refused(y, text):
    with pytest.raises(DataError, match=text):
        read_labels(y, 3)


def test_classes_have_no_fractions():
    with pytest.raises(DataError, match=r"y holds 0.5: a classifier takes classes"):
        find_classes(np.array([0.0, 0.5, 1.0]))
    assert find_classes(np.array([2.0, 1.0])).tolist() == [1.0, 2.0]


def test_columns_of_truth_values_are_numbers():
    assert read_table(pd.DataFrame({"a": [True], "b": [0.5]})).values.tolist() == [[1.0, 0.5]]


def test_targets_are_numbers():
    assert read_targets([True, False, True], 3).tolist() == [1.0, 0.0, 1.0]
    with pytest.raises(DataError, match="y has dtype <U1, it takes numbers"):
        read_targets(["a", "b", "c"], 3)
