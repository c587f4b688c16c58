# SPDX-License-Identifier: Apache-2.0
"""Rows that share ciphertexts: sums come out of the middle slots, and nothing out of the others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import IntegerEncoder, SlotLayout, generate_keypair
from pyfate_gpu.encoding.row_slots import RowSlots
from pyfate_gpu.encoding.slots import HIDING_BITS
from pyfate_gpu.errors import (
    BoundError,
    ConfigurationError,
    EncodingError,
    ShapeError,
    SlotMismatchError,
)
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.he.array.masks import Kept, mask_but_middle, mask_others
from pyfate_gpu.he.array.row_packing import Trees, choose_packing, cost_of_rows
from tests.he.test_candidates import BOUND, right_sums, sides, table

ROW = SlotLayout(width=16, count=2)
SLOTS = RowSlots.fit(ROW, key_bits=512)


def encrypt(keypair, values):
    return keypair[0].encrypt(SLOTS.join(values, BOUND), slots=SLOTS.layout)


def middle(keypair, sums):
    return SLOTS.split(keypair[1].decrypt(sums)[..., sums.slots.middle])


def test_slots_have_room_for_sums_and_masks():
    assert SLOTS.count == 3
    assert SLOTS.layout.product.bits <= 510
    # One row more would not fit.
    assert (2 * 4 - 1) * SLOTS.layout.width > 510
    assert SLOTS.layout.width == ROW.bits - 1 + HIDING_BITS + 1
    assert RowSlots.fit(SlotLayout(width=40, count=2), key_bits=2048).count == 7


@given(rows=st.lists(st.tuples(st.integers(-99, 99), st.integers(-99, 99)), max_size=7))
def test_rows_join_and_split(rows):
    values = np.array(rows, dtype=np.int64).reshape(-1, 2)
    plain = SLOTS.join(values, BOUND)
    assert plain.shape == (-(-len(rows) // SLOTS.count), SLOTS.count)
    assert plain.bound == BOUND + (BOUND << ROW.width)
    integers = plain.to_integers().ravel()
    assert [int(v) for v in integers[: len(rows)]] == [g + (h << ROW.width) for g, h in rows]
    assert SLOTS.split(integers[: len(rows)]).tolist() == values.tolist()
    assert not any(integers[len(rows) :])


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 60), d=st.integers(0, 5))
def test_packed_sums_are_numpys(keypair, seed, n, d):
    rng = np.random.default_rng(seed)
    codes, counts, missing = table(rng, n, d)
    candidates = Candidates(codes, counts, missing)
    splits = sides(codes, counts, missing)
    values = rng.integers(-BOUND, BOUND + 1, (n, 2))
    nodes = [rng.permutation(n)[: rng.integers(0, n + 1)] for _ in range(2)]
    sums = candidates.packed_sums(encrypt(keypair, values), nodes)
    assert sums.shape == (2, candidates.size)
    for rows, found in zip(nodes, middle(keypair, sums), strict=True):
        assert found.tolist() == right_sums(candidates, splits, values, rows)


def test_packed_sums_on_every_engine(keypair, engine, rng):
    codes, counts, missing = table(rng, 50, 4)
    codes[:, 2:] = codes[:, :2]  # joint cells
    counts[2:], missing[2:] = counts[:2], missing[:2]
    candidates = Candidates(codes, counts, missing)
    splits = sides(codes, counts, missing)
    sampled = rng.permutation(50)[:31]
    values = rng.integers(-BOUND, BOUND + 1, (50, 2))
    places = np.arange(0, 31, 2)
    sums = candidates.packed_sums(encrypt(keypair, values[sampled]), [sampled[places]], [places])
    right = right_sums(candidates, splits, values, sampled[places])
    assert middle(keypair, sums)[0].tolist() == right


def test_other_slots_tell_nothing(keypair):
    """Masks are uniform and new each time, whatever they hide; chance fails less than once in 10^9 runs."""
    n, most = 30, SLOTS.layout.product.bound
    codes = (np.arange(n)[:, None] % 25).astype(np.int16).repeat(4, axis=1)
    candidates = Candidates(codes, [25] * 4, [False] * 4)
    nodes = [np.arange(n)] * 2
    for value in (0, BOUND):
        c = encrypt(keypair, np.full((n, 2), value))
        numbers = keypair[1].decrypt(candidates.packed_sums(c, nodes)).reshape(-1, 5)
        others = np.delete(numbers, 2, axis=1)
        assert len(set(others.ravel())) == others.size
        assert all(abs(number) <= most for number in others.flat)
        # Eighths of the range: 768 numbers, 96 expected in each with a deviation of 9.2.
        eighths = [(int(number) + most) * 8 // (2 * most + 1) for number in others.flat]
        counts = np.bincount(eighths, minlength=8)
        assert others.size == 768
        assert abs(counts - 96).max() < 7 * 9.2
        # The lowest bits, too.
        assert abs(sum(int(number) & 1 for number in others.flat) - 384) < 7 * 13.9


def test_masks_are_64_bits_wider_than_what_they_hide(keypair):
    c = keypair[0].encrypt([[1, 2, 3]], IntegerEncoder(BOUND), slots=SlotLayout(71, 3))
    with pytest.raises(BoundError):
        mask_but_middle(c)
    wide = keypair[0].encrypt([[1, 2, 3]], IntegerEncoder(BOUND), slots=SlotLayout(72, 3))
    masked = mask_but_middle(wide)
    numbers = keypair[1].decrypt(masked)[0]
    assert numbers[1] == 2
    assert masked.bound == wide.slots.bound
    with pytest.raises(SlotMismatchError):
        mask_but_middle(keypair[0].encrypt([1]))


def test_one_slot_of_several_is_kept(keypair):
    wide = keypair[0].encrypt([[5, -6, 7]] * 2, IntegerEncoder(BOUND), slots=SlotLayout(72, 3))
    for kept in range(3):
        numbers = keypair[1].decrypt(mask_others(wide, kept))
        assert (numbers[:, kept] == [5, -6, 7][kept]).all()
        assert (np.abs(np.delete(numbers, kept, axis=1)) > BOUND << 20).all()


def test_one_number_of_rows_in_slots_is_kept(keypair):
    """Numbers of 72 bits for values of 7: the others of them are masked, and the sum of the kept one is right."""
    row = SlotLayout(width=80, count=2)
    slots = RowSlots.fit(row, key_bits=1024)
    assert slots.count == 2
    public, private = generate_keypair(1024, allow_insecure_key_size=True)
    values = np.array([[1, 20], [-3, 40], [5, 60], [7, -80]])
    c = public.encrypt(slots.join(values, BOUND), slots=slots.layout)
    candidates = Candidates(np.array([[0], [1], [0], [1]], dtype=np.int16), [2], [False])
    expected = values[[0, 2] if not candidates.complement[0] else [1, 3]].sum(axis=0)
    seen = []
    for kept in (0, 1):
        sums = candidates.packed_sums(c, [np.arange(4)], kept=Kept(row, kept))
        numbers = slots.split(private.decrypt(sums)[..., sums.slots.middle])[0, 0]
        assert numbers[kept] == expected[kept]
        seen.append(abs(int(numbers[1 - kept])))
    assert min(seen) > 1 << 30
    with pytest.raises(BoundError, match="a mask of values"):
        candidates.packed_sums(c, [np.arange(4)], kept=Kept(SlotLayout(width=60, count=2), 0))


def test_what_rows_in_slots_refuse(keypair):
    codes = np.array([[0], [1], [1], [0]], dtype=np.int16)
    candidates = Candidates(codes, [2], [False])
    c = encrypt(keypair, np.ones((4, 2), dtype=np.int64))
    for wrong in (
        lambda: candidates.packed_sums(c[:1], [np.arange(2)]),
        lambda: candidates.packed_sums(c.reshape(2, 1), [np.arange(2)]),
        lambda: candidates.packed_sums(c, [np.array([0, 0])]),
        lambda: candidates.packed_sums(c, [np.array([4])]),
        lambda: candidates.packed_sums(c, [np.array([1])], [np.array([6])]),
        lambda: SLOTS.join(np.ones((4, 3), dtype=np.int64), BOUND),
        lambda: SLOTS.join(np.ones(4, dtype=np.int64), BOUND),
    ):
        with pytest.raises(ShapeError):
            wrong()
    with pytest.raises(SlotMismatchError):
        candidates.packed_sums(keypair[0].encrypt([1, 2]), [np.arange(2)])
    narrow = SlotLayout(SLOTS.layout.width - 20, 3)
    for wrong in (
        lambda: candidates.packed_sums(
            keypair[0].encrypt(SLOTS.join(np.ones((4, 2)), BOUND), slots=narrow), [np.arange(2)]
        ),
        lambda: candidates.packed_sums(
            keypair[0].encrypt(np.ones((1, 4)), IntegerEncoder(1), slots=SlotLayout(120, 4)), [np.arange(2)]
        ),
        lambda: RowSlots.fit(SlotLayout(width=400, count=1), key_bits=256),
        lambda: SLOTS.join(np.ones((4, 2)), 1 << 15),
        lambda: SLOTS.split([SLOTS.bound + 1]),
    ):  # fmt: skip
        with pytest.raises(BoundError):
            wrong()
    with pytest.raises(EncodingError):
        SLOTS.join(np.full((4, 2), BOUND + 1), BOUND)


def test_the_packing_that_costs_less_is_chosen():
    row = SlotLayout(width=45, count=2)
    many, few = Trees(1_000_000, 310, 4), Trees(569, 620, 4)
    slots = RowSlots.fit(row, 2048)
    assert choose_packing("auto", row, many, key_bits=2048) == slots
    assert choose_packing("auto", row, few, key_bits=2048) is None
    for trees in (many, few):
        assert choose_packing("rows", row, trees, key_bits=2048) == slots
        assert choose_packing("none", row, trees, key_bits=2048) is None
    # A slow network makes the bytes of rows count.
    between = Trees(25_000, 310, 4)
    fast, slow = (
        choose_packing("auto", row, between, key_bits=2048, bytes_per_second=rate)
        for rate in (1e9, 1e6)
    )
    assert fast is None
    assert slow == slots
    # Bytes fall by as many as there are rows in a ciphertext, and candidates that are squeezed no more.
    cheap, dear = (cost_of_rows(each, row, many, 2048, 1.0) for each in (slots, None))
    assert dear / cheap == pytest.approx(1e6 / (1e6 / 7 + 1240), rel=0.01)


def test_wide_tables_keep_a_row_a_ciphertext():
    """Their candidates are many, and so are their joint cells, which are one for each row of a ciphertext."""
    row = SlotLayout(width=45, count=2)
    assert choose_packing("auto", row, Trees(100_000, 9300, 8), key_bits=2048) is None
    slots, few = RowSlots.fit(row, 2048), Trees(20_000, 3100, 0)
    told, known = (
        cost_of_rows(slots, row, Trees(20_000, 3100, 0, columns), 2048) for columns in (None, 100)
    )
    assert told == known
    more = cost_of_rows(slots, row, Trees(20_000, 3100, 0, 1550), 2048)
    assert (
        more > known
    )  # as many candidates in columns of three bins: each row is added for each of them
    assert cost_of_rows(None, row, few, 2048) > 0


def test_packings_that_are_none():
    row = SlotLayout(width=400, count=1)
    assert choose_packing("auto", row, Trees(10**6, 10, 1), key_bits=256) is None
    with pytest.raises(ConfigurationError, match="rows"):
        choose_packing("rows", row, Trees(10**6, 10, 1), key_bits=256)
    with pytest.raises(ConfigurationError, match="auto, rows, none"):
        choose_packing("row", row, Trees(10**6, 10, 1), key_bits=2048)
