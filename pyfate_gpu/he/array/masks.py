# SPDX-License-Identifier: Apache-2.0
"""Uniform masks: what makes a decryption by somebody else tell nothing, or nothing but one slot."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import SignedWords, less_than, magnitude_of, unsigned_to_words
from pyfate_gpu.encoding import IntegerEncoder
from pyfate_gpu.encoding.numbers import as_objects, is_integer
from pyfate_gpu.encoding.slots import SlotLayout, hiding_width
from pyfate_gpu.errors import BoundError, EncodingError, ShapeError, SlotMismatchError
from pyfate_gpu.he.array.freshness import FreshBatch

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def add_residue_mask(c: CiphertextArray, residues: npt.ArrayLike) -> CiphertextArray:
    """``c + residues`` mod n by a fresh encryption; see `CiphertextArray.add_residue_mask`."""
    masks = residue_masks(residues, c.shape, c.public_key.n)
    # One word more than a residue needs keeps the sign bit of the two's complement clear.
    width = c.public_key.numbers.words + 1
    words = unsigned_to_words(masks, width).view(np.int64)
    engine = c._engine
    rows = engine.add(c._rows, engine.encrypt(words))
    return c._replace(rows, c.shape, batches=frozenset([FreshBatch()]))


def residue_masks(residues: npt.ArrayLike, shape: tuple[int, ...], n: int) -> list[int]:
    """The masks of ciphertexts of that shape, one after the other.

    Raises
    ------
    ShapeError
        If they have another shape: a residue used twice masks nothing.
    EncodingError
        If one is no integer in [0, n).
    """
    array = as_objects(residues)
    if array.shape != shape:
        raise ShapeError(
            f"the mask has shape {array.shape}; it must be that of the ciphertexts, {shape}: "
            f"a residue used twice masks nothing"
        )
    for position, value in enumerate(array.ravel()):
        if not is_integer(value) or not 0 <= value < n:
            raise EncodingError(
                f"element {position} of the mask is no integer in [0, n); "
                f"take it from public_key.random_residues(shape)"
            )
    return [int(value) for value in array.ravel()]


def add_mask_words(c: CiphertextArray, words: SignedWords) -> CiphertextArray:
    """``c + words`` mod n by a fresh encryption; see `CiphertextArray.add_mask_words`."""
    if words.ndim != 2 or words.dtype != np.int64 or len(words) != c.size:
        raise ShapeError(
            f"the mask has shape {words.shape} of {words.dtype}; it must be int64 ({c.size}, words): "
            f"a mask for each ciphertext, as one used twice masks nothing"
        )
    magnitude, _ = magnitude_of(words)
    if not less_than(magnitude, c.public_key.n).all():
        raise EncodingError("a mask is no integer between -n and n")
    engine = c._engine
    rows = engine.add(c._rows, engine.encrypt(np.ascontiguousarray(words)))
    return c._replace(rows, c.shape, batches=frozenset([FreshBatch()]))


def mask_but_middle(c: CiphertextArray) -> CiphertextArray:
    """`c` with masks in every slot but the middle one; see `mask_others`."""
    return mask_others(c, None if c.slots is None else c.slots.middle)


def mask_others(c: CiphertextArray, *kept: int | None) -> CiphertextArray:
    """`c` with uniform numbers, 64 bits wider than its bound, in every slot but those that are kept.

    Masks are drawn from the operating system, and as wide as slots have room for: nothing carries, and
    decryption gives the slots that are kept as they were.

    Raises
    ------
    SlotMismatchError
        If there are no slots.
    BoundError
        If slots have no room for masks.
    """
    if c.slots is None:
        raise SlotMismatchError("the ciphertexts have no slots that could be masked")
    if hiding_width(c.bound) > c.slots.width:
        raise BoundError(
            f"a mask of values of {c.bound_bits} bits takes slots of {hiding_width(c.bound)} bits, there are "
            f"{c.slots}; take wider slots"
        )
    most = c.slots.bound - c.bound
    masks = np.zeros((c.size, c.slots.count), dtype=object)
    for slot in range(c.slots.count):
        if slot not in kept:
            masks[:, slot] = _uniform(most, c.size)
    return c + IntegerEncoder(most).encode(masks.reshape(*c.shape, c.slots.count))


@dataclass(frozen=True)
class Kept:
    """The one number of a row that is left as it is, where a row is several in slots of their own.

    Parameters
    ----------
    row : SlotLayout
        Of the numbers of a row, with room for masks.
    slot : int
        Which of them.
    """

    row: SlotLayout
    slot: int


def mask_within_middle(c: CiphertextArray, kept: Kept) -> CiphertextArray:
    """`c`, whose middle slots hold rows or sums of them, with masks in all numbers of these rows but one.

    Raises
    ------
    SlotMismatchError
        If there are no slots.
    BoundError
        If the numbers of a row have no room for masks.
    """
    if c.slots is None:
        raise SlotMismatchError("the ciphertexts have no slots that could be masked")
    row = kept.row
    each = (c.bound >> row.width * (row.count - 1)) + 1
    if hiding_width(each) > row.width:
        raise BoundError(
            f"a mask of values of {each.bit_length()} bits takes slots of {hiding_width(each)} bits, there are "
            f"{row}; take wider slots"
        )
    most = row.bound - each
    masks = np.zeros((c.size, c.slots.count), dtype=object)
    for slot in range(row.count):
        if slot != kept.slot:
            masks[:, c.slots.middle] += _uniform(most, c.size) * (1 << row.width * slot)
    whole = sum(most << row.width * slot for slot in range(row.count))
    return c + IntegerEncoder(whole).encode(masks.reshape(*c.shape, c.slots.count))


def _uniform(most: int, count: int) -> npt.NDArray[np.object_]:
    """Draw integers from -most to most, all as likely, many at a time: what is drawn beyond is drawn again."""
    values = 2 * most + 1
    bits = (values - 1).bit_length()
    size = max(1, -(-bits // 8))
    found: list[int] = []
    while len(found) < count:
        data = secrets.token_bytes(size * (count - len(found)))
        for start in range(0, len(data), size):
            value = int.from_bytes(data[start : start + size], "little") >> (8 * size - bits)
            if value < values:
                found.append(value - most)
    return np.array(found, dtype=object)
