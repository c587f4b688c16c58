# SPDX-License-Identifier: Apache-2.0
"""Sums over rows that come in chunks are those over all rows at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import IntegerEncoder, SlotLayout
from pyfate_gpu.errors import BoundError, KeyMismatchError, ShapeError, SlotMismatchError
from pyfate_gpu.he.array import streams
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.he.array.streams import StreamedSums
from tests.he.test_candidates import (
    BOUND,
    counted,
    like_default_credit,
    right_sums,
    sides,
    table,
)
from tests.he.test_packed_candidates import SLOTS, encrypt, middle


@pytest.fixture(params=[True, False], ids=["soon", "late"])
def soon(request, monkeypatch):
    """Whether a few rows are enough to be summed, or all groups wait for all rows."""
    if request.param:
        monkeypatch.setattr(streams, "HELD", 4)
        monkeypatch.setattr(streams, "ROWS_OF_CELLS", 1)
    return request.param


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.lists(st.integers(0, 12), min_size=1, max_size=5),
    d=st.integers(0, 4),
    packed=st.booleans(),
)
def test_chunks_add_up(keypair, soon, seed, sizes, d, packed):
    rng = np.random.default_rng(seed)
    n = sum(sizes) + int(rng.integers(1, 5))  # some rows never come
    codes, counts, missing = table(rng, n, d)
    candidates = Candidates(codes, counts, missing)
    values = rng.integers(-BOUND, BOUND + 1, (n, 2))
    stream, order = StreamedSums(candidates, packed=packed), rng.permutation(n)
    for stop, size in zip(np.cumsum(sizes), sizes, strict=True):
        rows = order[stop - size : stop]
        chunk = values[rows]
        c = encrypt(keypair, chunk) if packed else keypair[0].encrypt(chunk, IntegerEncoder(BOUND))
        stream.add(c, rows)
    sums = stream.sums()
    found = middle(keypair, sums) if packed else keypair[1].decrypt(sums)
    right = right_sums(candidates, sides(codes, counts, missing), values, order[: sum(sizes)])
    assert found.tolist() == right
    if not packed:
        assert sums.bound == n * BOUND


def test_chunks_take_hardly_more_additions(keypair, soon, rng):
    codes = like_default_credit(rng, 600)
    candidates = Candidates(codes, codes.max(axis=0) + 1, [False] * 10)
    c = counted(keypair[0].encrypt(np.ones(600, dtype=np.int64), IntegerEncoder(1)))
    stream = StreamedSums(candidates)
    for start in range(0, 600, 150):
        chunk = c[start : start + 150]
        stream.add(chunk, np.arange(start, start + 150))
    assert (c._engine.additions > 0) == soon
    stream.sums()
    at_once = candidates.additions(np.arange(600))
    assert c._engine.additions <= 1.05 * at_once < 0.4 * 6000


def test_chunks_that_do_not_fit(keypair, other_keypair):
    codes = np.array([[0], [1], [1], [0]], dtype=np.int16)
    candidates = Candidates(codes, [2], [False])
    with pytest.raises(ShapeError, match="no rows came"):
        StreamedSums(candidates).sums()
    stream, two = StreamedSums(candidates), keypair[0].encrypt([1, 2], IntegerEncoder(BOUND))
    stream.add(two, np.array([0, 1]))
    for rows in ([1, 2], [2, 2], [4, 2], [-1, 2], [2], [[2, 3]]):
        with pytest.raises(ShapeError):
            stream.add(two, np.array(rows))
    with pytest.raises(ShapeError):
        stream.add(two.reshape(2, 1), np.array([2, 3]))
    with pytest.raises(KeyMismatchError):
        stream.add(other_keypair[0].encrypt([1, 2]), np.array([2, 3]))
    with pytest.raises(SlotMismatchError):
        StreamedSums(candidates, packed=True).add(two, np.array([2, 3]))
    # What was refused has left no trace.
    stream.add(two, np.array([2, 3]))
    assert keypair[1].decrypt(stream.sums()).tolist() in ([3], [3 - 1])
    full = keypair[0].encrypt([[1, 1]] * 2, IntegerEncoder(500), slots=SlotLayout(11, 2))
    with pytest.raises(BoundError):
        StreamedSums(candidates).add(full, np.array([2, 3]))
    with pytest.raises(ShapeError):
        StreamedSums(candidates, packed=True).add(
            keypair[0].encrypt(SLOTS.join(np.ones((4, 2)), BOUND), slots=SLOTS.layout), np.arange(3)
        )
