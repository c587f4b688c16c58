# SPDX-License-Identifier: Apache-2.0
"""Operands of other libraries on either side: what they mean there, or an error whose advice works."""

from __future__ import annotations

import operator

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pyfate_gpu import IntegerEncoder
from pyfate_gpu.encoding import PlaintextCsr
from pyfate_gpu.encoding.sparse import fill_up
from pyfate_gpu.errors import EncodingError, ShapeError, UnsupportedOperationError

pytestmark = pytest.mark.filterwarnings("ignore:the matrix subclass")

SCIPY = tuple(map(int, scipy.__version__.split(".")[:2]))
OPERATIONS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "@": operator.matmul}
SPARSE = [
    getattr(sp, f"{form}_{kind}")
    for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    for kind in ("matrix", "array")
]
MATRIX = np.array([[0, -3, 0], [2, 0, 1], [0, 0, 5]])
VALUES = {3: np.arange(1, 4), (3, 3): np.arange(9).reshape(3, 3) - 4}

both_sides = pytest.mark.parametrize("side", ["left", "right"])
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


def apply(operation, operand, values, side):
    return operation(operand, values) if side == "left" else operation(values, operand)


def multiply_from_left(operand, c):
    """``operand * c``, by the advice of the error where a scipy from before 1.14 does not step back from it."""
    if sp.issparse(operand) and not sp.isspmatrix(operand) and SCIPY < (1, 14):
        with pytest.raises(UnsupportedOperationError, match=r"put the ciphertexts first: c \* X"):
            operand * c
        return c * operand
    return operand * c


def as_array(result):
    return np.asarray(result.toarray() if sp.issparse(result) else result)


@both_sides
@every_operation
@pytest.mark.parametrize("shape", VALUES, ids=str)
@pytest.mark.parametrize("container", [*SPARSE, np.matrix], ids=lambda kind: kind.__name__)
def test_matrices_mean_what_they_mean_beside_numbers(keypair, container, shape, operation, side):
    """`*` is the matrix product of a matrix, and works element by element on an array."""
    public, private = keypair
    values = VALUES[shape]
    operand, c = container(MATRIX), public.encrypt(values)
    ours = multiply_from_left if (operation, side) == (operator.mul, "left") else operation
    try:
        expected = as_array(apply(operation, operand, values, side))
    except ValueError:  # numpy.matrix takes an array of one axis for a row
        with pytest.raises(ShapeError, match=r"np.asarray\(X\) \* c element by element"):
            apply(operation, operand, c, side)
        return
    found = private.decrypt(apply(ours, operand, c, side))
    if container is np.matrix and operation is operator.matmul:
        found = found.reshape(expected.shape)  # a matrix has two axes whatever is done to it
    np.testing.assert_array_equal(found, expected)
    assert found.shape == expected.shape


@both_sides
@pytest.mark.parametrize("container", [*SPARSE, np.matrix], ids=lambda kind: kind.__name__)
def test_one_number_scales_a_matrix(engine, keypair, container, side):
    public, private = keypair
    c = public.encrypt(7)
    operation = multiply_from_left if side == "left" else operator.mul
    found = private.decrypt(apply(operation, container(MATRIX), c, side))
    np.testing.assert_array_equal(found, 7 * MATRIX)


def test_the_advice_about_matrices_works(keypair):
    public, private = keypair
    c, values = public.encrypt(VALUES[3]), VALUES[3]
    X = np.matrix(MATRIX)
    assert private.decrypt(X @ c).tolist() == (MATRIX @ values).tolist()
    assert private.decrypt(np.asarray(X) * c).tolist() == (MATRIX * values).tolist()
    wide = sp.csr_matrix(MATRIX[:, :2])
    with pytest.raises(ShapeError, match=r"X.toarray\(\) \* c element by element"):
        wide * c
    assert private.decrypt(wide.toarray() * c[:, None]).shape == (3, 2)


