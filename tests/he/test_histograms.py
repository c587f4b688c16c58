# SPDX-License-Identifier: Apache-2.0
"""Histograms are NumPy's, on every engine; their bounds are those of row counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import IntegerEncoder
from pyfate_gpu.errors import BoundError, ShapeError
from pyfate_gpu.he.array.histograms import cumulate, histogram, subtract, sums_of
from tests.he.test_candidates import counted

BOUND = 1000


def encrypt(keypair, values):
    return keypair[0].encrypt(np.asarray(values), IntegerEncoder(bound=BOUND))


def expected_histogram(values, rows, bins, total):
    result = np.zeros((total, values.shape[1]), dtype=np.int64)
    for row, places in zip(rows, bins, strict=True):
        for place in places:
            result[place] += values[row]
    return result


def test_histograms_are_numpys(keypair, engine, rng):
    values, bins = rng.integers(-99, 99, (20, 2)), rng.integers(0, 4, (20, 3))
    bins += np.array([0, 4, 8])
    c = encrypt(keypair, values)
    for rows in (np.arange(20), np.array([3, 17, 4]), np.array([], dtype=np.int64)):
        sums = histogram(c, rows, bins[rows], 12)
        right = expected_histogram(values, rows, bins[rows], 12)
        assert keypair[1].decrypt(sums).tolist() == right.tolist()
        assert sums.bound == 20 * BOUND
        # Running sums of a feature's bins: no row twice, so that no bound grows.
        running = cumulate(sums, [8, 8, 8], 2, bound=sums.bound).reshape(12, 2)
        steps = right.reshape(3, 4, 2).cumsum(axis=1).reshape(12, 2)
        assert keypair[1].decrypt(running).tolist() == steps.tolist()
        assert running.bound == sums.bound
    whole, part = (histogram(c, rows, bins[rows], 12) for rows in (np.arange(20), np.arange(7)))
    rest = subtract(whole, part)
    right = expected_histogram(values, np.arange(7, 20), bins[7:], 12)
    assert keypair[1].decrypt(rest).tolist() == right.tolist()
    assert rest.bound == whole.bound


@given(sizes=st.lists(st.integers(0, 7), max_size=5), step=st.integers(1, 9), data=st.data())
def test_running_sums_of_uneven_chunks(keypair, sizes, step, data):
    count = sum(sizes)
    values = data.draw(st.lists(st.integers(-99, 99), min_size=count, max_size=count))
    right, start = list(values), 0
    for size in sizes:
        for place in range(start + step, start + size):
            right[place] += right[place - step]
        start += size
    sums = cumulate(encrypt(keypair, np.array(values, dtype=np.int64)), sizes, step)
    assert keypair[1].decrypt(sums).tolist() == right
    most = -(-max(sizes, default=0) // step)
    assert sums.bound == BOUND * (most if count else 1)


@given(groups=st.lists(st.lists(st.integers(0, 5), max_size=8), max_size=4))
def test_sums_of_groups(keypair, groups):
    values = np.array([5, -3, 7, 100, -100, 1])
    sums = sums_of(encrypt(keypair, values), [np.array(g, dtype=np.int64) for g in groups])
    assert keypair[1].decrypt(sums).tolist() == [int(values[g].sum()) if g else 0 for g in groups]
    assert sums.bound == BOUND * max([6, *map(len, groups)])


def test_features_that_share_cells_are_summed_together(keypair, rng):
    """Rows into the cells of two features, cells into bins; bins of several features add up."""
    bins = rng.integers(0, 4, (1100, 1)) + np.array([[0, 4, 8, 2]])
    c = counted(encrypt(keypair, rng.integers(-99, 99, (1100, 1))))
    sums = histogram(c, np.arange(1100), bins, 12)
    assert c._engine.additions < 0.6 * bins.size
    values = keypair[1].decrypt(c)
    right = expected_histogram(values, np.arange(1100), bins, 12)
    assert keypair[1].decrypt(sums).tolist() == right.tolist()


def test_bounds_say_nothing_of_occupancy(keypair):
    c = encrypt(keypair, np.zeros((30, 2), dtype=np.int64))
    bounds = set()
    for bins in (np.zeros((30, 1), dtype=np.int64), np.arange(30)[:, None] % 7):
        for rows in (np.arange(30), np.arange(2), np.arange(0)):
            bounds.add(histogram(c, rows, bins[rows], 7).bound)
    assert bounds == {30 * BOUND}


def test_a_row_that_comes_twice_into_a_bin_is_counted(keypair):
    """Not a histogram any more; the bound still holds."""
    c = encrypt(keypair, [[BOUND], [BOUND]])
    rows, bins = np.arange(2), np.array([[1, 1], [0, 1]])
    sums = histogram(c, rows, bins, 2)
    assert keypair[1].decrypt(sums).ravel().tolist() == [BOUND, 3 * BOUND]
    assert sums.bound == 4 * BOUND
    again = histogram(c, np.array([0, 0, 0]), np.zeros((3, 1), dtype=np.int64), 1)
    assert keypair[1].decrypt(again).ravel().tolist() == [3 * BOUND]
    assert again.bound == 3 * BOUND


def test_what_makes_no_histogram(keypair):
    c, rows = encrypt(keypair, [[1], [2]]), np.arange(2)
    flat = encrypt(keypair, [1, 2, 3])
    for wrong in (
        lambda: histogram(c, np.array([2]), np.array([[0]]), 3),
        lambda: histogram(c, rows, np.array([[0], [3]]), 3),
        lambda: histogram(c, rows, np.array([[0]]), 3),
        lambda: histogram(c.ravel(), rows, np.array([[0], [1]]), 3),
        lambda: sums_of(c, [np.array([2])]),
        lambda: cumulate(flat, [2], 1),
        lambda: subtract(c, flat),
    ):
        with pytest.raises(ShapeError):
            wrong()
    public = keypair[0]
    full = public.encrypt([[1], [2]], IntegerEncoder(bound=public.n // 2 - 1))
    for wrong in (
        lambda: histogram(full, rows, np.array([[0], [1]]), 2),
        lambda: sums_of(full, [rows]),
        lambda: cumulate(full, [2], 1),
    ):
        with pytest.raises(BoundError):
            wrong()
