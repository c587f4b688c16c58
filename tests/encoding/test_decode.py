# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyfate_gpu.backends.words import unsigned_to_words
from pyfate_gpu.encoding import decode_residues
from pyfate_gpu.errors import BoundError, EncodingError

N = (2**255 + 95) | 1
WORDS = 4


def decode(values, exponent=0, kind="f", bound=None, n=N):
    return decode_residues(
        unsigned_to_words([v % n for v in values], WORDS), n, exponent, kind, bound
    )


values = st.one_of(
    st.integers(-(2**253), 2**253),
    st.integers(-(2**70), 2**70),
    st.integers(-100, 100),
    st.integers(-(2**54), 2**54).map(lambda v: v << 100),
)


@given(st.lists(values, max_size=20), st.integers(-1400, 700))
@example([2**53 + 1, -(2**53) - 1, 2**54 + 2, (2**53 + 1) << 64 | 1, (2**53 + 1) << 64], 0)
@example([1, 3, -5, 2**52 + 1], -1074)
@example([2**64 - 1, 2**128 - 1, 2**192 - 1], -60)
def test_floats_are_correctly_rounded(values, exponent):
    expected = [float(Fraction(v) * Fraction(2) ** exponent) for v in values]
    np.testing.assert_array_equal(decode(values, exponent), np.array(expected, dtype=np.float64))


@given(st.lists(values, max_size=20))
@example([-(2**63), 2**63 - 1])
@example([2**63])
@example([-(2**63) - 1])
def test_integers(values):
    decoded = decode(values, kind="i")
    assert decoded.tolist() == values
    fits = all(-(2**63) <= v < 2**63 for v in values)
    assert decoded.dtype == (np.int64 if fits else object)


def test_integers_of_a_positive_exponent():
    assert decode([3, -5], 4, "i").tolist() == [48, -80]


def test_the_edges_of_the_centred_range():
    assert decode([N // 2, -(N // 2)], kind="i").tolist() == [N // 2, -(N // 2)]


def test_beyond_the_bound():
    assert decode([100, -100], kind="i", bound=100).tolist() == [100, -100]
    for bad in (101, -101):
        with pytest.raises(BoundError, match=r"flat position 2.*7 bits"):
            decode([100, -100, bad], kind="i", bound=100)


def test_beyond_float64():
    with pytest.raises(EncodingError, match="largest float64"):
        decode([1], 1024)


def test_integers_with_fractions_are_refused():
    with pytest.raises(EncodingError, match="decode them as floats"):
        decode([1], -1, "i")


def test_empty():
    assert decode([]).shape == (0,)
    assert decode([], kind="i").dtype == np.int64
