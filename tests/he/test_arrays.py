# SPDX-License-Identifier: Apache-2.0
"""Arrays behave on the decrypted side as NumPy's do, on every engine."""

from __future__ import annotations

import copy

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyfate_gpu import CiphertextArray, FixedPointEncoder, IntegerEncoder, backends, concatenate
from pyfate_gpu.backends.reference.engine import ReferenceBackend, ReferencePublicEngine
from pyfate_gpu.errors import (
    ArrayIndexError,
    DeviceMismatchError,
    EncodingError,
    ShapeError,
    UnsupportedOperationError,
)
from tests.conftest import device_of

shapes = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)
small = st.integers(-1000, 1000)


def grid(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float64).reshape(shape) - 5


@pytest.mark.parametrize("shape", [(), (1,), (5,), (0,), (2, 3), (2, 0), (2, 3, 4)])
def test_round_trip_of_shapes(engine, keypair, shape):
    public, private = keypair
    values = grid(*shape)
    c = public.encrypt(values)
    assert (c.shape, c.ndim, c.size, c.device) == (
        shape, len(shape), values.size, device_of(engine)
    )  # fmt: skip
    assert c.backend == engine
    decrypted = private.decrypt(c)
    np.testing.assert_array_equal(decrypted, values)
    assert np.shape(decrypted) == shape
    assert np.asarray(decrypted).dtype == np.float64


@pytest.mark.parametrize(
    "dtype", ["?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8"]
)
def test_round_trip_of_dtypes(engine, keypair, dtype):
    public, private = keypair
    values = np.array([0, 1, 1, 0], dtype=dtype)
    if dtype[0] in "iu":
        values[:2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    decrypted = private.decrypt(public.encrypt(values))
    assert decrypted.tolist() == values.astype(object).tolist()
    assert decrypted.dtype.kind == ("f" if dtype[0] == "f" else "O" if dtype == "u8" else "i")


def test_round_trip_of_scalars(engine, keypair):
    public, private = keypair
    for value in (7, -7, 0, 2.5, np.float32(0.25), np.int8(-3), True):
        decrypted = private.decrypt(public.encrypt(value))
        assert decrypted == value
        assert np.ndim(decrypted) == 0


def test_round_trip_of_wide_integers(engine, keypair):
    public, private = keypair
    values = [2**200, -(2**201) + 1, 0, 5]
    c = public.encrypt(values, IntegerEncoder(2**201))
    assert private.decrypt(c).tolist() == values
    assert private.decrypt(c + 1).tolist() == [v + 1 for v in values]
    assert private.decrypt(-c).tolist() == [-v for v in values]


@given(values=hnp.arrays(np.float64, shapes, elements=st.floats(-(2.0**20), 2.0**20, width=32)))
def test_any_array(keypair, values):
    public, private = keypair
    np.testing.assert_allclose(private.decrypt(public.encrypt(values)), values, rtol=0, atol=2**-41)


@given(data=st.data(), shape=hnp.array_shapes(max_dims=3, max_side=4))
def test_basic_indexing(keypair, data, shape):
    public, private = keypair
    values = np.arange(np.prod(shape)).reshape(shape)
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True, allow_ellipsis=True))
    chosen = public.encrypt(values)[key]
    assert isinstance(chosen, CiphertextArray)
    assert chosen.shape == np.shape(values[key])
    np.testing.assert_array_equal(private.decrypt(chosen), values[key])


@pytest.mark.parametrize(
    "key",
    [0, -1, slice(None, None, -1), slice(3, 0, -2), ..., None, (slice(None), None), [0, 2, 2],
     np.array([[1], [0]]), (np.array([0, 1]), np.array([2, 0])), (..., -1), (1, slice(1, None)), [],
     np.array([True, False, True]), np.zeros(3, dtype=bool), slice(5, 9), True, [True, False, True],
     [np.True_, np.False_, np.True_], (True, False, True), (0,), ([2, 0],), [[True] * 4, [False] * 4, [True] * 4],
     [[0, 1], [2, 0]], (..., [True, False, False, True]), pd.Series([True, False, True], index=[7, 8, 9]),
     pd.Index([2, 0]), pa.array([True, False, True]), np.ma.array([0, 2]), range(2), np.array([2, 0], dtype=">u8")],
    ids=lambda key: repr(key).partition(" at 0x")[0],  # the same in each process
)  # fmt: skip
def test_indexing(engine, keypair, key):
    public, private = keypair
    values = grid(3, 4)
    chosen = public.encrypt(values)[key]
    np.testing.assert_array_equal(private.decrypt(chosen), values[key])
    assert chosen.shape == values[key].shape


