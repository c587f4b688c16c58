# SPDX-License-Identifier: Apache-2.0
"""Bringing two operands together: same key, same engine, same exponent, same shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.backends.words import SignedWords, integers_to_words
from pyfate_gpu.encoding import Encoder, IntegerEncoder, PlaintextArray, SlotLayout
from pyfate_gpu.encoding.numbers import as_numbers, is_integral
from pyfate_gpu.encoding.packing import pack
from pyfate_gpu.encoding.plaintext import Kind
from pyfate_gpu.encoding.sparse import fill_up, is_sparse
from pyfate_gpu.errors import (
    DeviceMismatchError,
    KeyMismatchError,
    ShapeError,
    SlotMismatchError,
)
from pyfate_gpu.he.array.bounds import check_bound

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def is_ciphertext(operand: Any) -> bool:
    """Whether the operand is encrypted."""
    from pyfate_gpu.he.array.arrays import CiphertextArray

    return isinstance(operand, CiphertextArray)


def as_plaintext(operand: Any, encoder: Encoder) -> PlaintextArray:
    """A plain operand, encoded: floats by the array's encoder, integers as they are."""
    if isinstance(operand, PlaintextArray):
        return operand
    array = fill_up(operand) if is_sparse(operand) else as_numbers(operand)
    if is_integral(array) and not isinstance(encoder, IntegerEncoder):
        encoder = IntegerEncoder()
    return encoder.encode(array)


def multiplies_matrices(operand: Any) -> bool:
    """Whether `operand` is of a type whose ``*`` is the matrix product: `numpy.matrix`, matrices of scipy.sparse.

    The arrays of scipy.sparse are not; its matrices, and those of libraries like it, descend from one class.
    """
    kinds = type(operand).__mro__
    return np.matrix in kinds or any(kind.__name__ == "spmatrix" for kind in kinds)


def check_same_home(a: CiphertextArray, b: CiphertextArray) -> None:
    """Raise unless both arrays belong to one key and one engine and have the same slots."""
    if a.public_key != b.public_key:
        raise KeyMismatchError(
            f"operands belong to different keys, {a.public_key.fingerprint} and "
            f"{b.public_key.fingerprint}; ciphertexts combine under one key only"
        )
    if a._engine.engine_id != b._engine.engine_id:
        raise DeviceMismatchError(
            f"operands live in different engines, {a._engine.engine_id} and "
            f"{b._engine.engine_id}; move one with to_device(...)"
        )
    if a.slots != b.slots:
        raise SlotMismatchError(
            f"operands have the slots {a.slots} and {b.slots}; ciphertexts combine with one layout "
            f"only: encrypt both with the same slots=..."
        )


def plaintexts(
    plain: PlaintextArray, slots: SlotLayout | None
) -> tuple[SignedWords, tuple[int, ...]]:
    """Integers ``[rows, k]`` that stand for encoded numbers, and the shape of the array of them.

    With `slots` each holds the numbers along the last axis, or one number in every slot.
    """
    if slots is None:
        return plain.rows(), plain.shape
    if plain.shape[-1:] not in ((), (1,), (slots.count,)):
        raise ShapeError(
            f"shape {plain.shape} does not fit {slots.count} slots: the last axis of what goes into "
            f"slots must have {slots.count} numbers, or 1 for all"
        )
    shape = (*plain.shape[:-1], slots.count)
    words = np.broadcast_to(plain.words, (*shape, plain.words.shape[-1]))
    return pack(words.reshape(-1, *words.shape[-2:]), slots), shape[:-1]


def common_kind(arrays: Sequence[CiphertextArray | PlaintextArray]) -> tuple[Kind, Encoder]:
    """Kind and encoder of a result: those of the first operand of floats, if there is one."""
    chosen = next((a for a in arrays if a.kind == "f"), arrays[0])
    return chosen.kind, chosen.encoder


def align(c: CiphertextArray, exponent: int) -> CiphertextArray:
    """The same values at a smaller (or equal) exponent: exact, by a power of two."""
    bits = c.exponent - exponent
    if bits == 0:
        return c
    bound = check_bound(c.bound << bits, c, "aligning exponents")
    factor = integers_to_words(np.array([1 << bits], dtype=object))
    rows = c._engine.scale(c._rows, factor, None, np.zeros(c.size, dtype=np.int64))
    return c._replace(rows, c.shape, exponent=exponent, bound=bound)


def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The common shape of two operands."""
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        raise ShapeError(
            f"shapes {a} and {b} do not broadcast: from the last axis on, lengths must be equal or 1"
        ) from None


def broadcast_index(shape: tuple[int, ...], target: tuple[int, ...]) -> Index | None:
    """Row numbers that spread `shape` over `target`; None if they are all in place."""
    size = math.prod(shape)
    if size == math.prod(target):
        return None
    numbers: npt.NDArray[np.int64] = np.arange(size, dtype=np.int64).reshape(shape)
    return np.ascontiguousarray(np.broadcast_to(numbers, target)).ravel()
