# SPDX-License-Identifier: Apache-2.0
"""Arrays with slots against NumPy on the decrypted side, and what they refuse."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from pyfate_gpu import (
    FixedPointEncoder,
    IntegerEncoder,
    SlotLayout,
    concatenate,
    use_backend,
)
from pyfate_gpu.errors import (
    BoundError,
    EncodingError,
    ShapeError,
    SlotMismatchError,
    WireFormatError,
)
from pyfate_gpu.he.array.histograms import cumulate, histogram, subtract
from tests.he.test_wire import rewrite

LAYOUT = SlotLayout(width=60, count=4)
SMALL = IntegerEncoder(1000)
ONE = IntegerEncoder(1).encode(1)


@pytest.fixture
def values(rng):
    return rng.integers(-1000, 1001, (5, 3, 4))


@pytest.fixture
def c(keypair, values):
    return keypair[0].encrypt(values, SMALL, slots=LAYOUT)


def same(private, result, expected):
    assert result.shape == expected.shape[:-1]
    np.testing.assert_array_equal(private.decrypt(result), expected)


def test_the_last_axis_goes_into_a_ciphertext(engine, keypair, values):
    public, private = keypair
    for key in keypair:
        same(private, key.encrypt(values, SMALL, slots=LAYOUT), values)
    one = public.encrypt([1.5, -2.0, 0.0, 8.25], FixedPointEncoder(20, 100), slots=LAYOUT)
    assert (one.shape, one.size, one.ndim, one.slots) == ((), 1, 0, LAYOUT)
    assert private.decrypt(one).tolist() == [1.5, -2.0, 0.0, 8.25]
    none = public.encrypt(np.zeros((0, 4), int), SMALL, slots=LAYOUT)
    assert private.decrypt(none).shape == (0, 4)
    assert public.encrypt([1]).slots is None


@pytest.mark.parametrize("width", [20, 60, 64, 90])
def test_edge_slots_on_every_engine(engine, keypair, width):
    public, private = keypair
    layout = SlotLayout(width, 510 // width)
    bound = layout.bound
    rows = [[bound * signs[s % 2] for s in range(layout.count)] for signs in
            ((1, 1), (-1, -1), (1, -1), (-1, 1), (0, -1), (-1, 0))]  # fmt: skip
    c = public.encrypt(rows, IntegerEncoder(bound), slots=layout)
    assert private.decrypt(c).tolist() == rows
    assert private.decrypt(-c).tolist() == [[-value for value in row] for row in rows]
    assert (
        private.decrypt(private.encrypt(rows, IntegerEncoder(bound), slots=layout)).tolist() == rows
    )


def test_addends_have_a_number_for_each_slot(engine, keypair, values, c):
    private = keypair[1]
    more = values[::-1]
    same(private, c + c[::-1], values + more)
    same(private, c - c[::-1], values - more)
    same(private, c + more, values + more)
    same(private, more - c, more - values)
    same(private, c - more[0], values - more[0])
    same(private, c + 7, values + 7)
    same(private, c + more[:1, :1], values + more[:1, :1])
    same(private, c + more[:, :, :1], values + more[:, :, :1])  # one number for all slots
    same(private, c[0, 0] + more, values[0, 0] + more)
    same(private, c + list(range(4)), values + np.arange(4))
    assert sum([c, c]).bound == 2 * c.bound + 1000


def test_factors_are_common_to_all_slots(engine, keypair, values, c, rng):
    private = keypair[1]
    same(private, -c, -values)
    same(private, c * 7, values * 7)
    same(private, -7 * c, values * -7)
    factors = rng.integers(-9, 9, (5, 3)).astype(np.int8)
    same(private, c * factors, values * factors[..., None])
    same(private, factors[0] * c, values * factors[0][:, None])
    same(private, c[0, 0] * factors, values[0, 0] * factors[..., None])


def test_sums_and_products_act_on_all_slots(engine, keypair, values, c, rng):
    private = keypair[1]
    same(private, c.sum(), values.sum((0, 1)))
    same(private, c.sum(axis=-1), values.sum(1))
    same(private, c.sum(axis=0, keepdims=True), values.sum(0, keepdims=True))
    same(private, c[:0].sum(), np.zeros(4, int))
    index = np.array([2, 0, 2, 2, 0])
    bins = np.zeros((4, 3, 4), int)
    np.add.at(bins, index, values)
    same(private, c.segment_sum(index, 4), bins)
    matrix = rng.integers(-9, 9, (6, 5)).astype(np.int8)
    same(private, matrix @ c, np.einsum("ij,jkl->ikl", matrix, values))
    same(private, sp.csr_array(matrix) @ c, np.einsum("ij,jkl->ikl", matrix, values))
    same(private, matrix[0] @ c[:, 0], matrix[0] @ values[:, 0])
    same(private, c.T @ matrix.T, np.einsum("ij,jkl->kil", matrix, values))


def test_histograms_add_all_slots(engine, keypair, values, c):
    private = keypair[1]
    bins = np.array([[0, 3], [1, 3], [1, 4], [0, 3], [2, 4]])
    plain = np.zeros((5, 3, 4), int)
    for row, columns in enumerate(bins):
        plain[columns] += values[row]
    whole = histogram(c, np.arange(5), bins, 5)
    same(private, whole, plain)
    part = histogram(c, np.array([0, 3]), bins[[0, 3]], 5)
    same(private, subtract(whole, part), plain - private.decrypt(part))
    same(private, cumulate(c[:, 0], [2, 3]), np.concatenate(
        [values[:2, 0].cumsum(0), values[2:, 0].cumsum(0)]))  # fmt: skip
    with pytest.raises(BoundError, match="a slot of 60 bits"):
        histogram(c * IntegerEncoder(2**48).encode(1), np.arange(5), bins, 5)


def test_columns_as_slots(engine, keypair, rng):
    """X^T [[D]] gives all columns of D in one product."""
    public, private = keypair
    X, D = rng.integers(-50, 50, (9, 3)).astype(np.int8), rng.integers(-99, 99, (9, 4))
    same(private, X.T @ public.encrypt(D, SMALL, slots=LAYOUT), X.T @ D)


def test_choosing_and_joining(engine, keypair, values, c):
    private = keypair[1]
    same(private, c[1:, ::-1], values[1:, ::-1])
    same(private, c[[0, 0, 3]], values[[0, 0, 3]])
    same(private, c.take([4, -1], axis=0), values[[4, -1]])
    same(private, c.reshape(3, 5), values.reshape(3, 5, 4))
    same(private, c.ravel(), values.reshape(15, 4))
    same(private, c.T, values.transpose(1, 0, 2))
    same(private, c.broadcast_to((2, 5, 3)), np.broadcast_to(values, (2, 5, 3, 4)))
    same(private, concatenate([c, c[:1]]), np.concatenate([values, values[:1]]))
    assert len(c) == 5
    assert [row.slots for row in c] == [LAYOUT] * 5


def test_exponents_align_in_slots(engine, keypair):
    public, private = keypair
    fine = public.encrypt([[1.25, -2.5, 0, 1]], FixedPointEncoder(12, 8), slots=LAYOUT)
    coarse = public.encrypt([[2, -2, 5, 0]], IntegerEncoder(8), slots=LAYOUT)
    both = fine + coarse
    assert (both.exponent, both.bound) == (-12, 2 * 8 << 12)
    assert private.decrypt(both).tolist() == [[3.25, -4.5, 5, 1]]
    assert private.decrypt(coarse - fine).tolist() == [[0.75, 0.5, 5, -1]]
    assert private.decrypt(concatenate([coarse, fine]))[:, 1].tolist() == [-2, -2.5]
    assert private.decrypt(fine * 0.5).tolist() == [[0.625, -1.25, 0, 0.5]]


def test_bounds_are_those_of_a_slot(keypair, c):
    assert c.bound == 1000
    assert (c + c).bound == 2000
    assert (c * np.int8(3)).bound == 1000 * 1000  # by the encoder of c
    assert c.sum().bound == 1000 * 15
    assert (np.ones((2, 5), np.int8) @ c).bound == 1000 * 1000 * 5
    assert (c * IntegerEncoder().encode(np.int8(3))).bound == 1000 * 128
    assert c.segment_sum([0] * 5, 2).bound == 5000


def test_nothing_carries_into_the_next_slot(keypair):
    public, private = keypair
    layout = SlotLayout(20, 3)
    half = public.encrypt(
        [[2**18 - 1] * 3, [1 - 2**18] * 3], IntegerEncoder(2**18 - 1), slots=layout
    )
    full = half + half
    assert full.bound == layout.bound - 1
    edge = full + ONE
    assert private.decrypt(edge).tolist() == [[layout.bound] * 3, [2 - layout.bound] * 3]
    words = r"could need integers of 20 bits, but a slot of 20 bits holds 19 bits and a sign"
    for name, attempt in {
        "addition": lambda: edge + ONE,
        "addition ": lambda: full + half,
        "multiplication": lambda: full * IntegerEncoder(2).encode(2),
        "a sum of 2 terms": lambda: full.sum(),
        "a sum of 2 terms ": lambda: full.segment_sum([0, 1], 2),
        "a product over 2": lambda: IntegerEncoder(1).encode([1, 0]) @ full,
        "encrypt": lambda: public.encrypt([[0, 0, 0]], IntegerEncoder(2**19), slots=layout),
        "from_ints": lambda: public.from_ints([1], bound=2**19, slots=layout),
        "aligning exponents|addition": lambda: full + FixedPointEncoder(1, 0.5).encode(0),
    }.items():
        with pytest.raises(BoundError, match=f"({name.strip()}) {words}"):
            attempt()


def test_layouts_that_differ(keypair, c):
    public, _ = keypair
    zeros = np.zeros((5, 3, 4), int)
    others = [
        public.encrypt(zeros[..., 0], SMALL),
        public.encrypt(zeros, SMALL, slots=SlotLayout(61, 4)),
        public.encrypt(zeros[..., :3], SMALL, slots=SlotLayout(60, 3)),
    ]
    for other in others:
        for attempt in (lambda d: c + d, lambda d: d - c, lambda d: concatenate([c, d])):
            with pytest.raises(SlotMismatchError, match=r"SlotLayout\(width=60, count=4\)"):
                attempt(other)


def test_layouts_that_do_not_fit_the_key(keypair):
    public, _ = keypair
    for key in keypair:
        key.encrypt([[1] * 5], SMALL, slots=SlotLayout(102, 5))
        with pytest.raises(
            BoundError,
            match=r"1 slots of 511 bits end at bit 511, but the 512-bit key has room for 510",
        ):
            key.encrypt([[1]], SMALL, slots=SlotLayout(511, 1))
    with pytest.raises(BoundError, match="end at bit 512"):
        public.from_ints([1], slots=SlotLayout(64, 8))
    with pytest.raises(BoundError, match="end at bit 512"):
        public.decode_residues([1], 0, "i", slots=SlotLayout(64, 8))
    for bad in ((60, 4), "60x4", 60, {"width": 60, "count": 4}):
        with pytest.raises(EncodingError, match="it must be a SlotLayout"):
            public.encrypt([1, 2, 3, 4], SMALL, slots=bad)


@pytest.mark.parametrize("shape", [(), (1,), (3,), (5,), (4, 3), (2, 0)])
def test_numbers_that_do_not_fit_the_slots(keypair, c, shape):
    with pytest.raises(ShapeError, match=r"4 slots.*slots\.group"):
        keypair[0].encrypt(np.zeros(shape, int), SMALL, slots=LAYOUT)
    if shape not in ((), (1,)):
        with pytest.raises(ShapeError, match="does not fit 4 slots"):
            c + np.zeros(shape, int)


def test_factors_do_not_broadcast_against_slots(c):
    with pytest.raises(ShapeError, match="do not broadcast"):
        c * np.ones((5, 3, 4), np.int8)
    with pytest.raises(ShapeError, match="do not broadcast"):
        c * np.ones(4, np.int8)


def test_masks_work_mod_n(engine, keypair, values, c):
    public, private = keypair
    masks = public.random_residues(c.shape)
    masked = c.add_residue_mask(masks)
    assert (masked.slots, masked.bound, masked.blinding) == (LAYOUT, 1000, "fresh")
    residues = private.decrypt_residues(masked)
    assert residues.shape == c.shape
    unmasked = public.decode_residues(residues - masks, 0, "i", bound=1000, slots=LAYOUT)
    np.testing.assert_array_equal(unmasked, values)
    flat = public.decode_residues((residues - masks).ravel(), 0, "i", (5, 3), 1000, LAYOUT)
    np.testing.assert_array_equal(flat, values)
    with pytest.raises(ShapeError):
        public.decode_residues(residues - masks, 0, "i", (5, 4), 1000, LAYOUT)
    with pytest.raises(BoundError, match="4 slots of 60 bits"):
        private.decrypt(masked)  # wraps to slots with a chance of 2^-270


def test_a_sender_who_lies_about_its_bound(keypair):
    public, private = keypair
    plain = 5 + (2000 << 60) + (-1 << 120)
    liar = public.from_ints(
        public.encrypt(plain, IntegerEncoder(2**200)).to_ints(), bound=1000, slots=LAYOUT
    )
    with pytest.raises(BoundError, match="flat position 1 is beyond the bound of 10 bits"):
        private.decrypt(liar)
    honest = public.from_ints(public.encrypt(plain, IntegerEncoder(2**200)).to_ints(), slots=LAYOUT)
    assert (honest.bound, honest.slots) == (LAYOUT.bound // 2, LAYOUT)
    assert private.decrypt(honest + honest).tolist() == [10, 4000, -2, 0]
    with pytest.raises(BoundError, match="addition"):
        honest + honest + honest
    beyond = public.from_ints(
        public.encrypt(1 << 240, IntegerEncoder(2**241)).to_ints(), slots=LAYOUT
    )
    with pytest.raises(BoundError, match="is not 4 slots of 60 bits"):
        private.decrypt(beyond)


def test_slots_travel(engine, keypair, values, c):
    public, private = keypair
    for again in (public.from_wire(c.to_wire()), pickle.loads(pickle.dumps(c))):
        assert (again.slots, again.bound, again.shape) == (LAYOUT, 1000, (5, 3))
        same(private, again + c, 2 * values)
    assert f"slots={LAYOUT}" in repr(c)
    assert "slots" not in repr(public.encrypt(1))
    with use_backend("reference"):
        same(private, c.to_device("cpu") * 2, values * 2)


def test_the_version_says_whether_there_are_slots(keypair, c):
    public, _ = keypair
    ordinary, slotted = public.encrypt([[1]]).to_wire(), c.to_wire()
    assert (ordinary[4], slotted[4]) == (1, 2)
    with pytest.raises(WireFormatError, match="slots"):
        public.from_wire(rewrite(ordinary, slots=[60, 4]))
    with pytest.raises(WireFormatError, match="slots"):
        public.from_wire(rewrite(slotted, slots=...))


@pytest.mark.parametrize(
    "slots",
    [None, 60, [60], [60, 4, 1], [60.0, 4], [60, "4"], [True, 4], [1, 4], [60, 0], [-60, 4], [60, 9],
     [10, 4], [2**80, 1], {"width": 60, "count": 4}],
    ids=str,
)  # fmt: skip
def test_forged_layouts(keypair, c, slots):
    with pytest.raises(WireFormatError, match=r"slot"):
        keypair[0].from_wire(rewrite(c.to_wire(), slots=slots))


def test_a_bound_beyond_a_slot(keypair, c):
    keypair[0].from_wire(rewrite(c.to_wire(), bound=f"{LAYOUT.bound:x}"))
    with pytest.raises(WireFormatError, match="a slot of 60 bits"):
        keypair[0].from_wire(rewrite(c.to_wire(), bound=f"{LAYOUT.bound + 1:x}"))


def test_each_slotted_ciphertext_has_randomness_of_its_own(keypair):
    c = keypair[0].encrypt([[1, 2, 3, 4]] * 50, SMALL, slots=LAYOUT)
    assert c.blinding == "fresh"
    assert (c + c).blinding == "derived"
    assert len(set(c.to_ints().tolist())) == 50
