# SPDX-License-Identifier: Apache-2.0
"""Squeezing, outputs as slots and rows as slots against NumPy, on every engine."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import FixedPointEncoder, IntegerEncoder, SlotLayout
from pyfate_gpu.encoding import PlaintextCsr
from pyfate_gpu.encoding.norms import check_norms
from pyfate_gpu.errors import BoundError, EncodingError, ShapeError, SlotMismatchError
from pyfate_gpu.he.array import slot_products

SMALL = IntegerEncoder(1000)
BYTES = IntegerEncoder(128)


def polynomial_product(d, x, count):
    """Coefficients of the sum over groups of (d_0 + d_1 B + ...) (x_(k-1) + x_(k-2) B + ...)."""
    layout = SlotLayout(50, count)
    result = np.zeros(2 * count - 1, dtype=object)
    for left, right in zip(
        layout.group(np.asarray(d, object)), layout.group(np.asarray(x, object)), strict=True
    ):
        for s, a in enumerate(left):
            for t, b in enumerate(right):
                result[s + count - 1 - t] += int(a) * int(b)
    return result


@pytest.mark.parametrize("shape", [(1,), (7,), (8,), (9,), (2, 3), (3, 0), (0,), (2, 2, 5)])
def test_squeeze(engine, keypair, rng, shape):
    public, private = keypair
    layout = SlotLayout(61, 8)
    values = rng.integers(-1000, 1001, shape)
    squeezed = public.encrypt(values, SMALL).squeeze(layout)
    assert squeezed.shape == (*shape[:-1], layout.groups(shape[-1]))
    assert (squeezed.slots, squeezed.bound, squeezed.blinding) == (layout, 1000, "derived")
    decrypted = private.decrypt(squeezed)
    np.testing.assert_array_equal(decrypted, layout.group(values))
    np.testing.assert_array_equal(layout.ungroup(decrypted, shape[-1]), values)


def test_squeezed_floats_can_be_computed_with(engine, keypair):
    public, private = keypair
    layout = SlotLayout(70, 3)
    c = public.encrypt([1.5, -2.25, 0.0, 8.0], FixedPointEncoder(10, 16)).squeeze(layout)
    total = c + layout.group([1.0, 1.0, -1.0, 0.5])
    assert private.decrypt(total * np.int8(2)).tolist() == [[5.0, -2.5, -2.0], [17.0, 0.0, 0.0]]


@pytest.mark.parametrize("sign", [(1, 1), (-1, -1), (1, -1), (-1, 1)])
def test_squeeze_of_edge_slots(engine, keypair, sign):
    public, private = keypair
    layout = SlotLayout(100, 5)
    values = [layout.bound * sign[s % 2] for s in range(5)]
    c = public.encrypt(values, IntegerEncoder(layout.bound)).squeeze(layout)
    assert private.decrypt(c).tolist() == [values]


def test_squeeze_lays_slots_side_by_side(engine, keypair, rng):
    public, private = keypair
    values = rng.integers(-1000, 1001, (3, 5, 2))
    c = public.encrypt(values, SMALL, slots=SlotLayout(50, 2))
    wide = c.squeeze(SlotLayout(50, 6))
    assert wide.shape == (3, 2)
    expected = SlotLayout(50, 6).group(values.reshape(3, 10))
    np.testing.assert_array_equal(private.decrypt(wide), expected)
    np.testing.assert_array_equal(private.decrypt(c.squeeze(c.slots)), values)


def test_what_does_not_squeeze(keypair):
    public, _ = keypair
    c = public.encrypt([1, 2], SMALL)
    with pytest.raises(
        BoundError, match=r"squeezing could need integers of 10 bits, but a slot of 10"
    ):
        c.squeeze(SlotLayout(10, 4))
    with pytest.raises(BoundError, match="end at bit 520"):
        c.squeeze(SlotLayout(130, 4))
    with pytest.raises(ShapeError, match="0-dimensional"):
        c[0].squeeze(SlotLayout(40, 4))
    for bad in (None, 0, (40, 4)):
        with pytest.raises(EncodingError, match="SlotLayout"):
            c.squeeze(bad)
    slotted = public.encrypt([[1, 2]], SMALL, slots=SlotLayout(40, 2))
    for other in (SlotLayout(40, 3), SlotLayout(41, 4), SlotLayout(40, 1)):
        with pytest.raises(SlotMismatchError, match="do not make up"):
            slotted.squeeze(other)


@pytest.mark.parametrize("shifting", [True, False])
@pytest.mark.parametrize("shape", [(7, 3), (8, 1), (1, 5), (0, 3), (3, 0)])
def test_outputs_product(engine, keypair, rng, monkeypatch, shape, shifting):
    monkeypatch.setattr(slot_products, "_shifting_pays", lambda *_: shifting)
    public, private = keypair
    layout = SlotLayout(100, 4)
    matrix = rng.integers(-99, 99, shape)
    for columns in ((), (2,), (0,)):
        w = rng.integers(-1000, 1001, (shape[1], *columns))
        result = public.encrypt(w, SMALL).outputs_product(matrix, layout)
        assert (result.slots, result.shape) == (layout, (layout.groups(shape[0]), *columns))
        expected = layout.group((matrix @ w).T)
        np.testing.assert_array_equal(private.decrypt(result).T, expected.T.swapaxes(1, -1))


def test_outputs_of_floats_and_sparse_matrices(keypair, rng):
    public, private = keypair
    layout, encoder = SlotLayout(120, 4), FixedPointEncoder(20, 8)
    matrix, w = rng.integers(-9, 9, (10, 3)) / 4, rng.integers(-9, 9, 3) / 8
    c = public.encrypt(w, encoder)
    expected = layout.group(matrix @ w)
    kinds = (
        matrix,
        sp.csr_array(matrix),
        PlaintextCsr.from_matrix(sp.coo_array(matrix), encoder.encode),
    )
    for kind in kinds:
        result = c.outputs_product(kind, layout)
        assert result.exponent == -40
        np.testing.assert_array_equal(private.decrypt(result), expected)


def test_the_cheaper_way_for_outputs(keypair):
    layout = SlotLayout(100, 16)
    tall, flat = (IntegerEncoder(2**24).encode(np.ones(s, int)) for s in ((20_000, 20), (40, 20)))
    assert slot_products._shifting_pays(tall, layout)
    assert not slot_products._shifting_pays(flat, layout)


def test_outputs_that_are_refused(keypair):
    public, _ = keypair
    c = public.encrypt([1, 2], SMALL)
    with pytest.raises(
        BoundError, match="a product over 2 could need integers of 21 bits, but a slot of 20"
    ):
        c.outputs_product(np.ones((3, 2), int), SlotLayout(20, 4))
    for matrix in (np.ones(2, int), np.ones((3, 1), int), np.ones((1, 3, 2), int)):
        with pytest.raises(ShapeError):
            c.outputs_product(matrix, SlotLayout(60, 4))
    with pytest.raises(SlotMismatchError, match="already"):
        public.encrypt([[1, 2]], SMALL, slots=SlotLayout(60, 2)).outputs_product(
            [[1]], SlotLayout(60, 4)
        )


@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("rows", [1, 7, 8, 9])
def test_rows_product(engine, keypair, rng, count, rows):
    public, private = keypair
    layout = SlotLayout(60, count)
    matrix = rng.integers(-100, 101, (3, rows))
    for columns in ((), (2,)):
        d = rng.integers(-1000, 1001, (rows, *columns))
        c = public.encrypt(np.moveaxis(layout.group(d.T), -2, 0), SMALL, slots=layout)
        result = c.rows_product(BYTES.encode(matrix))
        assert (result.shape, result.slots) == ((3, *columns), SlotLayout(60, 2 * count - 1))
        decrypted = private.decrypt(result)
        np.testing.assert_array_equal(decrypted[..., result.slots.middle], matrix @ d)
        for j in range(3):
            for column in np.ndindex(columns):
                expected = polynomial_product(d[(slice(None), *column)], matrix[j], count)
                assert decrypted[(j, *column)].tolist() == expected.tolist()
        vector = c.rows_product(BYTES.encode(matrix[0]))
        np.testing.assert_array_equal(private.decrypt(vector), decrypted[0])


@given(st.data(), st.integers(1, 4), st.integers(1, 9))
def test_middle_coefficients(keypair, data, count, rows):
    public, private = keypair
    layout = SlotLayout(70, count)
    numbers = st.lists(st.integers(-(2**20), 2**20), min_size=rows, max_size=rows)
    d, x = np.array(data.draw(numbers)), np.array(data.draw(numbers))
    encoder = IntegerEncoder(2**20)
    result = public.encrypt(layout.group(d), encoder, slots=layout).rows_product(x)
    assert private.decrypt(result).tolist() == polynomial_product(d, x, count).tolist()


def test_rows_product_of_nothing(engine, keypair):
    public, private = keypair
    layout = SlotLayout(60, 3)
    for outputs, rows, columns in (
        (0, 5, (2,)),
        (0, 5, ()),
        (4, 5, (0,)),
        (4, 0, ()),
        (4, 0, (2,)),
    ):
        groups = layout.groups(rows)
        c = public.encrypt(np.zeros((groups, *columns, 3), int), SMALL, slots=layout)
        decrypted = private.decrypt(c.rows_product(np.ones((outputs, rows), int)))
        assert decrypted.shape == (outputs, *columns, 5)
        assert not decrypted.any()


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1)])
def test_largest_coefficients(engine, keypair, signs):
    """As large as the bound says in the middle slot, with every number at its own bound."""
    public, private = keypair
    layout, rows = SlotLayout(34, 8), 16
    d = np.array([2**15 * signs[r % 2] for r in range(rows)])
    c = public.encrypt(layout.group(d), IntegerEncoder(2**15), slots=layout)
    x = IntegerEncoder(2**14 - 1).encode((2**14 - 1) * np.sign(d))
    result = c.rows_product(x)
    assert result.bound == 16 * 2**15 * (2**14 - 1) == private.decrypt(result)[7]
    with pytest.raises(
        BoundError, match=r"a product of 16 rows in slots could need integers of 34 bits"
    ):
        c.rows_product(IntegerEncoder(2**14).encode(np.sign(d)))


def test_norms_bound_more_closely(keypair, rng):
    public, private = keypair
    layout, rows = SlotLayout(40, 4), 50
    matrix = rng.integers(-500, 501, (2, rows))
    d = rng.integers(-1000, 1001, rows)
    c = public.encrypt(layout.group(d), SMALL, slots=layout)
    wide = IntegerEncoder(2**31).encode(matrix)
    with pytest.raises(BoundError, match="a slot of 40 bits"):
        c.rows_product(wide)
    norm = max(int(np.ceil(np.sqrt((row**2).sum()))) for row in matrix)
    result = c.rows_product(wide, norm=norm)
    assert 1000 * norm * 50**0.5 <= result.bound <= 1000 * norm * 50**0.5 + 2
    decrypted = private.decrypt(result)
    np.testing.assert_array_equal(decrypted[:, 3], matrix @ d)
    assert np.abs(decrypted).max() <= result.bound
    with pytest.raises(
        BoundError, match=r"row [01] of the matrix has a norm beyond the declared one of"
    ):
        c.rows_product(wide, norm=norm - 1)
    for bad in (-1, 1.5, "9", None):
        with pytest.raises(BoundError):
            c.rows_product(wide, norm=bad)


def test_norms_of_the_encrypted_rows_bound_more_closely_still(keypair, rng):
    public, private = keypair
    layout, rows = SlotLayout(40, 4), 50
    matrix = IntegerEncoder(2**31).encode(rng.integers(-500, 501, (2, rows)))
    d = rng.integers(-100, 101, rows)
    d[3] = 1000  # one large one, as residuals have outliers
    c = public.encrypt(layout.group(d), SMALL, slots=layout)
    longest = math.isqrt(int((d**2).sum())) + 1
    result = c.rows_product(matrix, norm=3600, rows_norm=longest)
    assert result.bound == longest * 3600 + 1
    decrypted = private.decrypt(result)
    np.testing.assert_array_equal(decrypted[:, 3], matrix.to_integers().astype(int) @ d)
    assert np.abs(decrypted).max() <= result.bound
    # A norm beyond what single numbers allow changes nothing.
    assert (
        c.rows_product(matrix, norm=3600, rows_norm=10**9).bound
        == c.rows_product(matrix, norm=3600).bound
    )
    for bad in (-1, 1.5, "9"):
        with pytest.raises(BoundError, match="rows_norm is"):
            c.rows_product(matrix, norm=3600, rows_norm=bad)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9), st.booleans())
def test_norms_are_exact(values, wide):
    values = [*values, 2**80] if wide else values
    plain = IntegerEncoder(2**80).encode(np.array(values, dtype=object))
    square = sum(value * value for value in values)
    norm = math.isqrt(square)
    norm += norm * norm < square
    check_norms(plain, norm)
    if norm:
        with pytest.raises(BoundError, match="row 0"):
            check_norms(plain, norm - 1)


def test_rows_that_are_refused(keypair):
    public, _ = keypair
    layout = SlotLayout(60, 4)
    c = public.encrypt(np.ones((3, 4), int), SMALL, slots=layout)
    for columns in (8, 13, 0):
        with pytest.raises(
            ShapeError, match=f"{columns} columns takes {layout.groups(columns)} ciphertexts"
        ):
            c.rows_product(np.ones((2, columns), int))
    for matrix in (np.ones((1, 2, 12), int), 5):
        with pytest.raises(ShapeError, match="one or two axes"):
            c.rows_product(matrix)
    with pytest.raises(ShapeError, match="one or two axes"):
        c[0].rows_product(np.ones(4, int))
    with pytest.raises(SlotMismatchError, match=r"slots\.group"):
        public.encrypt([1, 2], SMALL).rows_product([1, 2])
    full = public.encrypt(np.ones((3, 5), int), SMALL, slots=SlotLayout(100, 5))
    with pytest.raises(BoundError, match="9 slots of 100 bits end at bit 900"):
        full.rows_product(np.ones(15, int))
