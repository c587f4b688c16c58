# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.errors import EncodingError
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.masks import random_ring
from pyfate_gpu.protocol.sharing.matrix import RingMatrix

Q = 1 << 128
ELEMENTS = st.one_of(
    st.integers(0, Q - 1),
    st.sampled_from([0, 1, (1 << 64) - 1, 1 << 64, Q >> 1, Q - 1, (1 << 32) - 1, Q - (1 << 64)]),
)


def words_of(values: list[int]) -> ring.Ring:
    pairs = [(v % Q & (1 << 64) - 1, v % Q >> 64) for v in values]
    return np.array(pairs, dtype=np.uint64).reshape(-1, 2)


def integers_of(elements: ring.Ring) -> list[int]:
    return [int(low) + (int(high) << 64) for low, high in elements.reshape(-1, 2)]


@given(st.lists(st.tuples(ELEMENTS, ELEMENTS), min_size=1, max_size=5))
def test_arithmetic_is_that_of_integers(pairs):
    left, right = ([pair[side] for pair in pairs] for side in range(2))
    a, b = words_of(left), words_of(right)
    assert integers_of(ring.add(a, b)) == [(x + y) % Q for x, y in pairs]
    assert integers_of(ring.subtract(a, b)) == [(x - y) % Q for x, y in pairs]
    assert integers_of(ring.multiply(a, b)) == [x * y % Q for x, y in pairs]
    assert integers_of(ring.negate(a)) == [-x % Q for x in left]
    assert integers_of(ring.total(a)) == [sum(left) % Q]


@given(ELEMENTS, st.integers(1, 127), st.integers(-(1 << 70), 1 << 70))
def test_shifts_and_factors_are_those_of_integers(x, bits, factor):
    a = words_of([x])
    assert integers_of(ring.shift_right(a, bits)) == [x >> bits]
    assert integers_of(ring.shift_left(a, bits)) == [(x << bits) % Q]
    assert integers_of(ring.scale(a, factor)) == [x * factor % Q]


def test_the_sum_of_many_full_elements_carries_into_every_word():
    a = np.full((70_000, 2), np.uint64((1 << 64) - 1))
    assert integers_of(ring.total(a)) == [70_000 * (Q - 1) % Q]


def test_fixed_point_there_and_back():
    values = np.array([0.0, 1.0, -1.0, 1e-6, -3.25, 2.0**30, -(2.0**30)])
    assert np.abs(ring.decode(ring.encode(values, 24), 24) - values).max() <= 2.0**-25


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 2.0**38, -(2.0**39)])
def test_what_is_no_number_or_too_large_is_not_shared(value):
    with pytest.raises(EncodingError, match="limit"):
        ring.encode(np.array([0.0, value]), 24)


@pytest.mark.parametrize("bits", [1, 23, 24, 25, 47, 61])
def test_products_with_a_matrix_are_those_of_integers(bits):
    generator = np.random.default_rng(bits)
    X = generator.integers(-(1 << bits), 1 << bits, size=(7, 5), endpoint=True)
    X[0, :2] = (1 << bits), -(1 << bits)
    for outer in [(), (3,)]:
        w, e = random_ring((5, *outer)), random_ring((7, *outer))
        matrix = RingMatrix(X)
        for left, right, found in [
            (X, w, matrix.multiply(w)),
            (X.T, e, matrix.multiply_transposed(e)),
        ]:
            values = np.array(integers_of(right), dtype=object).reshape(len(right), -1)
            wanted = left.astype(object) @ values
            assert integers_of(found) == [v % Q for v in wanted.ravel()]


def test_sums_of_more_terms_than_float64_holds_are_exact():
    X = np.full((1, 20_001), (1 << 23) - 1)
    e = np.full((20_001, 2), np.uint64((1 << 64) - 1))
    assert integers_of(RingMatrix(X).multiply(e)) == [20_001 * ((1 << 23) - 1) * (Q - 1) % Q]


def test_a_matrix_without_columns_gives_zeros():
    found = RingMatrix(np.zeros((3, 0), dtype=np.int64)).multiply(ring.zeros((0,)))
    assert integers_of(found) == [0, 0, 0]
