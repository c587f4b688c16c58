# SPDX-License-Identifier: Apache-2.0
"""Labels keep their type and stay apart; classes of every type come out as columns."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from pyfate_gpu.data.labels import as_labels, encode_classes, find_classes, has_label, tidy_labels
from pyfate_gpu.errors import DataError


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([True, False], "b", [True, False]),
        ([np.int8(1), 2], "i", [1, 2]),
        ([True, 2], "i", [1, 2]),
        ([2**63 + 1, 2**63 + 2], "u", [2**63 + 1, 2**63 + 2]),
        ([2**63 + 1, -1], "O", [2**63 + 1, -1]),
        ([2**70, 2**70 + 1], "O", [2**70, 2**70 + 1]),
        ([Decimal(2**63 + 1), 5], "u", [2**63 + 1, 5]),
        ([Decimal("12.75"), Decimal("0.50")], "f", [12.75, 0.5]),
        ([1, 0.5], "f", [1.0, 0.5]),
        (["b", np.str_("a")], "O", ["b", "a"]),
        ([b"b", "a"], "O", ["b", "a"]),
        ([1, None, float("nan"), pd.NA, pd.NaT], "O", [1, None, None, None, None]),
        ([2**53 + 1, None, 2**53], "O", [2**53 + 1, None, 2**53]),
        ([None, None], "O", [None, None]),
    ],
    ids=repr,
)
def test_labels_are_what_all_values_are(values, kind, expected):
    found = as_labels(values)
    assert found.dtype.kind == kind
    assert found.tolist() == expected


@pytest.mark.parametrize(
    "values",
    [
        [1, "a"],
        [True, "a"],
        [date(2026, 1, 1)],
        [timedelta(1)],
        [(1, 2)],
        [1j],
        [np.timedelta64(1)],
    ],
    ids=repr,
)
def test_what_is_no_label(values):
    with pytest.raises(TypeError):
        as_labels(values)
    with pytest.raises(DataError, match="mixes types that have no order, or is neither"):
        find_classes(np.array([*values, None], dtype=object)[: len(values)])


def test_whole_numbers_beside_floats_are_not_rounded():
    with pytest.raises(OverflowError):
        as_labels([2**53 + 1, 0.5])
    with pytest.raises(DataError, match="beyond 2\\*\\*53 that float64 does not"):
        tidy_labels(np.array([2**53 + 1, 0.5], dtype=object))


@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 1],
        [-1, 1, 1],
        ["a", "b", "b"],
        [b"a", b"b", b"b"],
        [False, True, True],
        [1.0, 2.0, 2.0],
        [2**63 + 1, 2**63 + 2, 2**63 + 2],
        [-1, 2**63, 2**63],
        [2**53, 2**53 + 1, 2**53 + 1],
        [Decimal(1), Decimal(2), Decimal(2)],
    ],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [None, object])
def test_two_classes_in_sorted_order(labels, dtype):
    y = np.array(labels, dtype=dtype)
    classes = find_classes(y)
    assert len(classes) == 2
    assert classes.dtype.kind not in "SO" or all(type(c) in (int, str) for c in classes.tolist())
    assert encode_classes(y, classes).tolist() == [[0.0], [1.0], [1.0]]


def test_more_classes_get_a_column_each():
    y = np.array(["c", "a", "b"])
    assert encode_classes(y, find_classes(y)).tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("labels", [[1, 1], []])
def test_fewer_classes_are_refused(labels):
    with pytest.raises(DataError, match=f"y has {len(set(labels))} distinct values"):
        find_classes(np.array(labels))


def test_classes_have_no_fractions():
    with pytest.raises(DataError, match="no whole ones: a classifier takes classes") as error:
        find_classes(np.array([0.0, 0.5, 1.0]))
    assert "0.5" not in str(error.value)
    with pytest.raises(DataError, match="no whole ones"):
        find_classes(np.array([Decimal("0.5"), Decimal(1)]))
    assert find_classes(np.array([2.0, 1.0])).tolist() == [1.0, 2.0]


def test_missing_labels_are_no_class():
    with pytest.raises(DataError, match="y holds missing values"):
        find_classes(np.array(["a", None, "b"], dtype=object))


@pytest.mark.parametrize(
    "y", [pd.to_datetime(["2026-01-01"]).to_numpy(), np.array([1j]), np.array([1], dtype="m8[s]")]
)
def test_other_types_are_refused(y):
    with pytest.raises(DataError, match=f"y has dtype {y.dtype}".replace("[", r"\[")):
        find_classes(y)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(DataError, match="no text in UTF-8"):
        find_classes(np.array([b"\xff", b"a"]))


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array(["a", "zebra"]), np.array(["a", "b"])),
        (np.array([1, 2**53], dtype=np.uint64), np.array([1, 2**53 + 1])),
        (np.array([1.0, 2.0**53]), np.array([1, 2**53 + 1])),
        (np.array(["1", "2"]), np.array([1, 2])),
    ],
)
def test_classes_that_training_did_not_know_are_refused(y, classes):
    with pytest.raises(DataError, match=r"is none of the 2 classes trained on") as error:
        encode_classes(y, classes)
    assert "zebra" not in str(error.value)


def test_whole_numbers_are_found_exactly(rng):
    """Near the ends of int64, where float64 rounds; in any order of classes."""
    top = 2**63 - 1
    classes = np.array([top, -top - 1, 3, top - 1, 0])
    labels = rng.choice(classes, 200)
    found = encode_classes(labels, classes)
    assert (found.argmax(axis=1) == [classes.tolist().index(label) for label in labels]).all()
    assert (found.sum(axis=1) == 1).all()
    with pytest.raises(DataError, match=r"y\[1\] is none of the 5 classes"):
        encode_classes(np.array([3, top - 2], dtype=np.int64), classes)


def test_classes_of_other_types_that_are_equal_are_the_same():
    assert encode_classes(np.array([1.0, 2.0]), np.array([1, 2])).tolist() == [[0.0], [1.0]]
    assert encode_classes(np.array([True, False]), np.array([0, 1])).tolist() == [[1.0], [0.0]]
    assert encode_classes(np.array([b"b", b"a"]), np.array(["a", "b"])).tolist() == [[1.0], [0.0]]


def test_rows_that_have_a_label():
    assert has_label(np.array([1, 2])).tolist() == [True, True]
    assert has_label(np.array([1.0, np.nan])).tolist() == [True, False]
    assert has_label(as_labels(["a", None, pd.NA])).tolist() == [True, False, False]
