# SPDX-License-Identifier: Apache-2.0
"""Tables for encryption: as large as the encryptions so far pay for, and never beyond their budget."""

from unittest.mock import Mock

import numpy as np
import pytest

from pyfate_gpu import generate_keypair, use_backend
from pyfate_gpu.backends.cpu.fixed_base import ENTRY, FEWEST, FixedBaseTable, cheapest_entries
from pyfate_gpu.backends.numbers import BlindingNumbers

BITS = 1024
BASE = (1 << 4 * BITS - 1) + 1
LIMIT = 64 << 20


class Context:
    """Remembers which tables it was asked for."""

    def __init__(self):
        self.made = []

    def set_blinding_base(
        self, base, exponent_bits, sign_base, table_bytes, threads=1, hardened=False
    ):
        self.made.append(table_bytes)


def table(limit=LIMIT, hardened=False):
    context = Context()
    return context, FixedBaseTable(context, BlindingNumbers(BASE, 1, BITS), limit, hardened)


def multiplications(sizes, uses):
    """What tables cost to make, and the encryptions after them, in windows: docs/algorithms has both."""
    total = 0
    for size, count in zip(sizes, uses, strict=True):
        entries = size // 640
        windows = next(w for w in range(1, BITS + 2) if w << -(-(BITS + 1) // w) <= entries)
        total += ENTRY * entries + windows * count
    return total


def test_a_key_without_bases_has_no_table():
    assert not FixedBaseTable(Context(), None, LIMIT, False).ready(1)


def test_a_few_encryptions_pay_for_a_small_table_and_many_for_the_whole_budget():
    context, few = table()
    for _ in range(100):
        assert few.ready(10)
    assert len(context.made) == 1
    assert context.made[0] < LIMIT / 3
    assert few.ready(1_000_000)
    assert context.made[1:] == [LIMIT]
    few.ready(1_000_000)
    assert len(context.made) == 2


def test_a_large_call_makes_one_table():
    context, many = table()
    many.ready(20_000)
    assert context.made == [LIMIT]


@pytest.mark.parametrize("limit", [1 << 16, 1 << 20, LIMIT])
def test_no_table_is_beyond_its_budget(limit):
    context, found = table(limit)
    for uses in (1, 10, 1000, 100_000):
        found.ready(uses)
    assert max(context.made) <= limit


def test_a_table_that_memory_has_no_room_for_is_tried_again():
    context, found = table()
    context.set_blinding_base = Mock(side_effect=[MemoryError, None])
    with pytest.raises(MemoryError):
        found.ready(1)
    assert found.ready(1)
    assert context.set_blinding_base.call_count == 2


def test_a_larger_table_that_memory_has_no_room_for_is_done_without():
    context, found = table()
    assert found.ready(1)
    context.set_blinding_base = Mock(side_effect=MemoryError)
    for _ in range(3):
        assert found.ready(1_000_000)
    assert context.set_blinding_base.call_count == 1


def test_hardened_tables_which_are_small_are_made_at_once():
    context, found = table(hardened=True)
    found.ready(1)
    assert context.made == [LIMIT]


@pytest.mark.parametrize("uses", [FEWEST, 4 * FEWEST, 9 * FEWEST, 30_000])
def test_growing_costs_at_most_half_more_than_knowing_beforehand(uses):
    context, found = table()
    per_table = []
    for _ in range(uses // 10):
        found.ready(10)
        if len(context.made) > len(per_table):
            per_table.append(0)
        per_table[-1] += 10
    known = min(multiplications([size], [uses]) for size in range(2 << 20, LIMIT + 1, 1 << 20))
    assert multiplications(context.made, per_table) < 1.5 * known


def test_the_cheapest_width_is_that_of_trying_all():
    for bits, uses in ((448, 1), (1025, 77), (1025, 5000), (2049, 10**6)):
        cost = [-(-bits // w) * (uses + 7 / 4 * (1 << w)) for w in range(1, 17)]
        width = 1 + int(np.argmin(cost))
        assert cheapest_entries(bits, uses) == -(-bits // width) << width


@pytest.mark.parametrize("owner", [False, True])
def test_numbers_are_right_before_and_after_a_table_grows(owner):
    with use_backend("cpu", threads=1):
        public, private = generate_keypair(256, allow_insecure_key_size=True)
        key = private if owner else public
        values = np.arange(-4000, 4000)
        first, second = key.encrypt(values[:5]), key.encrypt(values)
        assert np.array_equal(private.decrypt(first), values[:5])
        assert np.array_equal(private.decrypt(second), values)
        assert np.array_equal(private.decrypt(first + second[:5]), 2 * values[:5])
