# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.backends import words

integers = st.integers(-(2**200), 2**200)


@given(st.lists(integers, max_size=20))
def test_signed_round_trip(values):
    array = np.array(values, dtype=object)
    assert words.words_to_integers(words.integers_to_words(array)).tolist() == values


@given(st.lists(st.integers(0, 2**192 - 1), max_size=20))
def test_unsigned_round_trip(values):
    assert words.unsigned_to_integers(words.unsigned_to_words(values, 3)).tolist() == values


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_every_integer_dtype(dtype):
    info = (0, 1) if dtype == "?" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    array = np.array([info[0], info[1], 1], dtype=dtype)
    assert words.words_to_integers(words.integers_to_words(array)).tolist() == [
        int(v) for v in array
    ]


def test_zero_dimensions_stay():
    assert words.integers_to_words(np.array(7)).shape == (1,)
    assert words.words_to_integers(np.array([7])) == 7


@given(st.lists(integers, min_size=1, max_size=10), st.integers(0, 300))
def test_shift_left(values, bits):
    array = np.array(values, dtype=object)
    width = words.words_for_bound(max(abs(v) for v in values) << bits)
    shifted = words.shift_left(words.integers_to_words(array), bits, width)
    assert words.words_to_integers(shifted).tolist() == [v << bits for v in values]


@given(st.lists(integers, min_size=1, max_size=10))
def test_negate(values):
    array = words.integers_to_words(np.array(values, dtype=object))
    assert words.words_to_integers(words.negate(array)).tolist() == [-v for v in values]


def test_negate_the_smallest_word():
    array = words.integers_to_words(np.array([-(2**63), 5]))
    assert words.words_to_integers(words.negate(array)).tolist() == [2**63, -5]


@given(st.lists(st.integers(0, 2**128 - 1), min_size=1, max_size=10), st.integers(0, 2**130))
def test_less_than(values, limit):
    rows = words.unsigned_to_words(values, 2)
    assert words.less_than(rows, limit).tolist() == [v < limit for v in values]
    equal = words.unsigned_to_words([min(limit, 2**128 - 1)], 2)
    assert words.less_than(equal, limit).tolist() == [limit >= 2**128]


@given(st.lists(st.integers(0, 2**128 - 1), min_size=1, max_size=10))
def test_subtract_from(values):
    limit = max(values)
    result = words.subtract_from(limit, words.unsigned_to_words(values, 2))
    assert words.unsigned_to_integers(result).tolist() == [limit - v for v in values]
