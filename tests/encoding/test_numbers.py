# SPDX-License-Identifier: Apache-2.0
"""Every way in: each number that comes out is the one that went in, or none does."""

from __future__ import annotations

import array
import collections
import datetime
import fractions
from decimal import Decimal

import gmpy2
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyfate_gpu import FixedPointEncoder, IntegerEncoder
from pyfate_gpu.backends.words import integers_to_words, words_to_integers
from pyfate_gpu.encoding.numbers import as_integer, as_numbers, is_integer
from pyfate_gpu.errors import EncodingError

INTEGERS = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
FLOATS = ("f2", "f4", "f8")
BIG = 2**60 + 1
"""An integer that float64 does not hold."""

integer_dtypes = st.builds(
    np.dtype, st.builds("".join, st.tuples(st.sampled_from("<>"), st.sampled_from(INTEGERS)))
)
float_dtypes = st.builds(
    np.dtype, st.builds("".join, st.tuples(st.sampled_from("<>"), st.sampled_from(FLOATS)))
)
shapes = hnp.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)


@given(values=hnp.arrays(integer_dtypes, shapes))
def test_integers_of_any_byte_order(values):
    expected = [int(v) for v in values.ravel()]
    assert as_numbers(values).dtype.isnative
    assert as_numbers(values).ravel().tolist() == expected
    assert words_to_integers(integers_to_words(values)).ravel().tolist() == expected
    encoded = IntegerEncoder().encode(values)
    assert encoded.to_integers().ravel().tolist() == expected
    assert encoded.bound == max(-int(np.iinfo(values.dtype).min), int(np.iinfo(values.dtype).max))
    fixed = FixedPointEncoder(3, bound=2**64).encode(values)
    assert fixed.to_integers().ravel().tolist() == [8 * v for v in expected]


@given(
    values=hnp.arrays(float_dtypes, shapes, elements={"allow_nan": False, "allow_infinity": False})
)
def test_floats_of_any_byte_order_and_length(values):
    expected = [round(fractions.Fraction(float(v)) * 2**30) for v in values.ravel()]
    assert as_numbers(values).dtype == np.float64
    encoded = FixedPointEncoder(30, bound=2**1024).encode(values)
    assert encoded.to_integers().ravel().tolist() == expected


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("dtype", [">u8", ">i4", ">f2", ">f8"])
def test_every_form_of_big_endian_numbers(dtype):
    values = np.array([7], dtype=dtype)
    forms = (
        values[0],
        values.reshape(()),
        pd.Series(values),
        np.asmatrix(values),
        np.ma.array(values),
        [values],
    )
    for form in forms:
        assert np.ravel(as_numbers(form)).tolist() == [7]
        assert as_numbers(form).dtype.isnative


elements = st.one_of(
    st.integers(-(2**70), 2**70), st.integers(-(2**53), 2**53), st.floats(-1e6, 1e6)
)


@given(values=st.lists(elements, max_size=4))
def test_lists_are_exact_or_refused(values):
    try:
        found = as_numbers(values).tolist()
    except EncodingError:
        assert any(isinstance(v, float) for v in values), "integers alone are always exact"
        assert any(isinstance(v, int) and abs(v) > 2**53 for v in values)
        return
    assert [fractions.Fraction(v) for v in found] == [fractions.Fraction(v) for v in values]


@pytest.mark.parametrize(
    "values",
    [[BIG, 0.5], (0.5, -BIG), [[BIG], [0.5]], [np.array([BIG, 1]), [0.5, 1.5]], [pd.Series([BIG]), [0.5]],
     [np.uint64(BIG), np.float64(0.5)], [gmpy2.mpz(BIG), 0.5], collections.deque([BIG, 0.5]), [10**400, 0.5],
     pd.DataFrame({"a": [BIG], "b": [0.5]}), pd.DataFrame({"a": pd.array([BIG], "UInt64"), "b": [np.float32(1)]}),
     pa.table({"a": [BIG], "b": [0.5]}), pd.DataFrame({"a": pd.Series([2**70 + 1], dtype=object), "b": [0.5]})],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_integers_among_floats_that_would_lose_digits(values):
    with pytest.raises(EncodingError, match="float"):
        as_numbers(values)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([2**60, 0.5], [2.0**60, 0.5]), ([True, 0.5], [1.0, 0.5]), ([np.float16(0.5), np.int16(2049)], [0.5, 2049.0]),
     ([np.float32(0.5), 2**24 + 1], [0.5, 2.0**24 + 1]), ([2**53, -1.5], [2.0**53, -1.5])],
)  # fmt: skip
def test_integers_among_floats_that_fit(values, expected):
    found = as_numbers(values)
    assert (found.dtype, found.tolist()) == (np.float64, expected)


