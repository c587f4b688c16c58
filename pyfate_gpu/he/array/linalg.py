# SPDX-License-Identifier: Apache-2.0
"""Matrix products with a plain matrix on either side, dense or sparse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import CsrMatrix, Rows
from pyfate_gpu.backends.words import SignedWords
from pyfate_gpu.encoding import PlaintextArray, PlaintextCsr
from pyfate_gpu.encoding.sparse import is_sparse
from pyfate_gpu.errors import ShapeError, UnsupportedOperationError
from pyfate_gpu.he.array.bounds import check_bound
from pyfate_gpu.he.array.operands import as_plaintext, common_kind, is_ciphertext
from pyfate_gpu.he.array.selection import row_numbers

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def matmul_left(matrix: Any, c: CiphertextArray) -> CiphertextArray:
    """``matrix @ c`` with a plain matrix ``(m, n)`` or vector ``(n,)``, c ``(n,)`` or ``(n, p)``."""
    plain = as_matrix(matrix, c)
    check_product(plain.shape, c.shape)
    rows = c.shape[0]
    columns = 1 if c.ndim == 1 else c.shape[1]
    outputs = 1 if len(plain.shape) == 1 else plain.shape[0]
    if isinstance(plain, PlaintextCsr):
        plain = plain.with_short_rows()
    data = plain.data if isinstance(plain, PlaintextCsr) else plain
    terms = max(1, rows)  # not fewer: bounds tell nothing of which entries are zero
    bound = c.bound * data.bound * terms
    check_bound(bound, c, f"a product over {terms}")
    result = multiply_rows(c._engine, _engine_matrix(plain, outputs, rows), c._rows, columns)
    kind, encoder = common_kind([c, data])
    return c._replace(
        result, plain.shape[:-1] + c.shape[1:], exponent=c.exponent + data.exponent, bound=bound,
        kind=kind, encoder=encoder,
    )  # fmt: skip


def matmul_right(c: CiphertextArray, matrix: Any) -> CiphertextArray:
    """``c @ matrix``, computed as ``(matrix.T @ c.T).T``."""
    if is_ciphertext(matrix):
        raise UnsupportedOperationError(
            "two ciphertexts cannot be multiplied; one of the matrices must be plain"
        )
    plain = as_matrix(matrix, c)
    check_product(c.shape, plain.shape)
    product = matmul_left(plain.T, c.T)
    if product.ndim < 2:
        return product
    numbers = row_numbers(product).T
    rows = product._engine.take(product._rows, np.ascontiguousarray(numbers).ravel())
    return product._replace(rows, numbers.shape)


def multiply_matrices(left: Any, right: Any) -> CiphertextArray:
    """``left * right`` where one is of a type whose ``*`` is the matrix product and the other encrypted.

    As there, an array of one axis is a row beside a `numpy.matrix`, and a number scales.
    """
    c, matrix = (left, right) if is_ciphertext(left) else (right, left)
    if isinstance(matrix, np.matrix) and c.ndim == 1:
        c = c.reshape(1, -1)
    try:
        return matmul_right(c, matrix) if is_ciphertext(left) else matmul_left(matrix, c)
    except ShapeError as error:
        raise ShapeError(
            f"{error}; the * of {type(matrix).__name__} is the matrix product: X @ c for a vector, "
            f"{'np.asarray(X)' if isinstance(matrix, np.matrix) else 'X.toarray()'} * c element by element"
        ) from None


def multiply_rows(
    engine: PublicEngine, matrix: SignedWords | CsrMatrix, rows: Rows, columns: int
) -> Rows:
    """Rows of ``matrix @ c``, c with so many columns, which may be none."""
    if columns:
        return engine.matmul(matrix, rows, columns)
    # Sparse matrices would point at rows that are not there.
    return engine.take(rows, np.empty(0, dtype=np.int64))


def as_matrix(matrix: Any, c: CiphertextArray) -> PlaintextArray | PlaintextCsr:
    """The plain factor, encoded."""
    if isinstance(matrix, PlaintextCsr):
        return matrix
    if not is_sparse(matrix):
        return as_plaintext(matrix, c.encoder)
    return PlaintextCsr.from_matrix(matrix, lambda data: as_plaintext(data, c.encoder))


def _engine_matrix(
    plain: PlaintextArray | PlaintextCsr, outputs: int, rows: int
) -> SignedWords | CsrMatrix:
    if isinstance(plain, PlaintextCsr):
        return CsrMatrix(plain.shape, plain.indptr, plain.indices, plain.data.rows())
    return np.ascontiguousarray(plain.words.reshape(outputs, rows, plain.words.shape[-1]))


def check_product(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """Raise ShapeError unless ``left @ right`` has a shape."""
    if not (1 <= len(left) <= 2 and 1 <= len(right) <= 2):
        raise ShapeError(
            f"matmul of shapes {left} and {right}: each must have one or two axes; "
            f"use * for scalars and loop over stacks of matrices"
        )
    if left[-1] != right[0]:
        raise ShapeError(
            f"matmul of shapes {left} and {right}: the last axis of the first ({left[-1]}) must be "
            f"as long as the first axis of the second ({right[0]})"
        )
