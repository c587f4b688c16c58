# SPDX-License-Identifier: Apache-2.0
"""Batches: every row once, none too small to be safe, and a remedy that works."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import HeteroLinearRegression
from pyfate_gpu.backends.sharded.plan import even
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.protocol.batching import pack, unpack


def division(rows, size=None, **params):
    return HeteroLinearRegression(batch_size=size, **params).settings().division(rows)


STRATEGIES = st.sampled_from(["fixed", "random"])


@given(st.integers(1, 200), st.none() | st.integers(1, 250), st.booleans(), STRATEGIES)
def test_batches_hold_every_row_once(rows, size, shuffle, strategy):
    batches = division(rows, size, shuffle=shuffle, random_state=3, batch_strategy=strategy)
    for _ in range(2):
        parts = [batch.rows for batch in batches.draw()]
        assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
        assert len(parts) == len(batches)
        assert size is not None or len(parts) == 1


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.integers(1, 20),
    st.integers(1, 20),
    st.sampled_from([0.0, 0.5, 2.0]),
)
def test_safe_means_more_rows_than_equations_in_every_batch(rows, size, guest, host, rate):
    batches = division(rows, size, masked_rate=rate)
    columns = {"guest": guest, "host-0": host}
    sent = batches.add_dummies(batches.draw())
    # The guest sees a gradient and the loss, hosts a gradient; nobody anything of one row.
    if all(batch.used > guest + 1 and len(batch.rows) > max(host, 1) for batch in sent):
        batches.check_safe(columns)
        return
    with pytest.raises(ConfigurationError) as caught:
        batches.check_safe(columns)
    remedy = re.search(r"nearest safe batch_size is (\d+)", str(caught.value))
    limit = max(guest + 1, host)
    if remedy:
        assert min(batch.used for batch in division(rows, int(remedy[1])).draw()) > limit
    else:
        assert rows <= limit
        assert f"more than {limit} rows" in str(caught.value)


def test_shuffling_follows_its_seed():
    first, again, other = (
        division(50, 10, shuffle=True, random_state=seed).draw() for seed in (1, 1, 2)
    )
    assert all((a.rows == b.rows).all() for a, b in zip(first, again, strict=True))
    assert any((a.rows != b.rows).any() for a, b in zip(first, other, strict=True))


def test_random_batches_change_with_each_iteration():
    fixed, random = (
        division(50, 10, batch_strategy=name, random_state=1) for name in ("fixed", "random")
    )
    assert fixed.draw() is fixed.draw()
    assert (random.draw()[0].rows != random.draw()[0].rows).any()
    assert [fixed.changes(iteration) for iteration in (1, 2)] == [True, False]
    assert [random.changes(iteration) for iteration in (1, 2)] == [True, True]


@given(st.integers(100, 3000), st.integers(20, 99), st.integers(2, 8), STRATEGIES)
def test_the_part_of_a_batch_at_a_worker_is_of_the_rows_there(rows, size, workers, strategy):
    """For any number of workers all but a few rows at the borders of their shares: nothing has to move."""
    for batch in division(rows, size, shuffle=True, random_state=3, batch_strategy=strategy).draw():
        there = even(len(batch.rows), workers)
        wanted = even(rows, workers)
        at = np.searchsorted(wanted, batch.rows, side="right") - 1
        should = np.searchsorted(there, np.arange(len(batch.rows)), side="right") - 1
        assert (at != should).sum() <= 4 * workers


def test_every_row_comes_into_every_batch_by_chance():
    """As often as into any other: 20 batches, 4000 draws, ten standard deviations."""
    batches = division(100, 5, batch_strategy="random", random_state=2)
    seen = np.zeros((20, 100))
    for _ in range(4000):
        for number, batch in enumerate(batches.draw()):
            seen[number, batch.rows] += 1
    assert np.abs(seen - 200).max() < 10 * np.sqrt(200)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0, 5))
def test_dummy_rows_are_other_rows(rows, size, rate):
    batches = division(rows, size, masked_rate=rate)
    for plain, padded in zip(batches.draw(), batches.add_dummies(batches.draw()), strict=True):
        assert padded.used == plain.used
        assert len(padded.rows) == min(rows, plain.used + int(np.ceil(plain.used * rate)))
        assert len(np.unique(padded.rows)) == len(padded.rows)
        counts = slice(None) if padded.counts is None else padded.counts
        assert sorted(padded.rows[counts]) == sorted(plain.rows)


def test_dummy_rows_do_not_follow_the_seed():
    drawn = [
        division(1000, 100, masked_rate=1.0, random_state=1, batch_strategy="random")
        for _ in range(2)
    ]
    first, second = (each.add_dummies(each.draw()) for each in drawn)
    assert (first[0].rows != second[0].rows).any()


def test_dummy_rows_stay_when_batches_are_announced_again():
    """What two draws have in common would be the rows that count."""
    first, again = division(1000, 100, masked_rate=1.0), division(1000, 100, masked_rate=1.0)
    before = first.add_dummies(first.draw())
    again.restore(first.state())
    for old, new in zip(before, again.add_dummies(again.draw()), strict=True):
        assert (old.rows == new.rows).all()


def test_hosts_get_the_same_batches():
    batches = division(50, 20, masked_rate=0.5)
    sent = batches.add_dummies(batches.draw())
    received = unpack(pack(sent), 50)
    for there, here in zip(sent, received, strict=True):
        assert there.rows.tolist() == here.rows.tolist()
        assert there.used == here.used
        assert here.counts is None  # which rows count is the guest's secret


@pytest.mark.parametrize(
    ("rows", "sizes", "used", "text"),
    [
        ([0, 0, 1], [3], [3], "names a row more than once"),
        ([0, 1, 3], [3], [3], "are not of 3 rows"),
        ([-1, 0, 1], [3], [3], "are not of 3 rows"),
        ([0, 1, 2], [2], [2], "are not of 3 rows"),
        ([0, 1, 2], [3], [4], "are not of 3 rows"),
        ([0, 1, 2], [3], [0], "are not of 3 rows"),
        ([0, 1, 2], [3], [1, 1], "are not of 3 rows"),
        ([0.0, 1.0], [2], [2], "are not of 3 rows"),
        ([[0], [1]], [2], [2], "are not of 3 rows"),
        ([], [], [], "are not of 3 rows"),
    ],
)
def test_batches_that_are_none(rows, sizes, used, text):
    with pytest.raises(ConfigurationError, match=text):
        unpack([np.array(rows), np.array(sizes), np.array(used)], 3)