@pytest.mark.parametrize(
    ("values", "expected"),
    [([2**63, -1], [2**63, -1]), ((2**64, 1), [2**64, 1]), (2**63, 2**63), (2**100, 2**100),
     (range(2**63, 2**63 + 2), [2**63, 2**63 + 1]), (collections.deque([2**63, -1]), [2**63, -1]),
     ([np.uint64(2**64 - 1), np.int64(-1)], [2**64 - 1, -1]), ([np.array([2**63], "u8"), [-1]], [[2**63], [-1]]),
     (gmpy2.mpz(2**63 + 1), 2**63 + 1), ([gmpy2.mpz(2**100), 1], [2**100, 1]), (array.array("Q", [2**63]), [2**63]),
     (np.array([2**70, np.int8(-1)], dtype=object), [2**70, -1])],
    ids=str,
)  # fmt: skip
def test_integers_of_any_size(values, expected):
    found = as_numbers(values)
    assert found.dtype == object
    assert found.tolist() == expected
    assert all(type(v) is int for v in found.flat)


def test_the_type_of_numpy_integers_is_kept():
    """It is public; that of Python's integers would be one that the largest of them chooses."""
    for values in (np.uint64(2**64 - 1), [np.uint64(2**64 - 1)], np.array([2**64 - 1], "u8")):
        assert as_numbers(values).dtype == np.uint64
    assert IntegerEncoder().encode([2**63]).bound == IntegerEncoder().encode([1]).bound


FRAMES = {
    "int64 and uint64": ({"a": ("i8", [-1, 5]), "b": ("u8", [2**64 - 1, 2**53 + 1])}, object),
    "small integers": ({"a": ("i1", [-1, 5]), "b": ("u1", [200, 3])}, np.int16),
    "truth values": ({"a": ("?", [True, False]), "b": ("i8", [BIG, 3])}, np.int64),
    "integers and floats": ({"a": ("i8", [2**53, 5]), "b": ("f4", [0.5, 3])}, np.float64),
    "floats": ({"a": ("f2", [0.5, 5]), "b": ("f8", [1e300, 3])}, np.float64),
    "one column": ({"a": ("u8", [2**64 - 1, 5])}, np.uint64),
    "big-endian": ({"a": (">u8", [2**64 - 1, 5]), "b": (">i2", [-1, 3])}, object),
}


@pytest.mark.parametrize(("columns", "dtype"), FRAMES.values(), ids=FRAMES)
@pytest.mark.parametrize("library", ["pandas", "nullable", "arrow", "polars"])
def test_tables_keep_the_type_of_each_column(columns, dtype, library):
    table = table_of(
        library, {name: np.array(v, dtype=kind) for name, (kind, v) in columns.items()}
    )
    found = as_numbers(table)
    assert found.dtype == dtype
    assert found.tolist() == [
        list(row) for row in zip(*(v for _, v in columns.values()), strict=True)
    ]


NULLABLE = {
    "i8": "Int64", "u8": "UInt64", "i1": "Int8", "u1": "UInt8", "b1": "boolean", "i2": "Int16", "f2": "Float32",
    "f4": "Float32", "f8": "Float64",
}  # fmt: skip


def table_of(library, columns):
    """A table of some library; all but pandas know the byte order of this machine only."""
    if library == "pandas":
        return pd.DataFrame(columns)
    columns = {name: v.astype(v.dtype.newbyteorder("=")) for name, v in columns.items()}
    if library == "nullable":
        return pd.DataFrame(
            {name: pd.array(v, NULLABLE[v.dtype.str[1:]]) for name, v in columns.items()}
        )
    if library == "arrow":
        return pa.table(columns)
    return pl.DataFrame(columns)


def test_nullable_columns_of_pandas():
    frame = pd.DataFrame({
        "a": pd.array([1, 2], "Int64"), "b": pd.array([1.5, -2], "Float64"), "c": pd.array([True, False], "boolean"),
    })  # fmt: skip
    assert as_numbers(frame).tolist() == [[1, 1.5, 1], [2, -2, 0]]
    assert as_numbers(frame["a"]).dtype == np.int64
    assert as_numbers(frame["b"].astype("double[pyarrow]")).tolist() == [1.5, -2]


