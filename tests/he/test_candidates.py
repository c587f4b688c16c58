# SPDX-License-Identifier: Apache-2.0
"""Sums of the sides of splits are those of plain integers, on every engine."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import IntegerEncoder, SlotLayout
from pyfate_gpu.errors import ArrayIndexError, BoundError, ShapeError
from pyfate_gpu.he.array.candidates import Candidates

BOUND = 99


def table(rng, n, d, most=6):
    """Bins of a table with missing values, columns of one bin, and columns that are missing throughout."""
    counts, missing = rng.integers(0, most, d), rng.random(d) < 0.5
    missing |= counts == 0
    codes = np.empty((n, d), dtype=np.int16)
    for column in range(d):
        codes[:, column] = rng.integers(0, counts[column] + missing[column], n)
    return codes, counts, missing


def sides(codes, counts, missing):
    """Every split as (column, cut, missing left, rows of the left side), from its definition."""
    found = []
    for j in range(codes.shape[1]):
        values = codes[:, j] < counts[j]
        for left in (False, True) if missing[j] else (False,):
            last = counts[j] if missing[j] and not left else counts[j] - 1
            for cut in range(last):
                found.append((j, cut, left, values & (codes[:, j] <= cut) | (~values & left)))
    return found


def right_sums(candidates, splits, values, rows):
    """NumPy's sums of the sides that are summed."""
    chosen = np.zeros(len(values), dtype=bool)
    chosen[rows] = True
    parts = [left ^ other for (*_, left), other in zip(splits, candidates.complement, strict=True)]
    return [values[chosen & part].sum(axis=0).tolist() for part in parts]


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40), d=st.integers(0, 5))
def test_sums_are_numpys(keypair, seed, n, d):
    rng = np.random.default_rng(seed)
    codes, counts, missing = table(rng, n, d)
    candidates = Candidates(codes, counts, missing)
    splits = sides(codes, counts, missing)
    listed = zip(candidates.column, candidates.cut, candidates.missing_left, strict=True)
    assert list(listed) == [split[:3] for split in splits]
    for number, (*_, left) in enumerate(splits):
        assert candidates.left(number).tolist() == left.tolist()
    values = rng.integers(-BOUND, BOUND + 1, (n, 2))
    c = keypair[0].encrypt(values, IntegerEncoder(bound=BOUND))
    nodes = [rng.permutation(n)[: rng.integers(0, n + 1)] for _ in range(3)]
    sums = candidates.level_sums(c, nodes)
    assert sums.shape == (3, candidates.size, 2)
    assert sums.bound == n * BOUND
    for rows, found in zip(nodes, keypair[1].decrypt(sums), strict=True):
        assert found.tolist() == right_sums(candidates, splits, values, rows)


def test_sums_on_every_engine(keypair, engine, rng):
    codes, counts, missing = table(rng, 30, 4)
    candidates = Candidates(codes, counts, missing)
    splits = sides(codes, counts, missing)
    values = rng.integers(-BOUND, BOUND + 1, (30, 2))
    layout = SlotLayout(width=40, count=2)
    rows = np.arange(0, 30, 2)
    c = keypair[0].encrypt(values, IntegerEncoder(bound=BOUND), slots=layout)
    sums = candidates.sums(c, rows)
    assert sums.slots == layout
    assert keypair[1].decrypt(sums).tolist() == right_sums(candidates, splits, values, rows)


@given(seed=st.integers(0, 2**32 - 1))
def test_one_bin_of_a_column_is_on_no_side(seed):
    """The same one for all nodes, which need not be summed: the largest, where none is missing."""
    rng = np.random.default_rng(seed)
    codes, counts, missing = table(rng, 50, 3)
    candidates = Candidates(codes, counts, missing)
    for column in range(3):
        own = np.flatnonzero(candidates.column == column)
        summed = np.zeros(50, dtype=bool)
        for number in own:
            summed |= candidates.left(number) ^ candidates.complement[number]
        if len(own):
            unsummed = set(range(counts[column] + missing[column])) - set(codes[summed, column])
            assert unsummed
            if not missing[column]:
                assert np.bincount(codes[:, column]).argmax() in unsummed


def test_columns_of_one_bin_have_no_candidates(keypair):
    codes = np.array([[0, 1, 0], [0, 1, 0]], dtype=np.int16)
    candidates = Candidates(codes, [1, 1, 0], [False, True, True])
    assert candidates.column.tolist() == [1]
    assert candidates.left(0).tolist() == [False, False]
    nothing = Candidates(codes[:, :1], [1], [False])
    c = keypair[0].encrypt([5, 6], IntegerEncoder(bound=BOUND))
    assert nothing.sums(c, np.arange(2)).shape == (0,)
    assert keypair[1].decrypt(candidates.sums(c, np.arange(2))).tolist() in ([0], [11])


def test_bounds_say_nothing_of_rows(keypair):
    codes = np.array([[0], [1], [1]], dtype=np.int16)
    c = keypair[0].encrypt([1, 2, 3], IntegerEncoder(bound=BOUND))
    candidates = Candidates(codes, [2], [False])
    bounds = {candidates.sums(c, np.arange(count)).bound for count in range(4)}
    assert bounds == {3 * BOUND}


def test_sums_beyond_a_slot_are_refused(keypair):
    codes = np.zeros((4, 1), dtype=np.int16)
    candidates = Candidates(codes, [2], [False])
    for width, fits in ((9, False), (10, True)):
        c = keypair[0].encrypt(
            np.zeros((4, 2), dtype=np.int64), IntegerEncoder(bound=127),
            slots=SlotLayout(width=width, count=2),
        )  # fmt: skip
        if fits:
            candidates.sums(c, np.arange(1))
        else:
            with pytest.raises(BoundError):
                candidates.sums(c, np.arange(1))


def test_what_makes_no_candidates(keypair):
    codes = np.array([[0], [2]], dtype=np.int16)
    candidates = Candidates(codes, [3], [False])
    c = keypair[0].encrypt([1, 2])
    for wrong in (
        lambda: Candidates(codes, [2], [False]),
        lambda: Candidates(-codes, [3], [False]),
        lambda: Candidates(codes, [-1], [False]),
        lambda: Candidates(codes, [3, 3], [False]),
        lambda: Candidates(codes, [3], [False, True]),
        lambda: Candidates(codes.astype(np.int64), [3], [False]),
        lambda: Candidates(codes[:, 0], [3], [False]),
        lambda: candidates.sums(c, np.array([2])),
        lambda: candidates.sums(c, np.array([-1])),
        lambda: candidates.sums(c, np.array([1, 1])),
        lambda: candidates.sums(c, np.array([True, False])),
        lambda: candidates.sums(c, np.array([[0]])),
        lambda: candidates.sums(keypair[0].encrypt([1, 2, 3]), np.array([0])),
        lambda: candidates.sums(c.reshape(2, 1, 1), np.array([0])),
    ):
        with pytest.raises(ShapeError):
            wrong()
    for number in (-1, 2):
        with pytest.raises(ArrayIndexError):
            candidates.left(number)
    assert Candidates(codes, [2], [True]).size == 3
