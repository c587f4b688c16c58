# SPDX-License-Identifier: Apache-2.0
"""Integers as rows of little-endian 64-bit words, the form in which they cross to native code.

Signed integers are int64 arrays ``[..., k]`` in two's complement over k words; unsigned ones uint64
arrays ``[..., k]``. k = 1, the ordinary case, is a plain NumPy integer array with one more axis and
costs no loop in Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

WORD_BITS = 64
SignedWords = npt.NDArray[np.int64]
UnsignedWords = npt.NDArray[np.uint64]
ObjectArray = npt.NDArray[np.object_]


def words_for_bits(bits: int) -> int:
    """Words that hold an unsigned integer of `bits` bits (at least one)."""
    return max(1, -(-bits // WORD_BITS))


def words_for_bound(bound: int) -> int:
    """Words that hold every signed integer v with ``|v| <= bound`` in two's complement."""
    return words_for_bits(bound.bit_length() + 1)


def integers_to_words(values: npt.NDArray[Any]) -> SignedWords:
    """Signed words of an integer array.

    Parameters
    ----------
    values : array of any integer dtype, bool, or object (Python integers), any shape

    Returns
    -------
    int64 array of shape ``values.shape + (k,)`` with the smallest k that holds every value.
    """
    kind, size = values.dtype.kind, values.dtype.itemsize
    if kind in "bi" or (kind == "u" and size < 8):
        return np.asarray(values, dtype=np.int64, order="C")[..., None]
    if kind == "u":  # of either byte order
        low = values.astype(np.int64)  # wraps as two's complement does
        if values.size == 0 or int(values.max()) < 1 << 63:
            return low[..., None]
        return np.stack([low, np.zeros_like(low)], axis=-1)
    flat = [int(value) for value in values.ravel()]
    largest = max((v.bit_length() if v >= 0 else (~v).bit_length() for v in flat), default=0)
    width = words_for_bits(largest + 1)
    data = b"".join(v.to_bytes(8 * width, "little", signed=True) for v in flat)
    return np.frombuffer(data, dtype="<i8").astype(np.int64).reshape(*values.shape, width)


def words_to_integers(words: SignedWords) -> ObjectArray:
    """Python integers of signed words ``[..., k]``, as an object array of shape ``[...]``."""
    return _to_objects(words, signed=True)


def unsigned_to_words(values: Iterable[int], width: int) -> UnsignedWords:
    """Unsigned words ``[rows, width]`` of Python integers in ``[0, 2**(64 * width))``."""
    data = b"".join(int(v).to_bytes(8 * width, "little") for v in values)
    return np.frombuffer(data, dtype="<u8").astype(np.uint64).reshape(-1, width)


def unsigned_to_integers(words: UnsignedWords) -> ObjectArray:
    """Python integers of unsigned words ``[..., k]``, as an object array of shape ``[...]``."""
    return _to_objects(words, signed=False)


def shift_left(words: SignedWords, bits: int, width: int) -> SignedWords:
    """Multiply signed words ``[..., k]`` by ``2**bits``, into ``[..., width]``.

    Precondition: the products fit `width` words.
    """
    whole, part = divmod(bits, WORD_BITS)
    source = words.shape[-1]
    sign = np.uint64(0) - (words[..., -1:] < 0).astype(np.uint64)
    extended = np.empty((*words.shape[:-1], max(width, source) + 1), dtype=np.uint64)
    extended[..., :source] = words.view(np.uint64)
    extended[..., source:] = sign
    result = np.zeros((*words.shape[:-1], width), dtype=np.uint64)
    for target in range(whole, width):
        word = extended[..., target - whole]
        result[..., target] = word << np.uint64(part)
        if part and target > whole:
            result[..., target] |= extended[..., target - whole - 1] >> np.uint64(WORD_BITS - part)
    return result.view(np.int64)


def negate(words: SignedWords) -> SignedWords:
    """Negated signed words ``[..., k]``; one word more where ``-2**(64 k - 1)`` is among them."""
    if words.shape[-1] == 1 and not bool((words == np.iinfo(np.int64).min).any()):
        return -words
    return integers_to_words(np.asarray(-words_to_integers(words), dtype=object))


def magnitude_of(words: SignedWords) -> tuple[UnsignedWords, npt.NDArray[np.bool_]]:
    """Absolute values of signed words ``[rows, k]``, and which of them are negative."""
    negative = words[:, -1] < 0
    magnitude = words.view(np.uint64) ^ (np.uint64(0) - negative.astype(np.uint64))[:, None]
    carry = negative
    for column in range(words.shape[1]):
        magnitude[:, column] += carry
        carry = carry & (magnitude[:, column] == 0)
    return magnitude, negative


def less_than(words: UnsignedWords, limit: int) -> npt.NDArray[np.bool_]:
    """Whether the integer of each row of unsigned words ``[rows, k]`` is below `limit`.

    Looks at one column of words at a time, from the top, so that millions of rows need no Python integers.
    """
    rows, width = words.shape
    if limit >> (WORD_BITS * width):
        return np.ones(rows, dtype=np.bool_)
    limit_words = unsigned_to_words([limit], width)[0]
    smaller = np.zeros(rows, dtype=np.bool_)
    undecided = np.ones(rows, dtype=np.bool_)
    for column in range(width - 1, -1, -1):
        smaller |= undecided & (words[:, column] < limit_words[column])
        undecided &= words[:, column] == limit_words[column]
        if not undecided.any():
            break
    return smaller


def subtract_from(limit: int, words: UnsignedWords) -> UnsignedWords:
    """``limit - v`` for each row v of unsigned words ``[rows, k]``. Precondition: v <= limit < 2**(64 k)."""
    limit_words = unsigned_to_words([limit], words.shape[1])[0]
    result = np.empty_like(words)
    borrow = np.zeros(words.shape[0], dtype=np.uint64)
    for column in range(words.shape[1]):
        difference = limit_words[column] - words[:, column]
        result[:, column] = difference - borrow
        borrow = ((words[:, column] > limit_words[column]) | (difference < borrow)).astype(
            np.uint64
        )
    return result


def _to_objects(words: npt.NDArray[Any], signed: bool) -> ObjectArray:
    shape, width = words.shape[:-1], 8 * words.shape[-1]
    data = np.ascontiguousarray(words).astype("<i8" if signed else "<u8", copy=False).tobytes()
    result = np.empty(int(np.prod(shape, dtype=np.int64)), dtype=object)
    for row in range(result.size):
        result[row] = int.from_bytes(data[row * width : (row + 1) * width], "little", signed=signed)
    return result.reshape(shape)
