# SPDX-License-Identifier: Apache-2.0
"""Batches: every row once, none too small to be safe, and a remedy that works."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.glm.batching import Batches


@given(st.integers(1, 200), st.none() | st.integers(1, 250), st.booleans())
def test_batches_hold_every_row_once(rows, size, shuffle):
    batches = Batches.plan(rows, size, shuffle=shuffle, seed=3)
    parts = list(batches)
    assert sorted(np.concatenate(parts).tolist()) == list(range(rows))
    assert len(parts) == len(batches)
    assert min(map(len, parts)) == batches.smallest
    assert size is not None or len(parts) == 1


@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 20), st.integers(1, 20))
def test_safe_means_more_rows_than_columns_in_every_batch(rows, size, guest, host):
    batches = Batches.plan(rows, size)
    limit = max(guest, host)
    if min(map(len, batches)) > limit:
        batches.check_safe({"guest": guest, "host-0": host})
        return
    with pytest.raises(ConfigurationError) as caught:
        batches.check_safe({"guest": guest, "host-0": host})
    remedy = re.search(r"nearest safe batch_size is (\d+)", str(caught.value))
    if remedy:
        assert min(map(len, Batches.plan(rows, int(remedy[1])))) > limit
    else:
        assert rows <= limit
        assert f"more than {limit} rows" in str(caught.value)


def test_shuffling_follows_its_seed():
    first, again, other = (Batches.plan(50, 10, shuffle=True, seed=seed) for seed in (1, 1, 2))
    assert (first.order == again.order).all()
    assert (first.order != other.order).any()


@pytest.mark.parametrize("order", [[0, 0, 1], [0, 1, 3], [-1, 0, 1]])
def test_an_order_names_each_row_once(order):
    with pytest.raises(ConfigurationError, match="names each row exactly once"):
        Batches(np.array(order), 2)


def test_sizes_are_positive():
    with pytest.raises(ConfigurationError, match="batch size is 0"):
        Batches(np.arange(3), 0)
