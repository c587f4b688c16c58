# SPDX-License-Identifier: Apache-2.0
"""Placed matrices: the products of the matrix itself, with its bounds, on the engine that holds it."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import scipy.sparse

from pyfate_gpu import FixedPointEncoder, SlotLayout, generate_keypair, use_backend
from pyfate_gpu.errors import (
    BoundError,
    DeviceMismatchError,
    EncodingError,
    ShapeError,
    UnsupportedOperationError,
)


def some_matrix(rng, kind):
    matrix = rng.integers(-(2**40), 2**40, size=(7, 5))
    matrix[rng.random(matrix.shape) < 0.4] = 0
    kinds = {
        "int64": matrix,
        "int8": matrix.astype(np.int8),
        "floats": matrix / 2**30,
        "big": matrix.astype(object) * 2**70,
        "csr": scipy.sparse.csr_array(matrix),
    }
    return kinds[kind]


@pytest.mark.parametrize("kind", ["int64", "int8", "floats", "csr"])
def test_products_are_those_of_the_matrix(engine, keypair, rng, kind):
    public, private = keypair
    matrix = some_matrix(rng, kind)
    placed = public.place(matrix)
    numbers = rng.integers(-99, 99, (5, 2)), rng.integers(-99, 99, 7)
    wide, tall = (public.encrypt(each if kind != "floats" else each / 2) for each in numbers)
    for product, plain in ((placed @ wide, matrix @ wide), (placed.T @ tall, matrix.T @ tall)):
        assert np.array_equal(private.decrypt(product), private.decrypt(plain))
        assert (product.shape, product.exponent, product.bound, product.kind) == (
            plain.shape, plain.exponent, plain.bound, plain.kind,
        )  # fmt: skip
    again = placed.T @ tall
    assert np.array_equal(private.decrypt(again), private.decrypt(matrix.T @ tall))
    assert placed.T.T.shape == placed.shape == matrix.shape


def test_slots_stay_slots(engine, keypair, rng):
    public, private = keypair
    values = rng.integers(-99, 99, (5, 3))
    c = public.encrypt(values, slots=SlotLayout(90, 3))
    matrix = rng.integers(-9, 9, (4, 5)).astype(np.int8)
    assert np.array_equal(private.decrypt(public.place(matrix) @ c), matrix @ values)


def test_no_columns(engine, keypair):
    public, private = keypair
    nothing = public.encrypt(np.zeros((5, 0), dtype=np.int64))
    placed = public.place(np.arange(35).reshape(7, 5))
    assert private.decrypt(placed @ nothing).shape == (7, 0)


def test_it_is_a_copy(keypair):
    public, private = keypair
    matrix = np.array([[1, 2], [3, 4]])
    placed = public.place(matrix)
    matrix[:] = 0
    assert private.decrypt(placed @ public.encrypt([1, 1])).tolist() == [3, 7]


def test_bounds_are_checked_before_anything_runs(keypair):
    public, _ = keypair
    placed = public.place(np.ones((2, 2)), FixedPointEncoder(fraction_bits=300, bound=1))
    with pytest.raises(BoundError, match="a product over 2"):
        placed @ public.encrypt(np.ones(2), FixedPointEncoder(fraction_bits=250, bound=1))


def test_another_engine_or_key_is_refused(keypair, other_keypair):
    public, other = keypair[0], other_keypair[0]
    placed = public.place([[1, 2]])
    with pytest.raises(DeviceMismatchError, match="place it there"):
        placed @ other.encrypt([1, 2])
    with use_backend("reference"), pytest.raises(DeviceMismatchError, match="place it there"):
        placed @ public.encrypt([1, 2])


def test_a_matrix_outlives_its_engine_in_vain():
    placed = generate_keypair(256, allow_insecure_key_size=True)[0].place([[1, 2]])
    gc.collect()
    public, _ = generate_keypair(256, allow_insecure_key_size=True)
    with pytest.raises(DeviceMismatchError, match="is gone: place the matrix again"):
        placed @ public.encrypt([1, 2])


@pytest.mark.parametrize(
    ("matrix", "error"),
    [([1, 2], ShapeError), ([[np.nan]], EncodingError), ([["a"]], EncodingError), (3, ShapeError)],
)
def test_what_is_no_matrix_is_refused(keypair, matrix, error):
    with pytest.raises(error):
        keypair[0].place(matrix)


def test_what_it_cannot_multiply_is_refused(keypair):
    public, _ = keypair
    placed = public.place([[1, 2], [3, 4]])
    with pytest.raises(ShapeError, match="inner lengths differ"):
        placed @ public.encrypt([1, 2, 3])
    with pytest.raises(UnsupportedOperationError, match="multiplies encrypted arrays"):
        placed @ np.ones(2)
    with pytest.raises(UnsupportedOperationError, match="this one is encrypted"):
        public.place(public.encrypt([[1]]))


def test_it_tells_no_values(keypair):
    assert "41" not in repr(keypair[0].place([[41, 41]])).replace("(1, 2)", "")