def test_mask_of_both_axes(engine, keypair):
    public, private = keypair
    values = grid(3, 4)
    np.testing.assert_array_equal(
        private.decrypt(public.encrypt(values)[values > 0]), values[values > 0]
    )


@pytest.mark.parametrize(
    "key",
    [4, -5, (0, 0, 0), "a", 1.5, np.array([True]), [9], (slice(None), 7), [True, False], [True] * 5, [None, True],
     [0.0, 1.0], [np.nan, 1], 2**70, {0, 1}, np.timedelta64(1), pd.NA, [True, pd.NA, False, True],
     pd.array([True, None, False, True], dtype="boolean"), pd.array([0, None], dtype="Int64"),
     pd.Series([True, None, False, True], dtype="boolean"), pa.array([True, None, False, True]),
     np.ma.array([0, 1], mask=[0, 1]), np.ma.array([True] * 4, mask=[0, 0, 1, 0]), [np.ma.array([0, 1], mask=[0, 1])],
     (slice(None), np.ma.array([0, 1], mask=[0, 1])), np.ma.masked],
    ids=lambda key: repr(key).partition(" at 0x")[0],
)  # fmt: skip
def test_bad_indices(keypair, key):
    c = keypair[0].encrypt(grid(4, 3))
    with pytest.raises(ArrayIndexError, match=r"shape \(4, 3\)"):
        c[key]
    with pytest.raises(IndexError):
        c[key]


def test_iteration_and_length(engine, keypair):
    public, private = keypair
    values = grid(3, 2)
    c = public.encrypt(values)
    assert len(c) == 3
    np.testing.assert_array_equal([private.decrypt(row) for row in c], values)
    with pytest.raises(UnsupportedOperationError, match="no length"):
        len(c[0, 0])


def test_take(engine, keypair):
    public, private = keypair
    values = grid(3, 4)
    c = public.encrypt(values)
    for indices, axis in (([2, 0, 2], 0), ([[1], [3]], 1), (5, None), ([], 0), ([-1], 0)):
        expected = np.take(values, np.array(indices, dtype=int), axis=axis)
        np.testing.assert_array_equal(
            private.decrypt(c.take(np.array(indices, dtype=int), axis=axis)), expected
        )
    for bad in (
        [7],
        [True, False, True],
        np.array([True, False, True]),
        np.ma.array([0, 1], mask=[0, 1]),
        [None],
    ):
        with pytest.raises(ArrayIndexError):
            c.take(bad, axis=0)


@pytest.mark.parametrize("shape", [(6, 2), (-1,), (2, -1), ((3, 4),), (2, 2, 3), (12, 1)])
def test_reshape(engine, keypair, shape):
    public, private = keypair
    values = grid(3, 4)
    c = public.encrypt(values).reshape(*shape)
    np.testing.assert_array_equal(private.decrypt(c), values.reshape(*shape))


@pytest.mark.parametrize("shape", [(5,), (-1, -1), (7, -1), ("a",), (13,)])
def test_bad_reshapes(keypair, shape):
    with pytest.raises(ShapeError, match="cannot reshape"):
        keypair[0].encrypt(grid(3, 4)).reshape(*shape)