def test_products_of_matrices_of_other_shapes(keypair):
    public, private = keypair
    tall = np.arange(8).reshape(4, 2)
    for container in (np.matrix, sp.csr_matrix):
        X = container(tall)
        c = public.encrypt(tall)
        np.testing.assert_array_equal(private.decrypt(X.T * c), tall.T @ tall)
        np.testing.assert_array_equal(private.decrypt(c * X.T), tall @ tall.T)
    dense = sp.csr_matrix(tall / 4).todense()
    assert isinstance(dense, np.matrix)
    np.testing.assert_array_equal(
        private.decrypt(dense.T * public.encrypt(tall / 2)), tall.T @ tall / 8
    )


@pytest.mark.parametrize("container", SPARSE, ids=lambda kind: kind.__name__)
def test_other_operations_on_sparse_matrices_are_refused(keypair, container):
    """Comparisons from the left are scipy's own: some releases answer False without asking."""
    c, X = keypair[0].encrypt(VALUES[3, 3]), container(MATRIX)
    for attempt in (
        lambda: c / X, lambda: X / c, lambda: c == X, lambda: c < X, lambda: c // X, lambda: c % X, lambda: c**X,
    ):  # fmt: skip
        with pytest.raises(UnsupportedOperationError):
            attempt()


entries = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.integers(-5, 5)), max_size=12)


@given(entries=entries, columns=st.sampled_from([None, 2]))
def test_entries_of_one_place_add_up(keypair, entries, columns):
    public, private = keypair
    row, column, data = (
        np.array([entry[i] for entry in entries], dtype=np.int64) for i in range(3)
    )
    X = sp.coo_array((data, (row, column)), shape=(3, 2))
    exact = np.zeros((3, 2), dtype=np.int64)
    np.add.at(exact, (row, column), data)
    values = np.arange(2) - 3 if columns is None else np.arange(4).reshape(2, 2) - 3
    c = public.encrypt(values)
    np.testing.assert_array_equal(fill_up(X), exact)
    np.testing.assert_array_equal(private.decrypt(X @ c), exact @ values)
    np.testing.assert_array_equal(private.decrypt(c.T @ X.T), values.T @ exact.T)
    assert (X @ c).bound == (sp.coo_array(exact) @ c).bound, "bounds tell nothing of the entries"


def test_sums_of_entries_beyond_their_dtype(keypair):
    public, private = keypair
    c = public.encrypt(np.array([1, 1]))
    place = np.zeros(3, dtype=np.int64)
    bounds = set()
    for dtype, value in ((np.int8, 100), (np.int8, 1), (np.uint8, 100), (np.bool_, True)):
        X = sp.coo_array((np.full(3, value, dtype), (place, place)), shape=(2, 2))
        assert private.decrypt(c * X).tolist() == [[3 * int(value), 0], [0, 0]]
        assert private.decrypt(X @ c).tolist() == [3 * int(value), 0]
        bounds.add(((c * X).bound, (X @ c).bound))
    assert len(bounds) == 1, "that of 64 bits, whatever they add up to"
    ones = sp.coo_array((np.ones(3, np.int8), (place, place)), shape=(2, 2))
    encoded = PlaintextCsr.from_matrix(ones, IntegerEncoder(bound=3).encode)
    assert private.decrypt(encoded @ c).tolist() == [3, 0]
    encoded = PlaintextCsr.from_matrix(ones, IntegerEncoder(bound=2).encode)
    with pytest.raises(EncodingError, match="add up to 2 bits, beyond the bound 2.*wider encoder"):
        encoded @ c
    long = sp.coo_array((np.full(3, 2**62), (place, place)), shape=(2, 2))
    for attempt in (lambda: long @ c, lambda: c * long):
        with pytest.raises(EncodingError, match="add up"):
            attempt()
    floats = sp.coo_array((np.full(3, 0.25), (place, place)), shape=(2, 2))
    assert private.decrypt(public.encrypt(2.0) * floats).tolist() == [[1.5, 0], [0, 0]]
    assert private.decrypt(floats @ public.encrypt([2.0, 1.0])).tolist() == [1.5, 0]


