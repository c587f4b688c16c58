# SPDX-License-Identifier: Apache-2.0
"""What may be given as X and y, and what the errors say."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp

from pyfate_gpu.data.rows import NamedColumns
from pyfate_gpu.data.tables import Table, check_same_columns, read_labels, read_table, read_targets
from pyfate_gpu.errors import DataError


@pytest.mark.parametrize(
    "X",
    [
        [[1, 2], [3, 4]],
        ((1, 2.0), (True + 2, Decimal(4))),
        np.array([[1, 2], [3, 4]], dtype=np.int8),
        np.array([[1, 2], [3, 4]], dtype=">u8"),
        np.array([[1, 2], [3, 4]], dtype=np.float32),
        np.array([[1, 2], [3, 4]], dtype=">f8"),
        np.array([[1, 2], [3, 4]], dtype=np.longdouble),
        np.array([[1, Decimal(2)], [np.int8(3), 4.0]], dtype=object),
        np.asfortranarray([[1.0, 2.0], [3.0, 4.0]]),
        np.ma.array([[1.0, 2.0], [3.0, 4.0]], mask=False),
        pd.DataFrame({"a": [1, 3], "b": [2.0, 4.0]}),
        pd.DataFrame({"a": pd.array([1, 3], dtype="Int64"), "b": [2.0, 4.0]}),
        NamedColumns(("a", "b"), np.array([[1.0, 2.0], [3.0, 4.0]])),
        sp.csr_array([[1, 2], [3, 4]]).toarray(),
        sp.csr_matrix([[1, 2], [3, 4]]).todense(),
        pd.DataFrame.sparse.from_spmatrix(sp.csr_array([[1, 2], [3, 4]])),
    ],
    ids=lambda X: f"{type(X).__name__} {getattr(X, 'dtype', '')}",
)
def test_tables_of_numbers(X):
    table = read_table(X)
    assert table.values.dtype == np.float64
    assert table.values.flags.c_contiguous
    assert table.values.tolist() == [[1, 2], [3, 4]]


def test_names_come_from_data_frames_only():
    assert read_table(pd.DataFrame({"a": [1.0], 7: [2.0]})).names == ("a", "7")
    assert read_table([[1.0]]).names is None
    levels = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])
    assert read_table(pd.DataFrame([[1, 2]], columns=levels)).values.tolist() == [[1, 2]]


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (None, "X has 0 dimensions, it takes 2"),
        ([1, 2, 3], "X has 1 dimensions, it takes 2"),
        (pd.Series([1, 2, 3]), "X has 1 dimensions, it takes 2"),
        (pd.array([1, 2, 3]), "X has 1 dimensions, it takes 2"),
        ({"a": [1, 2]}, "X has 0 dimensions, it takes 2"),
        (pd.DataFrame({"a": [1]}).groupby("a"), "X is no array"),
        (np.zeros((0, 3)), "X has 0 rows and 3 columns"),
        (np.zeros((3, 0)), "X has 3 rows and 0 columns"),
        (pd.DataFrame(index=range(3)), "X has 3 rows and 0 columns"),
        (pd.DataFrame({"a": []}), "X has 0 rows and 1 columns"),
        ([["a", "b"]], "X has dtype <U1, it takes numbers"),
        ([["a", 1]], "X has dtype <U21, it takes numbers"),
        (np.array([["1", 2]], dtype=object), "X has dtype object, it takes numbers"),
        (np.array([[1, None]], dtype=object), "X holds NaN or infinite values in column 1"),
        ([[1 + 2j]], "X has dtype complex128"),
        (np.array([["2026"]], dtype="M8[Y]"), "X has dtype datetime64"),
        (np.array([[1]], dtype="m8[s]"), "X has dtype timedelta64"),
        ([[1.0, np.nan], [np.inf, 1.0]], "in column 0, column 1: drop or fill"),
        (np.array([["1e400"]]).astype(np.longdouble), "infinite values in column 0"),
        (pd.DataFrame({"age": [np.nan], "b": [1.0]}), "NaN or infinite values in 'age': drop"),
        (np.full((1, 9), np.nan), "column 4 and others: drop"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "columns named more than once: a; rename"),
        (pd.DataFrame([[1, 2]], columns=["7", 7]), "columns named more than once: 7; rename"),
        ([[2**53 + 1, 0.5]], r"X holds a whole number beyond 2\*\*53"),
        ([[np.uint64(2**64 - 1), 0.5]], r"X holds a whole number beyond 2\*\*53"),
        (np.array([[np.int64(2**53 + 1)]], dtype=object), r"X holds a whole number beyond 2\*\*53"),
        ([[2**63, -1], [0, 1]], r"X holds a whole number|^$"),
        (np.array([[2**53 + 1]]), r"X holds a whole number beyond 2\*\*53"),
        ([[10**400]], r"X holds a whole number beyond 2\*\*53"),
        ([[1, 2], [3]], "X is no array: its rows have different lengths"),
        (np.ma.array([[1.0, 2.0]], mask=[[True, False]]), "X has masked elements"),
        (sp.csr_array(np.eye(2)), r"X is a sparse matrix: pass X.toarray\(\)"),
        (sp.coo_matrix(np.eye(2)), r"X is a sparse matrix: pass X.toarray\(\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_tables_that_are_refused(X, text):
    if text.endswith("|^$"):  # float64 holds both, though NumPy has no type for the two
        assert read_table(X).values.tolist() == [[2.0**63, -1], [0, 1]]
        return
    with pytest.raises(DataError, match=text):
        read_table(X)


def test_arrays_that_numpy_cannot_take():
    class OnDevice:
        def __array__(self, dtype=None, copy=None):
            raise TypeError("implicit conversion is not allowed, use .get()")

    with pytest.raises(
        DataError, match=r"X is a OnDevice, of which NumPy makes no array: .*get\(\)"
    ):
        read_table(OnDevice())


def test_missing_values_and_empty_tables_where_they_are_wanted():
    X = pd.DataFrame({"a": pd.array([1, None], dtype="Int64"), "b": [True, False]})
    np.testing.assert_array_equal(read_table(X, missing=True).values, [[1, 1], [np.nan, 0]])
    np.testing.assert_array_equal(read_table([[1, None]], missing=True).values, [[1, np.nan]])
    with pytest.raises(DataError, match="X holds infinite values in column 0"):
        read_table([[np.inf, np.nan]], missing=True)
    for empty in (
        np.zeros((3, 0)),
        pd.DataFrame(index=range(3)),
        NamedColumns((), np.zeros((3, 0))),
    ):
        assert read_table(empty, empty=True).values.shape == (3, 0)
    with pytest.raises(DataError, match="X has 0 rows"):
        read_table(np.zeros((0, 0)), empty=True)


def test_the_advice_for_sparse_matrices_works():
    X, y = sp.coo_array(np.eye(5, 3)), sp.csc_array([[1], [0], [1]])
    assert read_table(X.toarray()).values.shape == (5, 3)
    with pytest.raises(DataError, match=r"y is a sparse matrix: pass y.toarray\(\).ravel\(\)"):
        read_labels(y, 3)
    assert read_labels(y.toarray().ravel(), 3).tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (None, "pass y to fit"),
        ([1, 2], r"y has shape \(2,\), X has 3 rows"),
        ([[1], [2], [3]], r"y has shape \(3, 1\), X has 3 rows"),
        (iter([1, 2, 3]), r"y has shape \(\), X has 3 rows"),
        (pd.MultiIndex.from_product([[1], [1, 2, 3]]), "y mixes .* neither of numbers"),
        (pd.DataFrame({"y": [1, 2, 3]}), r"y has shape \(3, 1\), X has 3 rows"),
        ([1.0, np.nan, 2.0], "y holds missing, NaN or infinite values"),
        ([1.0, np.inf, 2.0], "y holds missing, NaN or infinite values"),
        (["a", None, "b"], "y holds missing, NaN or infinite values"),
        ([Decimal(1), Decimal("nan"), Decimal(2)], "y holds missing"),
        (np.array([1, pd.NA, pd.NaT], dtype=object), "y holds missing"),
        (pd.Series([1, None, 2], dtype="Int64"), "y holds missing"),
        (pd.Series([1, None, 2], dtype="Float64"), "y holds missing"),
        (pd.Series([True, None, False], dtype="boolean"), "y holds missing"),
        (pd.Series(["a", None, "b"], dtype="string"), "y holds missing"),
        (pd.Series(["a", None, "b"], dtype="category"), "y holds missing"),
        (pd.Series([1, None, 2]), "y holds missing"),
        (pd.array([1, None, 2], dtype="Int64"), "y holds missing"),
        (np.ma.array([1, 0, 1], mask=[True, False, False]), "y has masked elements"),
        ([1, "a", 2], "y mixes types that have no order"),
        (np.array([1, 2, 3], dtype="M8[s]"), "y has dtype datetime64"),
        (pd.Series(pd.date_range("2026-01-01", periods=3)), "column 'y' has type datetime64"),
        (pd.Series(pd.period_range("2026", periods=3, freq="Y")), "y mixes .* neither of numbers"),
        (pd.Series([1j, 2j, 3j]), "y mixes .* neither of numbers"),
        ([2**53 + 1, 0.5, 1], r"y holds a whole number beyond 2\*\*53"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_labels_that_are_refused(y, text):
    with pytest.raises(DataError, match=text) as error:
        read_labels(y, 3)
    assert "2026" not in str(error.value)


@pytest.mark.parametrize(
    ("y", "kind", "expected"),
    [
        (["b", "a"], "U", ["b", "a"]),
        ([2**63 + 1, 2**63 + 2], "u", [2**63 + 1, 2**63 + 2]),
        ([2**63 + 1, -1], "O", [2**63 + 1, -1]),
        ([2**70, 1], "O", [2**70, 1]),
        ([1, 0.5], "f", [1, 0.5]),
        ([Decimal("99.99"), Decimal(1)], "f", [99.99, 1.0]),
        ([True, False], "b", [True, False]),
        (np.array([1, 2**63], dtype=">u8"), "u", [1, 2**63]),
        (np.array([0.5, 1], dtype=np.float16), "f", [0.5, 1.0]),
        (np.array([b"no", b"yes"]), "U", ["no", "yes"]),
        (pd.Series([2**53 + 1, 1]), "i", [2**53 + 1, 1]),
        (pd.Series([2**53 + 1, 1], dtype="Int64"), "i", [2**53 + 1, 1]),
        (pd.Series([0.5, 1], dtype="Float32"), "f", [0.5, 1.0]),
        (pd.Series([True, False], dtype="boolean"), "b", [True, False]),
        (pd.Series(["b", "a"], dtype="string"), "O", ["b", "a"]),
        (pd.Series(["b", "a"], dtype="category"), "O", ["b", "a"]),
        (pd.Series([7, 5], dtype="category"), "i", [7, 5]),
        (pd.Series([Decimal(2), Decimal(1)]), "i", [2, 1]),
    ],
    ids=lambda value: f"{type(value).__name__} {getattr(value, 'dtype', '')}",
)
def test_labels_keep_their_type(y, kind, expected):
    found = read_labels(y, 2)
    assert found.dtype.kind == kind
    assert found.dtype.isnative
    assert found.tolist() == expected


def test_targets_are_numbers():
    assert read_targets([True, False, True], 3).tolist() == [1.0, 0.0, 1.0]
    assert read_targets(np.array([2**62, Decimal("0.5")], dtype=object), 2).tolist() == [
        2.0**62,
        0.5,
    ]
    with pytest.raises(DataError, match="y has dtype <U1, it takes numbers"):
        read_targets(["a", "b", "c"], 3)
    with pytest.raises(DataError, match=r"exposure holds a whole number beyond 2\*\*53"):
        read_targets([2**53 + 1, 1], 2, "exposure")


def test_columns_are_those_of_training():
    table = Table(np.ones((1, 2)), ("a", "b"))
    check_same_columns(table, 2, ("a", "b"))
    check_same_columns(table, 2, None)
    for names, text in (
        (("a", "c"), "missing: c; not known: b"),
        (("b", "a"), "the order differs"),
    ):
        with pytest.raises(DataError, match=text):
            check_same_columns(table, 2, names)
    with pytest.raises(DataError, match="X has 2 columns, the model was fitted on 3"):
        check_same_columns(table, 3, None)


def test_arrays_and_lists_import_no_library_of_data_frames():
    code = (
        "import sys; import numpy as np; from pyfate_gpu.data.tables import read_labels, read_table;"
        "read_table(np.eye(2)); read_table([[1]]); read_labels([1, 2], 2); read_labels(np.ones(2), 2);"
        "print({'narwhals', 'pandas', 'polars', 'pyarrow', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
