# SPDX-License-Identifier: Apache-2.0
"""Element by element: + - * with broadcasting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.encoding import PlaintextArray
from pyfate_gpu.errors import EncodingError, UnsupportedOperationError
from pyfate_gpu.he.array.bounds import check_bound
from pyfate_gpu.he.array.linalg import multiply_matrices
from pyfate_gpu.he.array.operands import (
    align,
    as_plaintext,
    broadcast_index,
    broadcast_shape,
    check_same_home,
    common_kind,
    is_ciphertext,
    multiplies_matrices,
    plaintexts,
)

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def negate(c: CiphertextArray) -> CiphertextArray:
    """``-c``."""
    return c._replace(c._engine.negate(c._rows), c.shape)


def add(c: CiphertextArray, other: Any) -> CiphertextArray:
    """``c + other``, other encrypted or plain."""
    if is_ciphertext(other):
        return _add_ciphertexts(c, other)
    return _add_plain(c, as_plaintext(other, c.encoder))


def subtract(c: CiphertextArray, other: Any) -> CiphertextArray:
    """``c - other``, other encrypted or plain."""
    if is_ciphertext(other):
        check_same_home(c, other)
        broadcast_shape(c.shape, other.shape)
        return _add_ciphertexts(c, negate(other))
    return _add_plain(c, -as_plaintext(other, c.encoder))


def multiply(c: CiphertextArray, other: Any) -> CiphertextArray:
    """``c * other`` for a plain other: ciphertexts to the power of encoded integers."""
    return multiply_matrices(c, other) if _means_matrices(c, other) else _scale(c, other)


def multiply_from_left(other: Any, c: CiphertextArray) -> CiphertextArray:
    """``other * c`` for a plain other, which differs where ``*`` is the matrix product."""
    return multiply_matrices(other, c) if _means_matrices(c, other) else _scale(c, other)


def _means_matrices(c: CiphertextArray, other: Any) -> bool:
    return c.ndim > 0 and multiplies_matrices(other)


def _scale(c: CiphertextArray, other: Any) -> CiphertextArray:
    if is_ciphertext(other):
        raise UnsupportedOperationError(
            "two ciphertexts cannot be multiplied; one of the factors must be plain"
        )
    plain = as_plaintext(other, c.encoder)
    _refuse_vanished(plain, other)
    shape = broadcast_shape(c.shape, plain.shape)
    bound = check_bound(c.bound * plain.bound, c, "multiplication")
    rows = c._engine.scale(
        c._rows, plain.rows(), broadcast_index(c.shape, shape), broadcast_index(plain.shape, shape)
    )
    kind, encoder = common_kind([c, plain])
    return c._replace(
        rows, shape, exponent=c.exponent + plain.exponent, bound=bound, kind=kind, encoder=encoder
    )


def _add_ciphertexts(a: CiphertextArray, b: CiphertextArray) -> CiphertextArray:
    check_same_home(a, b)
    shape = broadcast_shape(a.shape, b.shape)
    exponent = min(a.exponent, b.exponent)
    bound = (a.bound << a.exponent - exponent) + (b.bound << b.exponent - exponent)
    check_bound(bound, a, "addition")
    x, y = align(a, exponent), align(b, exponent)
    rows = a._engine.add(
        x._rows, y._rows, broadcast_index(a.shape, shape), broadcast_index(b.shape, shape)
    )
    kind, encoder = common_kind([a, b])
    return a._replace(rows, shape, exponent=exponent, bound=bound, kind=kind, encoder=encoder)


def _add_plain(c: CiphertextArray, plain: PlaintextArray) -> CiphertextArray:
    exponent = min(c.exponent, plain.exponent)
    bound = (c.bound << c.exponent - exponent) + (plain.bound << plain.exponent - exponent)
    check_bound(bound, c, "addition")
    addends, addend_shape = plaintexts(plain.align(exponent), c.slots)
    shape = broadcast_shape(c.shape, addend_shape)
    rows = c._engine.add_plain(
        align(c, exponent)._rows,
        addends,
        broadcast_index(c.shape, shape),
        broadcast_index(addend_shape, shape),
    )
    kind, encoder = common_kind([c, plain])
    return c._replace(rows, shape, exponent=exponent, bound=bound, kind=kind, encoder=encoder)


def _refuse_vanished(plain: PlaintextArray, operand: Any) -> None:
    """Scaling by one number that its encoder rounds to 0 is a mistake, not a rounding error."""
    if plain.ndim or isinstance(operand, PlaintextArray):
        return
    if not plain.words.any() and bool(np.asarray(operand) != 0):
        raise EncodingError(
            f"the scalar {operand!r} rounds to 0 with {-plain.exponent} fraction bits; encode "
            f"it with more: c * FixedPointEncoder(fraction_bits=...).encode({operand!r})"
        )
