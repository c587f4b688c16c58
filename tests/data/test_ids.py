# SPDX-License-Identifier: Apache-2.0
"""Ids: one text for each, whichever type they are of; what they look like without saying any."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.data.columns import Column
from pyfate_gpu.data.ids import check_once, id_texts, look_of
from pyfate_gpu.errors import DataError


def texts(*columns):
    return id_texts([Column(f"c{i}", "some type", values) for i, values in enumerate(columns)])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["007", " 7 ", "ü"], ["007", "7", "ü"]),
        (np.array([7, -(2**63)]), ["7", "-9223372036854775808"]),
        (np.array([2**64 - 1], dtype=">u8"), ["18446744073709551615"]),
        ([2**70, np.int8(3)], ["1180591620717411303424", "3"]),
        ([Decimal(12), Decimal("-0")], ["12", "0"]),
        ([date(2026, 1, 31)], ["2026-01-31"]),
        ([UUID(int=10)], ["00000000-0000-0000-0000-00000000000a"]),
    ],
    ids=repr,
)
def test_ids_have_one_text(values, expected):
    assert texts(values) == expected


@pytest.mark.parametrize(
    "values",
    [
        np.array([1.0, 2.0]),
        np.array([True]),
        [1.0],
        [-0.0],
        [True],
        [np.True_],
        [Decimal("1.0")],
        [Decimal("Infinity")],
        [datetime(2026, 1, 1)],
        [pd.Timestamp(0)],
        [timedelta(1)],
        [np.timedelta64(1)],
        [b"a"],
        [(1, 2)],
        None,
    ],
    ids=repr,
)
def test_types_that_programs_write_differently_are_refused(values):
    with pytest.raises(DataError, match="column 'c0'.* has type some type, ids are texts, whole"):
        texts(values)


@pytest.mark.parametrize("value", [None, "", "  ", float("nan"), Decimal("nan"), pd.NA, pd.NaT])
def test_missing_ids_are_refused(value):
    with pytest.raises(DataError, match="column 'c0' lacks the id of some row, row 2 for one"):
        texts(["a", value])


@given(st.lists(st.tuples(*[st.text("ab|\\", min_size=1)] * 2), min_size=2, max_size=2))
def test_ids_of_several_columns_are_the_same_where_all_parts_are(rows):
    found = texts(*map(list, zip(*rows, strict=True)))
    assert (found[0] == found[1]) == (rows[0] == rows[1])


def test_ids_of_several_columns_can_be_read():
    assert texts(["a", "b|c"], np.array([1, 2])) == ["a|1", "b\\|c|2"]


def test_ids_that_are_there_twice_are_named_by_their_rows():
    check_once(["a", "b"])
    with pytest.raises(DataError, match="2 ids are there more than once, in rows 2 and 3") as error:
        check_once(["x", "secret", "secret", "x", "secret"])
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["0000417", "0012345"], "digits, 7 long, with leading zeros"),
        (["417", "012"], "digits, 3 long, some with leading zeros"),
        (["0", "1"], "digits, 1 long"),
        (["a1", "b23"], "digits and lower-case letters, 2 to 3 long"),
        (["A|1"], "digits, capital letters and '|', 3 long"),
        (["1.0", "2.0"], "digits and '.', 3 long"),
        (["ü ß"], "' ' and other characters, 3 long"),
        (["éa"], "lower-case letters and other characters, 2 long"),
        ([], "none"),
    ],
)
def test_what_ids_look_like(ids, expected):
    assert look_of(ids) == expected


@given(st.lists(st.text(min_size=1), min_size=1))
def test_what_ids_look_like_does_not_depend_on_their_order(ids):
    assert look_of(ids) == look_of(sorted(ids))
