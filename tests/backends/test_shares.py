# SPDX-License-Identifier: Apache-2.0
"""Native work on shares mod 2^128 against the reference backend's Python integers, and its masks against chance."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from pyfate_gpu import use_backend
from pyfate_gpu.backends import _cpu, share_kernels
from pyfate_gpu.backends.cpu.shares import CpuShares
from pyfate_gpu.backends.reference.shares import ReferenceShares
from pyfate_gpu.backends.words import unsigned_to_integers, unsigned_to_words, words_to_integers
from pyfate_gpu.errors import BoundError, ShapeError

Q = 1 << 128
EDGES = [0, 1, Q // 2, Q // 2 - 1, Q - 1, (1 << 64) - 1, 1 << 64]
KERNELS = {"native": CpuShares(1), "on 3 threads": CpuShares(3), "reference": ReferenceShares()}
NATIVE = [CpuShares(1), CpuShares(3)]
LAYOUTS = [(2, 1), (3, 5), (64, 3), (65, 3), (127, 2), (128, 3), (129, 2), (223, 2)]


@pytest.fixture(params=KERNELS)
def kernels(request):
    return KERNELS[request.param]


def residues_of(values: list[int], n: int) -> np.ndarray:
    return unsigned_to_words((v % n for v in values), -(-n.bit_length() // 64))


@given(st.data(), st.sampled_from(LAYOUTS), st.sampled_from([480, 511, 512, 513]))
def test_slots_come_out_mod_2_to_the_128(data, layout, bits):
    width, slots = layout
    most = (1 << width - 1) - 1
    numbers = st.one_of(st.integers(-most, most), st.sampled_from([0, 1, -1, most, -most]))
    rows = data.draw(st.lists(st.lists(numbers, min_size=slots, max_size=slots), max_size=5))
    n = (1 << bits) - 165
    residues = residues_of([sum(m << width * s for s, m in enumerate(row)) for row in rows], n)
    wanted = [m % Q for row in rows for m in row]
    for kernels in KERNELS.values():
        found = kernels.unpack(residues, n, width, slots)
        assert found.shape == (len(rows), slots, 2)
        assert unsigned_to_integers(found).ravel().tolist() == wanted


@pytest.mark.parametrize("width", [64, 128, 150])
def test_what_is_no_slots_is_refused_with_its_row(kernels, width):
    n = (1 << 512) - 569
    over = 1 << 3 * width - 1
    for beyond in (over, -over - (1 << 2 * width), n // 2, n // 2 + 1):
        residues = residues_of([0] * 700 + [beyond, 5, beyond], n)
        with pytest.raises(BoundError, match=f"row 700 is not 3 slots of {width} bits"):
            kernels.unpack(residues, n, width, 3)


def test_words_that_are_not_of_the_key_are_refused(kernels):
    for shape in [(3, 7), (3, 9), (8,)]:
        with pytest.raises(ShapeError, match=r"it must be \(rows, 8\)"):
            kernels.unpack(np.zeros(shape, dtype=np.uint64), (1 << 512) - 1, 64, 2)


@pytest.mark.parametrize("rows", [0, 1, 301])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_slot_masks_are_what_their_shares_take_away(kernels, layout, rows):
    width, slots = layout
    plain, shares = kernels.slot_masks(rows, width, slots)
    assert plain.dtype == np.int64
    n = (1 << 1000) + 7
    residues = residues_of(words_to_integers(plain).tolist(), n)
    masks = ReferenceShares().unpack(residues, n, width, slots)
    sums = unsigned_to_integers(masks).astype(object) + unsigned_to_integers(shares)
    assert (sums % Q == 0).all()
    signed = [v - Q if v >= Q // 2 else v for v in unsigned_to_integers(masks).ravel()]
    if width < 128 and signed:
        assert -(1 << width - 2) <= min(signed)
        assert max(signed) < 1 << width - 2


@pytest.mark.parametrize("n", [1, 3, (1 << 64) - 1, 1 << 64, (1 << 130) + 1, (1 << 512) - 569])
def test_residues_are_below_n_and_shares_take_them_away(kernels, n):
    plain, shares = kernels.residue_masks(401, n)
    masks = words_to_integers(plain)
    assert min(masks) >= 0
    assert max(masks) < n
    assert ((masks + unsigned_to_integers(shares)) % Q == 0).all()


@given(st.data())
def test_products_are_those_of_integers(data):
    rows, columns, width = (data.draw(st.integers(0, 5)) for _ in range(3))
    words = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.sampled_from([0, 1, -1]))
    values = data.draw(st.lists(words, min_size=rows * columns, max_size=rows * columns))
    matrix = np.array(values, dtype=np.int64).reshape(rows, columns)
    for transposed in (False, True):
        size = (rows if transposed else columns) * width
        elements = st.one_of(st.integers(0, Q - 1), st.sampled_from(EDGES))
        factors = data.draw(st.lists(elements, min_size=size, max_size=size))
        shares = unsigned_to_words(factors, 2).reshape(rows if transposed else columns, width, 2)
        wanted = ReferenceShares().multiply(matrix, transposed, shares)
        for kernels in NATIVE:
            assert (kernels.multiply(matrix, transposed, shares) == wanted).all()


def test_products_are_the_same_on_any_number_of_threads_and_of_any_layout():
    generator = np.random.default_rng(0)
    matrix = generator.integers(-(1 << 62), 1 << 62, size=(2011, 37))
    for transposed, terms in ((False, 37), (True, 2011)):
        shares = generator.integers(0, 1 << 63, size=(terms, 6, 2), dtype=np.uint64)[:, ::2]
        found = [CpuShares(k).multiply(matrix, transposed, shares) for k in (1, 2, 7)]
        assert (found[0] == found[1]).all()
        assert (found[0] == found[2]).all()
        assert (
            CpuShares(2).multiply(np.asfortranarray(matrix), transposed, shares) == found[0]
        ).all()
        assert (found[0] == ReferenceShares().multiply(matrix, transposed, shares)).all()


def test_shares_of_another_number_are_refused(kernels):
    matrix = np.zeros((3, 4), dtype=np.int64)
    for transposed, terms in ((False, 3), (True, 4)):
        with pytest.raises(ShapeError, match="a matrix with"):
            kernels.multiply(matrix, transposed, np.zeros((terms, 1, 2), dtype=np.uint64))
    with pytest.raises(ShapeError, match="a matrix with"):
        kernels.multiply(matrix, False, np.zeros((4, 1, 3), dtype=np.uint64))


@pytest.mark.parametrize(
    "call",
    [
        lambda: _cpu.slot_masks(1, 1, 1, 1),
        lambda: _cpu.slot_masks(8192, 2, 1, 1),
        lambda: _cpu.slot_masks(64, 0, 1, 1),
        lambda: _cpu.slot_masks(64, 1, -1, 1),
        lambda: _cpu.residue_masks(b"", 1, 1),
        lambda: _cpu.residue_masks(b"\x03", -1, 1),
        lambda: _cpu.random_words(-1, 1),
        lambda: _cpu.random_words(1, 0),
        lambda: _cpu.unpack_shares(b"\xff", 4, 2, np.zeros((1, 1), np.uint64), 1),
        lambda: _cpu.unpack_shares(b"\xff", 3, 2, np.zeros((1, 2), np.uint64), 1),
        lambda: _cpu.unpack_shares(b"\xff", 3, 2, np.zeros((1, 1), np.int32), 1),
        lambda: _cpu.multiply_shares(np.zeros((1, 1)), False, np.zeros((1, 1, 2), np.uint64), 1),
    ],
)  # fmt: skip
def test_the_native_module_refuses_what_it_cannot_take(call):
    with pytest.raises(ValueError, match=r"must be|it takes|do not fit"):
        call()


def is_uniform(cells: np.ndarray, count: int) -> bool:
    """Whether cells are hit equally often, by a chi-square that fails less than once in 10^9 runs."""
    hits = np.bincount(np.asarray(cells, dtype=np.int64), minlength=count)
    expected = len(cells) / count
    return chi2.sf(((hits - expected) ** 2 / expected).sum(), count - 1) > 1e-10


def test_masks_are_uniform(kernels):
    count = 20_000
    words = kernels.random_words(count)
    assert is_uniform(words >> np.uint64(56), 256)
    assert is_uniform(words & np.uint64(255), 256)
    n = 5 << 61  # a third of what is drawn is drawn again
    _, shares = kernels.residue_masks(count, n)
    assert is_uniform([-v % Q * 50 // n for v in unsigned_to_integers(shares)], 50)
    plain, shares = kernels.slot_masks(count // 4, 67, 4)
    masks = (-unsigned_to_integers(shares).ravel() + (1 << 65)) % Q
    assert is_uniform(masks >> 58, 256)
    assert is_uniform(masks & 255, 256)
    for slot in range(3):  # neighbours in a plaintext have nothing to do with each other
        pair = [(masks[slot::4] >> 62), (masks[slot + 1 :: 4] >> 62)]
        assert is_uniform(pair[0] * 16 + pair[1], 256)
    assert len(set(words_to_integers(plain))) == count // 4


def test_calls_and_chunks_do_not_repeat_masks():
    kernels = CpuShares(2)
    words = [kernels.random_words(50_000) for _ in range(2)]
    assert len(np.unique(np.concatenate(words))) == 100_000


def test_kernels_are_those_of_the_chosen_backend():
    with use_backend("reference"):
        assert isinstance(share_kernels(), ReferenceShares)
    with use_backend("cpu", threads=3):
        assert share_kernels().threads == 3
