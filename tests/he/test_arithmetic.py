# SPDX-License-Identifier: Apache-2.0
"""+ - * @ and sums against NumPy on the decrypted side, on every engine."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyfate_gpu import FixedPointEncoder, IntegerEncoder, PublicKey, use_backend
from pyfate_gpu.encoding import PlaintextCsr
from pyfate_gpu.errors import (
    BoundError,
    DeviceMismatchError,
    EncodingError,
    KeyMismatchError,
    ShapeError,
)

OPERATIONS = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "reverse subtract": lambda a, b: b - a,
}
SCALING = {"multiply": lambda a, b: a * b, "reverse multiply": lambda a, b: b * a}
operations = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
with_scaling = pytest.mark.parametrize(
    "operation", (OPERATIONS | SCALING).values(), ids=(OPERATIONS | SCALING).keys()
)
shape_pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3)
floats = st.integers(-(2**20), 2**20).map(lambda v: v / 2**10)


@operations
@given(pair=shape_pairs, data=st.data())
def test_ciphertexts(keypair, operation, pair, data):
    public, private = keypair
    a, b = (data.draw(hnp.arrays(np.float64, s, elements=floats)) for s in pair.input_shapes)
    result = operation(public.encrypt(a), public.encrypt(b))
    assert result.shape == pair.result_shape
    np.testing.assert_array_equal(private.decrypt(result), operation(a, b))


@with_scaling
@given(pair=shape_pairs, data=st.data())
def test_plain_operands(keypair, operation, pair, data):
    public, private = keypair
    a, b = (data.draw(hnp.arrays(np.float64, s, elements=floats)) for s in pair.input_shapes)
    result = operation(public.encrypt(a), b)
    assert result.shape == pair.result_shape
    np.testing.assert_array_equal(private.decrypt(result), operation(a, b))


@with_scaling
@pytest.mark.parametrize(
    "operand",
    [3, -3, 0, 2.5, -0.25, True, np.float64(1.5), np.float32(-2.5), np.int64(-(2**62)), np.uint8(200),
     [1, 2, 3], np.array([[1.5], [-2.0]]), np.array([7], dtype=np.int8), np.zeros((2, 3), dtype=int)],
    ids=repr,
)  # fmt: skip
def test_operands_on_every_engine(engine, keypair, operation, operand):
    public, private = keypair
    values = np.array([[1.5, -2.0, 0.0], [4.0, 0.25, -6.5]])
    result = operation(public.encrypt(values), operand)
    expected = operation(values, np.asarray(operand, dtype=np.float64))
    np.testing.assert_array_equal(private.decrypt(result), expected)


@with_scaling
@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"])
def test_numpy_integers_never_wrap(engine, keypair, operation, dtype):
    public, private = keypair
    edge = np.array([np.iinfo(dtype).min, np.iinfo(dtype).max], dtype=dtype)
    expected = operation(edge.astype(object), edge.astype(object))
    assert private.decrypt(operation(public.encrypt(edge), edge)).tolist() == expected.tolist()
    one = edge[1]
    expected = operation(edge.astype(object), int(one))
    assert private.decrypt(operation(public.encrypt(edge), one)).tolist() == expected.tolist()


@with_scaling
@given(a=st.integers(-(2**120), 2**120), b=st.integers(-(2**120), 2**120))
def test_wide_integers(keypair, operation, a, b):
    public, private = keypair
    encoder = IntegerEncoder(2**120)
    assert private.decrypt(operation(public.encrypt(a, encoder), b)) == operation(a, b)
    assert private.decrypt(
        operation(public.encrypt(a, encoder), encoder.encode(np.array([b], dtype=object)))
        if operation not in (OPERATIONS["reverse subtract"], SCALING["reverse multiply"])
        else operation(public.encrypt(a, encoder), b)
    ) == operation(a, b)


def test_negation(engine, keypair):
    public, private = keypair
    assert private.decrypt(-public.encrypt([1.5, -2.0, 0.0])).tolist() == [-1.5, 2.0, 0.0]
    assert private.decrypt(+public.encrypt([3])).tolist() == [3]


def test_alignment_of_exponents(engine, keypair):
    public, private = keypair
    fine, coarse = public.encrypt([1.25]), public.encrypt([2.5], FixedPointEncoder(4))
    whole = public.encrypt([7])
    assert (fine + coarse).exponent == -40
    assert private.decrypt(fine + coarse) == [3.75]
    assert private.decrypt(coarse - fine) == [1.25]
    assert private.decrypt(whole - coarse) == [4.5]
    assert private.decrypt(fine * 0.5 + whole) == [7.625]
    assert (fine * 0.5).exponent == -80
    assert (whole * coarse.encoder.encode(0.5)).kind == "f"


def test_operands_with_their_own_encoder(engine, keypair):
    public, private = keypair
    scalars = FixedPointEncoder(10, bound=2).encode([0.5, -1.5])
    product = public.encrypt([4.0, 8.0]) * scalars
    assert product.exponent == -50
    assert product.bound == 2**63 * 2**11
    assert private.decrypt(product).tolist() == [2.0, -12.0]


@given(
    data=st.data(),
    shape=hnp.array_shapes(max_dims=3, max_side=3, min_side=0),
    keepdims=st.booleans(),
)
def test_sum(keypair, data, shape, keepdims):
    public, private = keypair
    values = data.draw(hnp.arrays(np.float64, shape, elements=floats))
    axes = st.sets(st.integers(-len(shape), len(shape) - 1), max_size=len(shape))
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1) | axes)
    if isinstance(axis, set):
        axis = tuple({a % len(shape) for a in axis})
    result = public.encrypt(values).sum(axis, keepdims=keepdims)
    expected = values.sum(axis, keepdims=keepdims)
    assert result.shape == np.shape(expected)
    np.testing.assert_array_equal(private.decrypt(result), expected)


def test_sum_on_every_engine(engine, keypair, rng):
    public, private = keypair
    values = rng.integers(-1000, 1000, (3, 5, 4))
    c = public.encrypt(values)
    for axis in (None, 0, 1, -1, (0, 2), (), (2, 1, 0)):
        np.testing.assert_array_equal(private.decrypt(c.sum(axis)), values.sum(axis))
    assert private.decrypt(c[:0].sum()) == 0
    assert private.decrypt(c[0, 0, 0].sum()) == values[0, 0, 0]


@pytest.mark.parametrize("axis", [2, -3, (0, 0), (0, -2), 1.5, "0", [0, 1], True])
def test_bad_axes(keypair, axis):
    with pytest.raises(ShapeError, match=r"axis|axes"):
        keypair[0].encrypt(np.zeros((2, 3))).sum(axis)


@given(data=st.data(), rows=st.integers(0, 12), segments=st.integers(1, 5))
def test_segment_sum(keypair, data, rows, segments):
    public, private = keypair
    values = data.draw(hnp.arrays(np.int64, rows, elements=st.integers(-1000, 1000)))
    index = data.draw(hnp.arrays(np.int64, rows, elements=st.integers(0, segments - 1)))
    expected = np.zeros(segments, dtype=np.int64)
    np.add.at(expected, index, values)
    result = private.decrypt(public.encrypt(values).segment_sum(index, segments))
    np.testing.assert_array_equal(result, expected)


def test_segment_sum_on_every_engine(engine, keypair, rng):
    public, private = keypair
    values, index = rng.integers(-9, 9, (30, 2)), rng.integers(0, 4, 30)
    expected = np.zeros((5, 2), dtype=np.int64)
    np.add.at(expected, index, values)
    c = public.encrypt(values)
    np.testing.assert_array_equal(private.decrypt(c.segment_sum(index, 5)), expected)
    features = rng.integers(0, 4, (30, 3))
    expected = np.stack(
        [np.bincount(f, weights=values[:, 0], minlength=4) for f in features.T]
    ).astype(int)
    np.testing.assert_array_equal(private.decrypt(c[:, 0].segment_sum(features, 4)), expected)


@pytest.mark.parametrize(
    ("index", "segments"),
    [
        ([0, 1], 3),
        ([0, 1, 3], 3),
        ([0, -1, 1], 3),
        ([0.0, 1.0, 2.0], 3),
        ([[0], [1]], 3),
        ([0, 1, 2], -1),
        ([0, 1, 2], 2.5),
        ([0, 1, 2], None),
        ([0, 1, 2], 1 << 70),
        (np.zeros((3, 2), dtype=int), 1 << 62),
        ([0, 1, [2]], 3),
        (np.ma.array([0, 1, 2], mask=[False, True, False]), 3),
        ([True, False, True], 3),
        (pd.array([0, None, 1], dtype="Int64"), 3),
        (np.array([0, 1, 2**64 - 1], dtype=np.uint64), 3),
    ],
)
def test_bad_segments(keypair, index, segments):
    with pytest.raises(ShapeError):
        keypair[0].encrypt([1, 2, 3]).segment_sum(index, segments)
    with pytest.raises(ShapeError, match="0-dimensional"):
        keypair[0].encrypt(1).segment_sum([0], 1)


products = st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))


@given(sizes=products, data=st.data(), vectors=st.tuples(st.booleans(), st.booleans()))
def test_matrix_products(keypair, sizes, data, vectors):
    public, private = keypair
    m, n, p = sizes
    a = data.draw(hnp.arrays(np.float64, (n,) if vectors[0] else (m, n), elements=floats))
    b = data.draw(hnp.arrays(np.float64, (n,) if vectors[1] else (n, p), elements=floats))
    for result in (a @ public.encrypt(b), public.encrypt(a) @ b):
        assert result.shape == (a @ b).shape
        np.testing.assert_allclose(private.decrypt(result), a @ b, rtol=1e-15, atol=1e-9)


@pytest.mark.parametrize("dtype", ["?", "i1", "u8", "i8", "f4", "f8"])
def test_matrix_products_on_every_engine(engine, keypair, rng, dtype):
    public, private = keypair
    matrix = rng.integers(0, 2 if dtype == "?" else 100, (7, 5)).astype(dtype)
    exact = matrix.astype(np.float64)
    vector, table = rng.integers(-9, 9, 5) / 4, rng.integers(-9, 9, (5, 3)) / 4
    for b in (vector, table):
        np.testing.assert_array_equal(private.decrypt(matrix @ public.encrypt(b)), exact @ b)
        np.testing.assert_array_equal(
            private.decrypt(public.encrypt(b.T) @ matrix.T), b.T @ exact.T
        )


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csr_array, sp.csc_array, sp.coo_matrix])
def test_sparse_products(engine, keypair, rng, container):
    public, private = keypair
    dense = rng.integers(-3, 4, (9, 6)) * rng.integers(0, 2, (9, 6)) / 4
    dense[3] = 0
    sparse = container(dense)
    vector, table = rng.integers(-9, 9, 6) / 4, rng.integers(-9, 9, (6, 2)) / 4
    for b in (vector, table):
        np.testing.assert_array_equal(private.decrypt(sparse @ public.encrypt(b)), dense @ b)
        np.testing.assert_array_equal(
            private.decrypt(public.encrypt(b.T) @ sparse.T), b.T @ dense.T
        )
    encoded = PlaintextCsr.from_matrix(sparse, FixedPointEncoder(8, 16).encode)
    product = encoded @ public.encrypt(vector)
    assert product.exponent == -48
    np.testing.assert_array_equal(private.decrypt(product), dense @ vector)
    np.testing.assert_array_equal(
        private.decrypt(public.encrypt(table.T) @ encoded.T), (dense @ table).T
    )


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr"])
def test_sparse_entries_of_one_place_add_up_without_overflow(engine, keypair, kind):
    """Their sum is beyond the dtype, and beyond the largest entry times the columns."""
    public, private = keypair
    place, entries = np.zeros(9, dtype=np.int64), np.full(9, 100, dtype=np.int8)
    sparse = {
        "csr": lambda: sp.csr_array((entries, place, [0, 9, 9]), shape=(2, 1)),
        "csc": lambda: sp.csc_array((entries, place, [0, 9]), shape=(2, 1)),
        "coo": lambda: sp.coo_array((entries, (place, place)), shape=(2, 1)),
        "bsr": lambda: sp.bsr_array((entries.reshape(9, 1, 1), place, [0, 9, 9]), shape=(2, 1)),
    }[kind]()
    product = sparse @ public.encrypt(np.array([-128], dtype=np.int8))
    assert private.decrypt(product).tolist() == [-9 * 100 * 128, 0]
    assert product.bound >= 9 * 128 * 128
    product = public.encrypt(np.array([1, 1], dtype=np.int8)) @ sparse
    assert private.decrypt(product).tolist() == [900]


def test_malformed_sparse_matrices(keypair):
    c = keypair[0].encrypt([1.0, 2.0, 3.0])
    far, unsorted, line = sp.csr_array(np.eye(3)), sp.csr_array(np.eye(3)), sp.coo_array(np.ones(3))
    far.indices[1] = 3
    unsorted.indptr[1] = 3
    for matrix in (far, unsorted):
        with pytest.raises(ShapeError, match="malformed"):
            matrix @ c
    with pytest.raises(ShapeError, match=r"two axes|must be as long"):  # scipy 1.11 makes it a row
        c @ line


def test_one_hot_columns_are_sums(engine, keypair):
    public, private = keypair
    matrix = sp.csr_array(np.eye(4, dtype=np.int8)[[0, 1, 1, 3]]).T
    assert private.decrypt(matrix @ public.encrypt([1.0, 2.0, 4.0, 8.0])).tolist() == [1, 6, 0, 8]


def test_pandas_operands(engine, keypair):
    public, private = keypair
    series, frame = pd.Series([1.0, 2.0]), pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    c = public.encrypt(series)
    assert private.decrypt(c + series).tolist() == [2, 4]
    assert private.decrypt(series - c).tolist() == [0, 0]
    assert private.decrypt(frame * c).tolist() == [[1, 6], [2, 8]]
    assert private.decrypt(c @ frame).tolist() == [5, 11]


@pytest.mark.parametrize(
    ("left", "right"),
    [((2, 3), (4,)), ((3,), (2,)), ((2, 2, 2), (2,)), ((2,), ()), ((2, 2), (3, 2))],
)
def test_shapes_that_do_not_multiply(keypair, left, right):
    a, b = np.zeros(left), np.zeros(right)
    with pytest.raises(ShapeError, match="matmul of shapes"):
        a @ keypair[0].encrypt(b)
    with pytest.raises(ShapeError, match="matmul of shapes"):
        keypair[0].encrypt(a) @ b


@with_scaling
def test_shapes_that_do_not_broadcast(keypair, operation):
    c = keypair[0].encrypt(np.zeros((2, 3)))
    with pytest.raises(
        ShapeError, match=r"\(2, 3\) and \(2,\) do not broadcast|\(2,\) and \(2, 3\)"
    ):
        operation(c, np.zeros(2))
    with pytest.raises(ValueError):
        operation(c, np.zeros(4))


@operations
def test_mixed_keys(keypair, other_keypair, operation):
    with pytest.raises(KeyMismatchError, match=keypair[0].fingerprint):
        operation(keypair[0].encrypt(1), other_keypair[0].encrypt(1))


def test_equal_keys_mix(keypair):
    public, private = keypair
    twin = PublicKey(public.n, allow_insecure_key_size=True)
    assert private.decrypt(public.encrypt(1) + twin.encrypt(2)) == 3


def test_mixed_engines(engine, keypair):
    public, private = keypair
    here = public.encrypt([1.5])
    if engine == "reference":
        pytest.skip("needs another engine")
    with use_backend("reference"):
        there = public.encrypt([2.0])
        with pytest.raises(DeviceMismatchError, match="to_device"):
            here + there
        moved = here.to_device("cpu")
        assert moved.backend == "reference"
        assert private.decrypt(moved + there) == [3.5]
    assert private.decrypt(there.to_device(here.device) + here) == [3.5]
    assert private.decrypt(there) == [2.0]


def test_integer_arrays_refuse_fractions(keypair):
    c = keypair[0].encrypt([1, 2])
    for attempt in (lambda: c * 0.5, lambda: c + 0.5, lambda: np.array([[0.5, 1]]) @ c):
        with pytest.raises(EncodingError, match="FixedPointEncoder"):
            attempt()
    assert keypair[1].decrypt(c * 2.0).tolist() == [2, 4]


def test_scalars_that_vanish(keypair):
    c = keypair[0].encrypt([1.0])
    with pytest.raises(EncodingError, match="1e-20 rounds to 0 with 40 fraction bits"):
        c * 1e-20
    exact = FixedPointEncoder(100, bound=1).encode(1e-20)
    assert keypair[1].decrypt(c * exact) == pytest.approx([1e-20])
    assert keypair[1].decrypt(c * 0.0) == [0.0]


def test_operands_beyond_the_encoder(keypair):
    c = keypair[0].encrypt([1.0])
    for bad in (np.nan, np.inf, 2.0**24, np.array([None]), 2**70):
        with pytest.raises(EncodingError):
            c * bad


def test_bounds_of_results(keypair):
    public, _ = keypair
    a = public.encrypt([1.0, 2.0], FixedPointEncoder(8, bound=4))
    b = public.encrypt([1, 2], IntegerEncoder(100))
    assert (a + a).bound == 2 * 4 * 256
    assert (a + b).bound == 4 * 256 + 100 * 256
    assert (a - b).bound == (a + b).bound
    assert (-a).bound == a.bound
    assert (a * np.int8(3)).bound == 4 * 256 * 128
    assert (a * 0.5).bound == (4 * 256) ** 2
    assert a.sum().bound == 2 * a.bound
    assert (np.ones((3, 2)) @ a).bound == 2 * (4 * 256) ** 2
    assert a.segment_sum([0, 0], 2).bound == 2 * a.bound
    assert a[:1].bound == a.bound


def test_bounds_do_not_depend_on_values(keypair):
    public, _ = keypair
    c = public.encrypt([0.5])
    assert len({(c * s).bound for s in (1, -7, 10**9)}) == 1
    assert len({(c * s).bound for s in (0.0, 1e-3, 8e6)}) == 1


def test_overflow_is_refused_before_it_happens(keypair):
    public, _ = keypair
    c = public.encrypt([1, 1], IntegerEncoder((public.n // 2 - 1) // 2))
    with pytest.raises(
        BoundError, match=r"addition could need integers of 51[12] bits.*512-bit key"
    ):
        c + c + c
    with pytest.raises(BoundError, match="a sum of 2 terms could need"):
        (c + c).sum()
    for attempt in (
        lambda: c * 2,
        lambda: np.array([2, 2]) @ c,
        lambda: c.segment_sum([0, 0], 1) * 2,
    ):
        with pytest.raises(OverflowError):
            attempt()
    with pytest.raises(BoundError, match="encrypt could need"):
        public.encrypt(1, IntegerEncoder(public.n // 2))
    fine = public.encrypt([1.0])
    for _ in range(7):
        fine = fine * 0.5
    with pytest.raises(BoundError, match="multiplication"):
        fine * 0.5


def test_too_many_fraction_bits(keypair):
    c = keypair[0].encrypt([1.0])
    fine = FixedPointEncoder(500, bound=1).encode(0.5)
    with pytest.raises(
        BoundError, match=r"multiplication could need integers of 564 bits.*fraction"
    ):
        c * fine
    with pytest.raises(BoundError, match="addition"):
        c + fine
    with pytest.raises(BoundError, match="encrypt"):
        keypair[0].encrypt(fine.align(-520))


def test_the_largest_plaintexts(engine, keypair):
    public, private = keypair
    largest = public.n // 2 - 1
    values = [largest, -largest]
    assert private.decrypt(public.encrypt(values, IntegerEncoder(largest))).tolist() == values


def test_three_multiplications_fit_a_2048_bit_key():
    from pyfate_gpu.he.array.bounds import check_room

    class Key:
        plaintext_bound, key_bits = 1 << 2046, 2048

    bound = FixedPointEncoder().integer_bound
    check_room(bound**4 * 10**6, Key(), "training", None)


identities = st.integers(-(2**40), 2**40)


@given(a=identities, b=identities, s=st.integers(-(2**30), 2**30))
def test_homomorphic_identities(keypair, a, b, s):
    public, private = keypair
    x, y = public.encrypt(a), public.encrypt(b)
    assert private.decrypt((x + y) * s - (x * s + y * s)) == 0
    assert private.decrypt(x - y + y) == a
    assert private.decrypt((-x) * -1) == a
    assert private.decrypt(s - x) == s - a


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0, 0)])
def test_products_without_rows_or_columns(engine, keypair, shape):
    public, private = keypair
    c = public.encrypt(np.zeros(shape, int))
    for matrix in (np.ones((3, shape[0]), int), sp.csr_array(np.ones((3, shape[0]), int))):
        assert private.decrypt(matrix @ c).tolist() == np.zeros((3, shape[1])).tolist()
        assert private.decrypt(c.T @ matrix.T).tolist() == np.zeros((shape[1], 3)).tolist()