def test_malformed_sparse_matrices_element_by_element(keypair):
    far = sp.coo_array(np.eye(3))
    far.row[1] = 3
    c = keypair[0].encrypt([1, 2, 3])
    # far * c would first be turned into compressed rows by scipy, which writes where the index points.
    for attempt in (lambda: c * far, lambda: c + far, lambda: far @ c, lambda: c @ far):
        with pytest.raises(ShapeError, match="malformed"):
            attempt()


FOREIGN = (">u8", ">i8", ">i2", ">f2", ">f4", ">f8", "f2")


@given(
    operand=hnp.arrays(st.sampled_from(FOREIGN), (2, 2), elements=st.integers(0, 40)),
    operation=st.sampled_from(list(OPERATIONS.values())),
    side=st.sampled_from(["left", "right"]),
)  # fmt: skip
def test_operands_of_any_byte_order(keypair, operand, operation, side):
    public, private = keypair
    values = np.array([[1.5, -2], [0.25, 3]])
    expected = apply(operation, operand.astype(np.float64), values, side)
    for form in (
        operand,
        np.asfortranarray(operand),
        pd.DataFrame(operand) if side == "right" else operand,
    ):
        found = private.decrypt(apply(operation, form, public.encrypt(values), side))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("dtype", [">u8", ">u2", ">i8", ">f2", ">f4", ">f8"])
def test_big_endian_numbers_are_encrypted(engine, keypair, dtype):
    public, private = keypair
    values = np.array(
        [0, 1, 2**16 - 32] if dtype[1] == "f" else [0, 7, np.iinfo(dtype).max], dtype=dtype
    )
    expected = values.astype(object).tolist()
    for form in (values, pd.Series(values), values[:, None]):
        assert private.decrypt(public.encrypt(form)).ravel().tolist() == expected
        assert private.decrypt(private.encrypt(form)).ravel().tolist() == expected
    assert private.decrypt(public.encrypt(values[2])) == expected[2]
    assert private.decrypt(public.encrypt(values[2:].reshape(()))) == expected[2]
    index = np.array([2, 0], dtype=">i4")
    assert private.decrypt(public.encrypt(values)[index]).tolist() == [expected[2], 0]
    assert private.decrypt(public.encrypt(values).take(index)).tolist() == [expected[2], 0]
    assert private.decrypt(
        public.encrypt([1, 2]).segment_sum(np.array([1, 0], dtype=">u8"), 2)
    ).tolist() == [2, 1]


TABLES = {
    "pandas": pd.DataFrame, "nullable": lambda x: pd.DataFrame(x).astype("Float64"), "list": np.ndarray.tolist,
    "arrow": lambda x: pa.table({str(i): x[:, i] for i in range(x.shape[1])}), "masked": np.ma.array,
    "polars": pl.DataFrame,
}  # fmt: skip


@every_operation
@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_tables_on_the_right(keypair, table, operation):
    public, private = keypair
    operand, values = np.array([[1.5, 2], [3, 4]]), np.array([[1.0, -1], [0.5, 2]])
    found = private.decrypt(operation(public.encrypt(values), table(operand)))
    np.testing.assert_array_equal(found, operation(values, operand))


FORMS = (pd.Series, lambda x: pd.array(x, "Int64"), pd.Index, list, tuple, np.ma.array)


