# SPDX-License-Identifier: Apache-2.0
"""Sums of bins under encryption against NumPy: any columns, pieces of rows, slots, bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import IntegerEncoder, SlotLayout, concatenate
from pyfate_gpu.errors import BoundError, ShapeError
from pyfate_gpu.he.array.bin_sums import BinSums


@given(
    rows=st.integers(1, 80),
    sizes=st.lists(st.integers(1, 5), min_size=1, max_size=6),
    seed=st.integers(0, 99),
    alike=st.booleans(),
)
def test_any_columns(keypair, rows, sizes, seed, alike):
    public, private = keypair
    rng = np.random.default_rng(seed)
    base = rng.integers(0, 5, rows)
    codes = [(base if alike else rng.integers(0, 5, rows)) % size for size in sizes]
    wanted = [rng.permutation(size)[: rng.integers(0, size + 1)] for size in sizes]
    values = rng.integers(-9, 10, rows)
    sums = BinSums(codes, wanted)
    expected = [
        values[each == at].sum() for each, bins in zip(codes, wanted, strict=True) for at in bins
    ]
    assert sums.size == len(expected)
    if not expected:
        return
    c = public.encrypt(values, IntegerEncoder(9))
    assert private.decrypt(sums.of(c, 0)).tolist() == expected
    half = rows // 2
    if half:
        pieces = sums.of(c[:half], 0) + sums.of(c[half:], half)
        assert private.decrypt(pieces).tolist() == expected
        assert pieces.bound == 9 * rows


def test_slots_and_bounds(keypair, engine):
    public, private = keypair
    rng = np.random.default_rng(1)
    codes = [rng.integers(0, 4, 200) for _ in range(3)]
    labels = np.eye(3, dtype=np.int64)[rng.integers(0, 3, 200)]
    slots = SlotLayout(9, 3)
    c = concatenate(
        [public.encrypt(part, IntegerEncoder(1), slots=slots) for part in np.split(labels, 2)]
    )
    found = BinSums(codes, [np.array([3, 0])] * 3).of(c, 0)
    assert found.bound == 200
    expected = [labels[each == at].sum(axis=0) for each in codes for at in (3, 0)]
    np.testing.assert_array_equal(private.decrypt(found), expected)
    narrow = public.encrypt(labels, IntegerEncoder(1), slots=SlotLayout(8, 3))
    with pytest.raises(BoundError, match="a sum of 200 rows"):
        BinSums(codes, [np.array([1])] * 3).of(narrow, 0)


def test_bins_without_rows_are_encryptions_of_0(keypair):
    public, private = keypair
    sums = BinSums([np.array([0, 0, 0])], [np.array([5, 0])])
    assert private.decrypt(sums.of(public.encrypt([1, 2, 3]), 0)).tolist() == [0, 6]


def test_columns_that_do_not_fit():
    with pytest.raises(ShapeError, match="as many rows"):
        BinSums([np.array([0]), np.array([0, 1])], [np.array([0])] * 2)
    with pytest.raises(ShapeError, match="one list for each column"):
        BinSums([np.array([0])], [])
