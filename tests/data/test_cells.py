# SPDX-License-Identifier: Apache-2.0
"""Cells as numbers: exact before the point, or refused; missing in every spelling."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from pyfate_gpu.data.cells import (
    MISSING,
    exact_floats,
    is_missing,
    number_of,
    parse_number,
    parse_truth,
    parse_whole,
)

BYTE_ORDERS = ["<", ">"]


def test_missing_texts_are_those_of_pandas():
    assert MISSING == STR_NA_VALUES


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("nan"),
        np.float32("nan"),
        Decimal("nan"),
        Decimal("sNaN"),
        pd.NA,
        pd.NaT,
        np.datetime64("NaT"),
        np.timedelta64("NaT"),
    ],
    ids=repr,
)
def test_values_that_are_missing(value):
    assert is_missing(value)


@pytest.mark.parametrize("value", [0, "", "nan", False, Decimal(0), b"", np.zeros(2), (1, 2)])
def test_values_that_are_there(value):
    assert not is_missing(value)


@given(st.integers(-(2**70), 2**70))
def test_whole_numbers_are_exact_or_refused(value):
    cells = [(number_of, value), (parse_number, str(value)), (number_of, Decimal(value))]
    cells.append((parse_number, f"{value}.00"))
    if -(2**63) <= value < 2**63:
        cells.append((number_of, np.int64(value)))  # which Python compares with floats as a float
    if 0 <= value < 2**64:
        cells.append((number_of, np.uint64(value)))
    for read, cell in cells:
        if float(value) == value:
            assert read(cell) == value
        else:
            with pytest.raises(OverflowError):
                read(cell)


@given(st.decimals(-(10**15), 10**15, places=3))
def test_decimals_become_the_nearest_float(value):
    nearest = Fraction(*number_of(value).as_integer_ratio())
    assert abs(nearest - Fraction(value)) <= abs(Fraction(np.spacing(float(value)))) / 2
    assert number_of(value) == parse_number(str(value))


def test_digits_before_the_point_of_a_decimal_are_kept():
    with pytest.raises(OverflowError):
        number_of(Decimal("9007199254740993.5"))
    assert number_of(Decimal("9007199254740992.0")) == 2.0**53


@pytest.mark.parametrize("value", [10**400, Decimal(10) ** 400])
def test_numbers_beyond_float64_are_refused(value):
    with pytest.raises(OverflowError):
        number_of(value)


@pytest.mark.parametrize(
    "value",
    ["1", b"1", 1j, None, np.timedelta64(1, "D"), pd.Timedelta(1), pd.Timestamp(0), (1,), [1]],
    ids=repr,
)
def test_what_is_no_number(value):
    with pytest.raises(TypeError):
        number_of(value)


@pytest.mark.parametrize("text", ["1_0", "\u0663", "1,5", "0x10", "one", "1 2"])
def test_texts_that_no_other_program_takes_for_numbers(text):
    for parse in (parse_number, parse_whole, parse_truth):
        with pytest.raises(ValueError):
            parse(text)


def test_texts_of_numbers_and_truth_values():
    assert [parse_number(t) for t in ("1.5", "-2", "+3e2", ".5", "1e23")] == [
        1.5,
        -2,
        300,
        0.5,
        1e23,
    ]
    assert [parse_truth(t) for t in ("true", "FALSE", "True")] == [1, 0, 1]
    assert parse_whole("-9223372036854775809") == -9223372036854775809
    with pytest.raises(OverflowError):
        parse_number("9" * 5000)


@pytest.mark.parametrize("order", BYTE_ORDERS)
@pytest.mark.parametrize("kind", ["i1", "u2", "i4", "u8", "i8", "f2", "f4", "f8"])
def test_arrays_of_any_size_and_byte_order(kind, order):
    array = np.array([0, 1, 100], dtype=np.dtype(kind).newbyteorder(order))
    found = exact_floats(array)
    assert found.dtype == np.float64
    assert found.tolist() == [0.0, 1.0, 100.0]


@pytest.mark.parametrize("order", BYTE_ORDERS)
@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("i8", 2**53 + 1),
        ("i8", -(2**63) + 1),
        ("u8", 2**64 - 1),
        ("u8", 2**63 + 1),
        ("g", 2**53 + 1),
    ],
)
def test_whole_numbers_of_arrays_that_float64_does_not_hold(kind, value, order):
    array = np.array([value, 0], dtype=np.int64 if value < 2**63 else np.uint64)
    array = array.astype(np.dtype(kind).newbyteorder(order))
    if int(array[0]) != value:
        pytest.skip("long double is float64 on this machine")
    with pytest.raises(OverflowError):
        exact_floats(array)


def test_large_whole_numbers_that_float64_holds():
    values = [2**53 + 2, -(2**63), 2**62]
    assert exact_floats(np.array(values)).tolist() == values
    assert exact_floats(np.array([2**63, 2**64 - 2**11], dtype=np.uint64)).tolist() == [
        2.0**63,
        2.0**64 - 2**11,
    ]
