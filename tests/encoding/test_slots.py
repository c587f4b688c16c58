# SPDX-License-Identifier: Apache-2.0
"""Slots against the formula in Python's integers: ``sum of m_s * 2**(width * s)``."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyfate_gpu import SlotLayout
from pyfate_gpu.backends.words import (
    integers_to_words,
    magnitude_of,
    unsigned_to_integers,
    unsigned_to_words,
    words_for_bits,
    words_to_integers,
)
from pyfate_gpu.encoding import decode_residues
from pyfate_gpu.encoding.packing import CHUNK_ROWS, pack, unpack
from pyfate_gpu.errors import BoundError, EncodingError, ShapeError

WIDTHS = st.one_of(
    st.sampled_from((2, 3, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200)), st.integers(2, 150)
)
LAYOUTS = st.builds(SlotLayout, WIDTHS, st.integers(1, 20))


def plaintext(values, layout):
    return sum(int(value) << layout.width * slot for slot, value in enumerate(values))


def modulus(layout):
    """The smallest odd n that the room rule allows."""
    return (2 << layout.bits) + 1


def rows_of(layout):
    edges = st.sampled_from((layout.bound, -layout.bound, 0, 1, -1))
    slots = st.one_of(edges, st.integers(-layout.bound, layout.bound))
    return st.lists(
        st.lists(slots, min_size=layout.count, max_size=layout.count), min_size=1, max_size=4
    )


def edge_rows(layout):
    """All slots at +bound, all at -bound, alternating either way, and one beside a zero."""
    signs = [(1, 1), (-1, -1), (1, -1), (-1, 1), (0, -1), (-1, 0)]
    return [[layout.bound * pair[slot % 2] for slot in range(layout.count)] for pair in signs]


def check_both_ways(rows, layout):
    words = integers_to_words(np.array(rows, dtype=object))
    packed = pack(words, layout)
    expected = [plaintext(row, layout) for row in rows]
    assert words_to_integers(packed).tolist() == expected
    n = modulus(layout)
    residues = unsigned_to_words([value % n for value in expected], words_for_bits(n.bit_length()))
    unpacked = unpack(residues, n, layout)
    assert unpacked.shape[-1] == words_for_bits(layout.width)
    assert words_to_integers(unpacked).tolist() == [list(map(int, row)) for row in rows]


@given(st.data(), LAYOUTS)
def test_packing_is_the_sum_and_unpacking_its_inverse(data, layout):
    check_both_ways(data.draw(rows_of(layout)), layout)


@given(LAYOUTS)
@example(SlotLayout(64, 31))
@example(SlotLayout(2, 500))
@example(SlotLayout(100, 20))
def test_edge_slots(layout):
    check_both_ways(edge_rows(layout), layout)


def test_known_answers():
    layout = SlotLayout(8, 3)
    for row, value in (
        ([1, 2, 3], 0x030201),
        ([-1, 0, 0], -1),
        ([-1, 1, 0], 0xFF),
        ([0, -1, 1], 0xFF00),
        ([127, 127, 127], 0x7F7F7F),
        ([-127, -127, -127], -0x7F7F7F),
        ([-127, 127, -127], -0x7F0000 + 0x7F00 - 0x7F),
    ):
        assert words_to_integers(pack(integers_to_words(np.array([row])), layout)) == [value]
        assert decode_residues(
            unsigned_to_words([value % 0x4000001], 1), 0x4000001, 0, "i", 127, layout
        ).tolist() == [row]


def test_words_wider_than_slots_keep_their_low_bits():
    words = integers_to_words(np.array([[-5, 7, 2**100]], dtype=object))[:, :2]
    assert words.shape == (1, 2, 2)
    assert words_to_integers(pack(words, SlotLayout(10, 2))) == [-5 + (7 << 10)]


def test_more_rows_than_a_chunk(rng):
    layout = SlotLayout(70, 3)
    values = rng.integers(-(2**62), 2**62, (CHUNK_ROWS + 5, 3))
    packed = pack(integers_to_words(values), layout)
    n = modulus(layout)
    integers = [int(value) % n for value in words_to_integers(packed)]
    residues = unsigned_to_words(integers, 4)
    np.testing.assert_array_equal(decode_residues(residues, n, 0, "i", 2**62, layout), values)
    residues[CHUNK_ROWS + 2] = 0
    residues[CHUNK_ROWS + 2, 3] = 1 << 210 - 192  # just above the top slot, below n
    with pytest.raises(BoundError, match=f"flat position {CHUNK_ROWS + 2} is not 3 slots of 70"):
        unpack(residues, n, layout)


def test_floats_and_bounds_of_slots():
    layout, n = SlotLayout(60, 2), (1 << 200) + 1
    rows = unsigned_to_words([plaintext((3, -5), layout) % n, plaintext((-8, 8), layout) % n], 4)
    decoded = decode_residues(rows, n, -2, "f", 8, layout)
    assert decoded.tolist() == [[0.75, -1.25], [-2.0, 2.0]]
    with pytest.raises(BoundError, match="flat position 2 is beyond the bound of 3 bits"):
        decode_residues(rows, n, 0, "i", 7, layout)
    assert decode_residues(rows[:0], n, 0, "i", 7, layout).shape == (0, 2)
    wide = SlotLayout(90, 2)
    row = unsigned_to_words([plaintext((2**80, -1), wide) % n], 4)
    assert decode_residues(row, n, 0, "i", None, wide).tolist() == [[2**80, -1]]


@pytest.mark.parametrize("value", [1 << 30, -(1 << 30), (1 << 29), 1 << 59, -(1 << 59)])
def test_what_is_no_slots(value):
    layout, n = SlotLayout(10, 3), (1 << 60) + 1
    with pytest.raises(BoundError, match="flat position 1 is not 3 slots of 10 bits"):
        unpack(unsigned_to_words([5, value % n], 1), n, layout)


@pytest.mark.parametrize(
    ("width", "count"),
    [
        (1, 3),
        (0, 3),
        (-4, 3),
        (10, 0),
        (10, -1),
        (2.0, 3),
        ("2", 3),
        (True, 3),
        (100, 82),
        (8193, 1),
    ],
)
def test_bad_layouts(width, count):
    with pytest.raises(EncodingError, match="slots"):
        SlotLayout(width, count)


def test_layout():
    layout = SlotLayout(np.int32(100), 16)
    assert (layout.bits, layout.bound) == (1600, 2**99 - 1)
    assert layout == SlotLayout(100, 16) == pickle.loads(pickle.dumps(layout))
    assert repr(layout) == "SlotLayout(width=100, count=16)"
    assert layout.product == SlotLayout(100, 31)
    assert layout.product.middle == layout.count - 1
    assert SlotLayout(8192, 1).bits == 8192


@pytest.mark.parametrize("shape", [(0,), (1,), (3,), (4,), (7,), (2, 3), (2, 0), (2, 1, 9)])
def test_groups(shape, rng):
    layout = SlotLayout(10, 3)
    values = rng.integers(1, 9, shape)
    grouped = layout.group(values)
    assert grouped.shape == (*shape[:-1], layout.groups(shape[-1]), 3)
    flat = grouped.reshape(*shape[:-1], grouped.shape[-2] * 3)
    np.testing.assert_array_equal(flat[..., : shape[-1]], values)
    assert not flat[..., shape[-1] :].any()
    np.testing.assert_array_equal(layout.ungroup(grouped, shape[-1]), values)


def test_groups_that_do_not_fit():
    layout = SlotLayout(10, 3)
    with pytest.raises(ShapeError, match=r"\[x\]"):
        layout.group(5)
    with pytest.raises(ShapeError, match=r"7 numbers in slots take \(3, 3\)"):
        layout.ungroup(np.zeros((2, 3)), 7)


@given(st.lists(st.integers(-(2**127), 2**127 - 1), min_size=1))
@example([-(2**63), 2**63 - 1, -1, 0])
@example([-(2**64), -(2**127), 2**64 - 1])
def test_magnitudes(values):
    magnitude, negative = magnitude_of(integers_to_words(np.array(values, dtype=object)))
    assert unsigned_to_integers(magnitude).tolist() == [abs(value) for value in values]
    assert negative.tolist() == [value < 0 for value in values]
