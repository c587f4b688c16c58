# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import IntegerEncoder
from pyfate_gpu.encoding import from_description
from pyfate_gpu.errors import EncodingError


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_bound_is_the_range_of_the_dtype(dtype):
    info = np.iinfo(dtype)
    encoded = IntegerEncoder().encode(np.array([info.min, info.max, 0], dtype=dtype))
    assert encoded.to_integers().tolist() == [info.min, info.max, 0]
    assert encoded.bound == max(-int(info.min), int(info.max))
    assert encoded.exponent == 0
    assert encoded.kind == "i"


def test_bound_does_not_depend_on_values():
    bounds = {IntegerEncoder().encode(v).bound for v in (0, 1, -5, 2**63 - 1, [2**63, 1])}
    assert bounds == {2**63}


@given(st.lists(st.integers(-(2**300), 2**300), max_size=10))
def test_wide_integers_under_a_declared_bound(values):
    assert IntegerEncoder(2**300).encode(values).to_integers().tolist() == values


def test_wide_integers_need_a_declared_bound():
    with pytest.raises(EncodingError, match=r"71 bits at flat position 1.*IntegerEncoder\(bound"):
        IntegerEncoder().encode([1, 2**70])


def test_mixed_lists_stay_exact():
    # NumPy would make floats of these and lose the last digits.
    values = [2**63 + 1, -1]
    assert IntegerEncoder(2**64).encode(values).to_integers().tolist() == values


def test_beyond_a_declared_bound():
    with pytest.raises(EncodingError, match="beyond the bound 100"):
        IntegerEncoder(100).encode(np.array([100, -101]))
    assert IntegerEncoder(100).encode(np.array([100, -100])).bound == 100


def test_integral_floats():
    assert IntegerEncoder(2**90).encode([2.0, -(2.0**80)]).to_integers().tolist() == [2, -(2**80)]


@pytest.mark.parametrize("value", [0.5])
def test_other_floats_are_refused(value):
    with pytest.raises(EncodingError, match=r"no integer.*FixedPointEncoder"):
        IntegerEncoder().encode([1.0, value])


@pytest.mark.parametrize("value", [np.nan, np.inf, pd.Series([1, None], dtype="Int64")])
def test_values_that_are_missing(value):
    with pytest.raises(EncodingError, match="fill or drop (what has no value|missing values)"):
        IntegerEncoder().encode(value)


@pytest.mark.parametrize("bound", [0, -4, 1.5, True, "9"])
def test_refused_bounds(bound):
    with pytest.raises(EncodingError, match="bound is"):
        IntegerEncoder(bound)


@pytest.mark.parametrize("encoder", [IntegerEncoder(), IntegerEncoder(2**200 + 1)])
def test_description_round_trip(encoder):
    assert from_description(encoder.describe()) == encoder


@pytest.mark.parametrize(
    "description",
    [{}, {"type": "roman"}, {"type": "integer"}, {"type": "integer", "bound": 7},
     {"type": "integer", "bound": "-1"}, {"type": "fixed_point", "fraction_bits": 4, "bound": "1/0"},
     {"type": "fixed_point", "fraction_bits": "4", "bound": "1/1"}, {"type": []}],
)  # fmt: skip
def test_malformed_descriptions(description):
    with pytest.raises(EncodingError):
        from_description(description)
