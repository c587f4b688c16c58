# SPDX-License-Identifier: Apache-2.0
"""Matrix products that put their outputs into slots, or whose terms are in slots.

docs/algorithms/slots.md has outputs as slots, docs/algorithms/rows-as-slots.md rows as slots.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.backends.horner import shift
from pyfate_gpu.backends.words import SignedWords
from pyfate_gpu.encoding import PlaintextArray, PlaintextCsr, SlotLayout
from pyfate_gpu.encoding.norms import check_norms
from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import BoundError, ShapeError, SlotMismatchError
from pyfate_gpu.he.array.bounds import check_layout, check_room
from pyfate_gpu.he.array.linalg import as_matrix, check_product, matmul_left, multiply_rows
from pyfate_gpu.he.array.operands import as_plaintext, common_kind
from pyfate_gpu.he.array.slots import squeeze

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray

SQUARE = 0.7  # of a multiplication


def outputs_product(c: CiphertextArray, matrix: Any, layout: SlotLayout) -> CiphertextArray:
    """``(matrix @ c).squeeze(layout)`` along axis 0; see `CiphertextArray.outputs_product`."""
    check_layout(layout, c.public_key)
    if c.slots is not None:
        raise SlotMismatchError(
            f"the ciphertexts have the slots {c.slots} already; outputs take the slots of "
            f"ciphertexts with one number each"
        )
    plain = as_matrix(matrix, c)
    check_product(plain.shape, c.shape)
    if len(plain.shape) != 2:
        raise ShapeError(f"the matrix has shape {plain.shape}; it must have two axes")
    data = plain.data if isinstance(plain, PlaintextCsr) else plain
    bound = c.bound * data.bound * max(1, c.shape[0])
    check_room(bound, c.public_key, f"a product over {c.shape[0]}", layout)
    if isinstance(plain, PlaintextCsr) or not _shifting_pays(plain, layout):
        return squeeze(matmul_left(plain, c).T, layout).T
    groups, columns = layout.groups(plain.shape[0]), math.prod(c.shape[1:])
    rows = [c._rows]
    for _ in range(layout.count - 1):
        rows.append(shift(c._engine, rows[-1], layout.width))
    # Row g * count + s of the matrix is row g where it meets the bases that are shifted into slot s.
    filled = _fill_up(plain.words, groups * layout.count, 0)
    entries = filled.reshape(groups, layout.count * plain.shape[1], plain.words.shape[-1])
    result = multiply_rows(c._engine, entries, c._engine.concatenate(rows), columns)
    kind, encoder = common_kind([c, plain])
    return c._replace(
        result, (groups, *c.shape[1:]), exponent=c.exponent + plain.exponent, bound=bound, kind=kind,
        encoder=encoder, slots=layout,
    )  # fmt: skip


def rows_product(
    c: CiphertextArray, matrix: Any, norm: int | None, rows_norm: int | None
) -> CiphertextArray:
    """``matrix @ rows`` in the middle slot; see `CiphertextArray.rows_product`."""
    if c.slots is None:
        raise SlotMismatchError(
            "the ciphertexts have no slots; encrypt slots.group(rows) with slots=..., or use matrix @ c"
        )
    layout = c.slots
    result_layout = check_layout(layout.product, c.public_key)
    plain = as_plaintext(matrix, c.encoder)
    if plain.ndim not in (1, 2) or c.ndim not in (1, 2):
        raise ShapeError(
            f"product of a matrix of shape {plain.shape} and ciphertexts of shape {c.shape}: each must "
            f"have one or two axes"
        )
    if layout.groups(plain.shape[-1]) != len(c):
        raise ShapeError(
            f"a matrix with {plain.shape[-1]} columns takes {layout.groups(plain.shape[-1])} "
            f"ciphertexts with {layout.count} slots, a column for each row; there are {len(c)}"
        )
    bound = _coefficient_bound(c.bound, plain, norm, rows_norm)
    check_room(bound, c.public_key, f"a product of {plain.shape[-1]} rows in slots", result_layout)
    outputs, columns = math.prod(plain.shape[:-1]), math.prod(c.shape[1:])
    product = multiply_rows(c._engine, _by_position(plain, layout), c._rows, columns)
    # Rows are [output, position, column]; a result takes all positions of an output and a column.
    places = np.arange(outputs * layout.count * columns, dtype=np.int64)
    numbers = places.reshape(outputs, layout.count, columns).swapaxes(1, 2)
    result = c._engine.horner(product, numbers.reshape(-1, layout.count), layout.width)
    kind, encoder = common_kind([c, plain])
    return c._replace(
        result, plain.shape[:-1] + c.shape[1:], exponent=c.exponent + plain.exponent, bound=bound,
        kind=kind, encoder=encoder, slots=result_layout,
    )  # fmt: skip


def _shifting_pays(plain: PlaintextArray, layout: SlotLayout) -> bool:
    """Whether it is cheaper to shift the bases into all slots than the outputs into theirs.

    Squarings count a fixed share of a multiplication. A base costs its squarings, those of its powers in
    the product, and as much for its inverse.
    """
    outputs, bases = plain.shape
    shifts = layout.width * SQUARE
    by_outputs = layout.groups(outputs) * (shifts + 1)
    by_bases = bases * (shifts + 2 * plain.bound.bit_length() * SQUARE)
    return by_bases < by_outputs


def _by_position(plain: PlaintextArray, layout: SlotLayout) -> SignedWords:
    """Entries ``[outputs * count, groups, k]``: slot t of a group at position ``count - 1 - t``.

    What meets slot s of a ciphertext at position ``count - 1 - s``, and is shifted by it, comes to the
    middle slot.
    """
    rows, words = plain.shape[-1], plain.words.shape[-1]
    groups = layout.groups(rows)
    outputs = math.prod(plain.shape[:-1])
    filled = _fill_up(plain.words.reshape(outputs, rows, words), groups * layout.count, 1)
    slots = filled.reshape(outputs, groups, layout.count, words)[:, :, ::-1]
    entries = np.ascontiguousarray(slots.swapaxes(1, 2))
    return entries.reshape(outputs * layout.count, groups, words)


def _fill_up(words: SignedWords, length: int, axis: int) -> SignedWords:
    """Zeros at the end of an axis."""
    spare = [(0, 0)] * words.ndim
    spare[axis] = (0, length - words.shape[axis])
    return np.pad(words, spare)


def _coefficient_bound(
    bound: int, plain: PlaintextArray, norm: int | None, rows_norm: int | None
) -> int:
    """Of every coefficient of the product: a sum of d x over pairs in which no d and no x comes twice."""
    rows = plain.shape[-1]
    longest = _checked_norm(rows_norm, "rows_norm")
    plainly = bound * plain.bound * max(1, rows)
    if norm is None and longest is None:
        return plainly
    widest = _checked_norm(norm, "norm")
    if widest is not None:
        check_norms(plain, widest)
    # Cauchy and Schwarz: |sum of d x| <= |d| |x|, where |d| <= sqrt(rows) max|d|, and |x| alike.
    d = rows * bound**2 if longest is None else min(rows * bound**2, longest**2)
    x = rows * plain.bound**2 if widest is None else min(rows * plain.bound**2, widest**2)
    return min(plainly, math.isqrt(d * x) + 1)


def _checked_norm(norm: int | None, name: str) -> int | None:
    if norm is None:
        return None
    found = as_integer(norm, name, BoundError)
    if found < 0:
        raise BoundError(f"{name} is {found}; it must not be negative")
    return found