def test_transpose(engine, keypair):
    public, private = keypair
    values = grid(2, 3, 4)
    c = public.encrypt(values)
    np.testing.assert_array_equal(private.decrypt(c.T), values.T)
    np.testing.assert_array_equal(private.decrypt(c.transpose(1, 0, 2)), values.transpose(1, 0, 2))
    np.testing.assert_array_equal(
        private.decrypt(c.transpose((2, 0, 1))), values.transpose(2, 0, 1)
    )
    np.testing.assert_array_equal(private.decrypt(c[0, 0].T), values[0, 0].T)
    assert c[0, :1].T.shape == (4, 1)
    np.testing.assert_array_equal(private.decrypt(c.ravel()), values.ravel())
    with pytest.raises(ShapeError):
        c.transpose(0, 0, 1)


def test_broadcast_to(engine, keypair):
    public, private = keypair
    c = public.encrypt([1, 2])
    np.testing.assert_array_equal(private.decrypt(c.broadcast_to((3, 2))), [[1, 2]] * 3)
    with pytest.raises(ShapeError, match="cannot broadcast"):
        c.broadcast_to((3,))


def test_concatenate(engine, keypair):
    public, private = keypair
    a, b = grid(2, 3), grid(4, 3)
    joined = concatenate([public.encrypt(a), public.encrypt(b)])
    np.testing.assert_array_equal(private.decrypt(joined), np.concatenate([a, b]))
    joined = concatenate([public.encrypt(a), public.encrypt(b[:2])], axis=-1)
    np.testing.assert_array_equal(private.decrypt(joined), np.concatenate([a, b[:2]], axis=-1))


def test_concatenate_aligns(engine, keypair):
    public, private = keypair
    coarse = public.encrypt([1.5], FixedPointEncoder(8))
    joined = concatenate([public.encrypt([2]), coarse, public.encrypt([0.25])])
    assert joined.exponent == -40
    assert joined.kind == "f"
    np.testing.assert_array_equal(private.decrypt(joined), [2, 1.5, 0.25])


def test_concatenate_refuses(keypair):
    c = keypair[0].encrypt(grid(2, 3))
    with pytest.raises(ShapeError, match="at least one"):
        concatenate([])
    with pytest.raises(ShapeError, match="cannot concatenate"):
        concatenate([c, keypair[0].encrypt(grid(2, 2))])
    with pytest.raises(ShapeError, match="cannot concatenate"):
        concatenate([c, c], axis=2)
    with pytest.raises(ShapeError, match="cannot concatenate"):
        concatenate([c, c], axis="0")
    for operands in ([1, 2], [c, grid(2, 3)], {"a": c}):
        with pytest.raises(UnsupportedOperationError, match="encrypt it first"):
            concatenate(operands)