@pytest.mark.parametrize(
    ("form", "operation", "side"),
    [
        (form, operation, side)
        for form in FORMS
        for operation in OPERATIONS.values()
        for side in ("left", "right")
        if (form, operation, side) != (pd.Series, operator.matmul, "left")  # the next test's
    ],
)
def test_vectors_on_both_sides(keypair, form, operation, side):
    public, private = keypair
    operand, values = np.array([2, -3]), np.array([1, 5])
    found = private.decrypt(apply(operation, form(operand), public.encrypt(values), side))
    np.testing.assert_array_equal(found, apply(operation, operand, values, side))


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float32", "Float64"])
def test_pandas_products_from_the_left(keypair, dtype):
    """pandas computes `frame @ c` itself and asks nobody."""
    public, private = keypair
    frame, values = pd.DataFrame([[1, 2], [3, 4]]).astype(dtype), np.array([5.0, 6])
    c = public.encrypt(values)
    for x in (frame, frame[0]):
        for attempt in (lambda x=x: x @ c, lambda x=x: x.dot(c)):
            with pytest.raises(
                UnsupportedOperationError,
                match=r"c.encoder.encode\(x\) @ c",
            ):
                attempt()
        expected = np.asarray(x, dtype=float) @ values
        np.testing.assert_array_equal(private.decrypt(c.encoder.encode(x) @ c), expected)


def test_columns_of_different_integers_lose_no_digit(keypair):
    public, private = keypair
    frame = pd.DataFrame({"a": np.array([-1]), "b": np.array([2**53 + 1], dtype=np.uint64)})
    exact = [-1, 2**53 + 1]
    wide = IntegerEncoder(bound=2**70)
    assert private.decrypt(public.encrypt(frame)).tolist() == [exact]
    c = public.encrypt([1, 1], wide)
    assert private.decrypt(c * frame).tolist() == [exact]
    assert private.decrypt(frame - c).tolist() == [[-2, 2**53]]
    assert private.decrypt(public.encrypt([3]) @ frame).tolist() == [3 * v for v in exact]
    assert private.decrypt(wide.encode(frame) @ c).tolist() == [sum(exact)]
    with pytest.raises(EncodingError, match="among floats"):
        public.encrypt([1.0, 2.0]) * [2**60 + 1, 0.5]


@pytest.mark.parametrize(
    "bad",
    [pd.NA, np.ma.masked, np.ma.array([1, 2], mask=[0, 1]), [np.ma.array([1, 2], mask=[0, 1])] * 2,
     pd.Series([1, None], dtype="Int64"), pd.Series([True, None], dtype="boolean"), [1, pd.NA], None,
     np.longdouble(1) / 3, 1j, "1", b"1", np.datetime64("2026-01-01"), np.array([1, 2], "m8[s]")],
    ids=lambda v: type(v).__name__,
)  # fmt: skip
def test_operands_without_a_value(keypair, bad):
    c = keypair[0].encrypt([1.0, 2.0])
    for operation in OPERATIONS.values():
        with pytest.raises(EncodingError):
            operation(c, bad)
    for attempt in (lambda: bad + c, lambda: bad * c, lambda: bad - c):
        with pytest.raises((EncodingError, TypeError) if isinstance(bad, str) else EncodingError):
            attempt()
    with pytest.raises(EncodingError):
        keypair[0].encrypt(bad)


def test_masked_integers_of_other_kinds(keypair):
    public, _ = keypair
    masked = np.ma.array([1, 2], mask=[False, True], dtype=object)
    for attempt in (
        lambda: public.from_ints(masked),
        lambda: public.decode_residues(masked, 0),
        lambda: public.encrypt([1, 2]).add_residue_mask(masked),
    ):
        with pytest.raises(EncodingError, match="masked"):
            attempt()


def test_scipy_alone_is_given_an_object(keypair):
    """Nobody else may take a CiphertextArray for an array of one element."""
    c = keypair[0].encrypt([1.0, 2.0])
    for attempt in (
        lambda: np.asarray(c), lambda: np.asanyarray(c), lambda: np.array(c), lambda: np.array([c, c]),
        lambda: np.asarray(c, dtype=object), lambda: np.atleast_1d(c), lambda: pd.DataFrame([[1.0, 2.0]]) @ c,
        lambda: np.add(1, np.asarray(c)), lambda: pd.Series([1.0, 2.0]).dot(c), lambda: np.vstack([c, c]),
    ):  # fmt: skip
        with pytest.raises(UnsupportedOperationError):
            attempt()
