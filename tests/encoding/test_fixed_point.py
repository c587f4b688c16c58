# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import FixedPointEncoder
from pyfate_gpu.encoding import from_description
from pyfate_gpu.errors import EncodingError, PyFateError


def nearest(value: float | int, fraction_bits: int) -> int:
    """Round half to even, by exact fractions: what round() of Python does."""
    return round(Fraction(value) * 2**fraction_bits)


@given(st.lists(st.floats(-(2.0**23), 2.0**23), max_size=20), st.integers(0, 200))
def test_encoding_is_exactly_rounded(values, fraction_bits):
    encoded = FixedPointEncoder(fraction_bits).encode(np.array(values))
    assert encoded.to_integers().tolist() == [nearest(v, fraction_bits) for v in values]
    assert all(abs(m) <= encoded.bound for m in encoded.to_integers())


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 1100))
def test_any_finite_float(value, fraction_bits):
    encoder = FixedPointEncoder(fraction_bits, bound=2**1024)
    assert encoder.encode(value).to_integers() == nearest(value, fraction_bits)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.5, 0), (1.5, 2), (2.5, 2), (-0.5, 0), (-1.5, -2)]
)
def test_ties_go_to_even(value, expected):
    assert FixedPointEncoder(0).encode(value).to_integers() == expected
    # Nor twice: this is below the tie and would become one if it were rounded to fewer bits first.
    assert FixedPointEncoder(0).encode(np.nextafter(2.5, 0)).to_integers() == 2
    assert FixedPointEncoder(0).encode(np.nextafter(1.5, 0)).to_integers() == 1


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "?"])
def test_dtypes(dtype):
    values = np.array([0, 1, 100 if dtype != "?" else 1], dtype=dtype)
    encoded = FixedPointEncoder(8).encode(values)
    assert encoded.kind == "f"
    assert encoded.exponent == -8
    assert encoded.to_integers().tolist() == [256 * int(v) for v in values]


def test_bounds_that_are_no_floats():
    bound = 2**60 + 200  # the nearest float is beyond it
    assert FixedPointEncoder(0, bound).encode(2.0**60).to_integers() == 2**60
    with pytest.raises(EncodingError):
        FixedPointEncoder(0, bound).encode(2.0**60 + 256)


def test_wide_integers():
    encoder = FixedPointEncoder(40, bound=2**80)
    assert encoder.encode([2**79 + 1, -(2**80)]).to_integers().tolist() == [
        (2**79 + 1) << 40,
        -(2**80) << 40,
    ]


def test_the_bound_itself_is_allowed():
    assert FixedPointEncoder().encode([2.0**23, -(2**23)]).to_integers().tolist() == [
        2**63,
        -(2**63),
    ]
    assert FixedPointEncoder(4, bound=1.03125).integer_bound == 17


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2.0**23 + 1, -1e300, 2**23 + 1, 2**70])
def test_refused_values(value):
    with pytest.raises(EncodingError, match=r"at \(1,\).*at most 8388608.*FixedPointEncoder"):
        FixedPointEncoder().encode([0, value])


@pytest.mark.parametrize(
    "values",
    [
        np.array([1 + 2j]),
        ["a"],
        np.array(["2026-01-01"], dtype="M8"),
        np.array([1.5, None], dtype=object),
        np.array([object()]),
        np.array([1.0], dtype=object),
        np.array([1], dtype=np.clongdouble),
        None,
        [[1, 2], [3]],
        np.ma.array([1.0, 2.0], mask=[False, True]),
        pd.array([1, None], dtype="Int64"),
        sp.csr_array(np.eye(2)),
    ],
    ids=lambda v: type(v).__name__ + str(getattr(v, "dtype", "")),
)
def test_refused_types(values):
    with pytest.raises(EncodingError):
        FixedPointEncoder().encode(values)


@pytest.mark.parametrize("bits", [-1, 8193, 2.0, True, "8", None])
def test_refused_fraction_bits(bits):
    with pytest.raises(EncodingError, match="fraction_bits is"):
        FixedPointEncoder(bits)


@pytest.mark.parametrize("bound", [0, -1, np.nan, np.inf, "8", True, None])
def test_refused_bounds(bound):
    with pytest.raises(EncodingError, match="bound is"):
        FixedPointEncoder(bound=bound)


def test_masked_arrays_without_masked_elements():
    assert FixedPointEncoder(0).encode(np.ma.array([1.0, 2.0])).to_integers().tolist() == [1, 2]


def test_errors_are_value_errors_as_well():
    assert issubclass(EncodingError, PyFateError)
    assert issubclass(EncodingError, ValueError)


@pytest.mark.parametrize("bound", [2**23, 1.1, 2**100 + 1, 1e-9])
def test_description_round_trip(bound):
    encoder = FixedPointEncoder(17, bound)
    assert from_description(encoder.describe()) == encoder


@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (2, 3)])
def test_shapes(shape):
    encoded = FixedPointEncoder().encode(np.zeros(shape))
    assert encoded.shape == shape
    assert encoded.T.shape == shape[::-1]
    assert (-encoded).shape == shape


def test_align_is_exact():
    encoded = FixedPointEncoder(8, bound=4).encode([-1.5, 3.25])
    aligned = encoded.align(-100)
    assert aligned.to_integers().tolist() == [m << 92 for m in encoded.to_integers()]
    assert aligned.bound == encoded.bound << 92


def test_repr_shows_no_values():
    text = repr(FixedPointEncoder().encode([0.123456789]))
    assert "0.12" not in text
    assert str(nearest(0.123456789, 40)) not in text