def test_tables_without_columns_or_with_two_of_one_name():
    assert as_numbers(pd.DataFrame(index=[1, 2])).shape == (2, 0)
    assert as_numbers(pd.DataFrame([[1, 2]], columns=["a", "a"])).tolist() == [[1, 2]]


def test_arrow_arrays():
    assert as_numbers(pa.array([2**64 - 1], pa.uint64())).tolist() == [2**64 - 1]
    assert as_numbers(pa.chunked_array([[BIG], [2]])).tolist() == [BIG, 2]
    assert as_numbers(
        pa.record_batch({"a": [-1], "b": pa.array([2**63], pa.uint64())})
    ).tolist() == [[-1, 2**63]]


MASKED = np.ma.array([1, 2], mask=[False, True])


@pytest.mark.parametrize(
    "values",
    [MASKED, [MASKED, [3, 4]], ([[MASKED]],), np.ma.masked, MASKED.astype(float)],
    ids=lambda v: type(v).__name__,
)
def test_masked_elements(values):
    with pytest.raises(EncodingError, match="masked elements.*filled"):
        as_numbers(values)


@pytest.mark.parametrize(
    "values",
    [pd.NA, [1, pd.NA], None, [None, 1.0], pd.Series([True, None], dtype="boolean"), [pd.NaT],
     pa.array([True, None]), pd.DataFrame({"a": [1], "b": pd.array([None], "boolean")}), [[1, pd.NA], [2, 3]],
     pd.Series([1, pd.NA], dtype=object), pa.array([None, None])],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_missing_values(values):
    with pytest.raises(EncodingError, match="fill"):
        as_numbers(values)


@pytest.mark.parametrize(
    "values",
    [pd.Series([1, None], dtype="Int64"), pd.Series([1.5, None], dtype="Float64"), pa.array([BIG, None]),
     pd.Series([1, None], dtype="int64[pyarrow]"), pd.DataFrame({"a": pd.array([1, None], "Int64")})],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_missing_values_that_come_as_nan(values):
    for encoder in (FixedPointEncoder(), IntegerEncoder()):
        with pytest.raises(EncodingError, match=r"nan|fill"):
            encoder.encode(values)


@pytest.mark.parametrize(
    "values",
    [np.longdouble(1) / 3, [np.longdouble(1) / 3, 0.5], np.array([1], np.clongdouble), 1j, [1 + 0j], "1", b"1", ["1.5"],
     np.array(["1"]), np.array([b"1"]), np.datetime64("2026-01-01"), datetime.date(2026, 1, 1), np.timedelta64(5, "s"),
     np.array([np.timedelta64(5, "s")], dtype=object), pd.Series(pd.to_datetime(["2026-01-01"])),
     pd.Timedelta(5), [Decimal("0.5")], [fractions.Fraction(1, 2)], gmpy2.mpfr(1.5), np.array([1.5], dtype=object),
     np.array([(1, 2)], dtype="i4,f8"), object(), {1: 2}, {1}, iter([1]), int, sp.csr_array(np.eye(2)), [[1, 2], [3]],
     pa.array([Decimal("1.5")]), pd.DataFrame({"a": [1], "b": ["x"]}), pa.array(["a"])],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_what_is_no_number(values):
    for encoder in (FixedPointEncoder(), IntegerEncoder()):
        with pytest.raises(EncodingError, match=r"convert|pass|only Python integers"):
            encoder.encode(values)


def test_errors_name_the_column():
    with pytest.raises(EncodingError, match="column 'town'.*str"):
        as_numbers(pd.DataFrame({"age": [1], "town": ["x"]}))


class Unreadable:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("it lies elsewhere")


def test_arrays_of_other_libraries_that_cannot_be_read():
    with pytest.raises(
        EncodingError, match="Unreadable as numbers: it lies elsewhere.*NumPy array"
    ):
        as_numbers(Unreadable())


def test_integers_as_parameters():
    for value in (3, np.int8(3), np.uint64(3), gmpy2.mpz(3)):
        assert is_integer(value)
        assert type(as_integer(value, "x")) is int
    for value in (True, np.True_, 3.0, "3", None, np.timedelta64(3), np.array(3)):
        assert not is_integer(value)
        with pytest.raises(EncodingError, match="x is"):
            as_integer(value, "x")