def test_ciphertexts_are_no_numbers(keypair):
    c = keypair[0].encrypt([1.0, 2.0])
    attempts = [
        lambda: np.asarray(c), lambda: np.array([c[0], 1.0]), lambda: bool(c), lambda: float(c[0]),
        lambda: int(c[0]), lambda: c == c, lambda: c < 1, lambda: 1 in c, lambda: c * c,
        lambda: c @ c, lambda: c[0] ** 2, lambda: c / 2, lambda: np.float64(2) / c,
        lambda: np.ones(2) // c, lambda: divmod(c, 2), lambda: abs(c), lambda: np.mean(c),
        lambda: np.sum(c, dtype=float), lambda: hash(c), lambda: np.exp(c),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(TypeError):
            attempt()
    for attempt in attempts[:-2]:
        with pytest.raises(UnsupportedOperationError):
            attempt()


def test_numpy_functions(keypair):
    public, private = keypair
    x = grid(2, 3)
    calls = [
        np.sum, lambda a: np.sum(a, axis=-1, keepdims=True), np.transpose, np.ravel, np.shape, np.ndim,
        np.size, lambda a: np.concatenate([a, a], axis=1), lambda a: np.reshape(a, (3, 2)),
        lambda a: np.take(a, [0, 2], axis=1), lambda a: np.broadcast_to(a, (2, 2, 3)),
        lambda a: np.dot(np.ones((4, 2)), a), lambda a: np.dot(a, 2),
    ]  # fmt: skip
    c = public.encrypt(x)
    for call in calls:
        found = call(c)
        found = private.decrypt(found) if isinstance(found, CiphertextArray) else found
        np.testing.assert_array_equal(found, call(x))


def test_copies_cost_nothing(keypair):
    c = keypair[0].encrypt([1.0])
    assert copy.copy(c) is c
    assert copy.deepcopy([c])[0] is c
    assert c.blinding == "fresh"


def test_repr(keypair):
    public, _ = keypair
    c = public.encrypt(grid(2, 3))
    for part in (
        "scheme='paillier'", "key_bits=512", public.fingerprint, "shape=(2, 3)", f"device={c.device!r}",
        "exponent=-40", "bound_bits=64", "blinding='fresh'", f"backend={c.backend!r}",
    ):  # fmt: skip
        assert part in repr(c)


def test_memory(engine, keypair):
    public, _ = keypair
    assert public.encrypt(np.zeros(10)).nbytes == 10 * 2 * 512 // 8


@pytest.mark.parametrize(
    "values", [[np.nan], [np.inf], [2.0**23 + 1], np.array([None]), "text", [[1], [2, 3]], [1j]]
)
def test_encrypt_refuses(keypair, values):
    with pytest.raises(EncodingError):
        keypair[0].encrypt(values)


@pytest.mark.parametrize("encoder", [5, "fixed_point", IntegerEncoder])
def test_encoders_that_are_none(keypair, encoder):
    for key in keypair:
        with pytest.raises(EncodingError, match="must be an encoder"):
            key.encrypt([1], encoder)


def test_encrypting_twice_is_refused(keypair):
    with pytest.raises(EncodingError, match="encrypted already"):
        keypair[0].encrypt(keypair[0].encrypt(1))


def test_devices_that_are_not_there(keypair):
    from pyfate_gpu.errors import BackendUnavailableError

    c = keypair[0].encrypt([1])
    assert c.to_device("cpu").device == "cpu"
    for device in ("cuda:0", "gpu", ""):
        with pytest.raises(
            BackendUnavailableError, match=f"device '{device}' is not served here.*'cpu'"
        ):
            c.to_device(device)


class Elsewhere(ReferenceBackend):
    """A backend on a device of its own, computed by the reference."""

    name, device = "elsewhere", "moon:0"

    def public_engine(self, numbers, options):
        engine = ReferencePublicEngine(numbers)
        engine.backend, engine.device, engine.engine_id = "elsewhere", "moon:0", "elsewhere"
        return engine


def test_moving_between_devices(engine, keypair, monkeypatch):
    monkeypatch.setattr(backends, "BACKENDS", (*backends.BACKENDS, Elsewhere()))
    public, private = keypair
    here = public.encrypt([1.5, -2.0])
    there, home = here.to_device("moon:0"), device_of(engine)
    assert (there.device, there.backend, here.device) == ("moon:0", "elsewhere", home)
    with pytest.raises(DeviceMismatchError, match=r"elsewhere.*to_device"):
        here + there
    assert private.decrypt(there + there).tolist() == [3.0, -4.0]
    back = (there * 2).to_device(home)
    assert back.backend == engine
    assert private.decrypt(back + here).tolist() == [4.5, -6.0]


@pytest.mark.slow
@pytest.mark.parametrize("key_bits", [1024, 2048])
def test_real_sizes(engine, rng, key_bits):
    """One pass over everything with specialised key sizes."""
    from pyfate_gpu import generate_keypair

    public, private = generate_keypair(key_bits, allow_insecure_key_size=True)
    values, matrix = rng.normal(size=(3, 2)), rng.normal(size=(2, 3))
    c = public.from_wire(public.encrypt(values).to_wire())
    result = (matrix @ (c * 2.0 - values) - 1.5)[::-1].sum(axis=0)
    expected = (matrix @ (values * 2.0 - values) - 1.5)[::-1].sum(axis=0)
    np.testing.assert_allclose(private.decrypt(result), expected, atol=1e-10)
    assert c.nbytes == 6 * 2 * key_bits // 8
    mask = public.random_residues(2)
    residues = private.decrypt_residues(result.add_residue_mask(mask))
    unmasked = public.decode_residues(residues - mask, result.exponent, bound=result.bound)
    np.testing.assert_array_equal(unmasked, private.decrypt(result))
