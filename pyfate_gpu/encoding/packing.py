# SPDX-License-Identifier: Apache-2.0
"""Signed integers into the slots of plaintexts and out again, words in and words out.

Both ways go by digits that are not negative: with 2^(width - 1) added to each slot nothing borrows,
and the sum of what was added is one constant for all rows (docs/algorithms/slots.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import (
    WORD_BITS,
    SignedWords,
    UnsignedWords,
    less_than,
    unsigned_to_words,
    words_for_bits,
)
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import BoundError

CHUNK_ROWS = 1 << 11  # rows whose columns stay in the cache


def pack(words: SignedWords, layout: SlotLayout) -> SignedWords:
    """Plaintexts of slots.

    Parameters
    ----------
    words : int64 ``[rows, count, k]``
        The integers of the slots in two's complement, each at most ``layout.bound`` in size.
    layout : SlotLayout

    Returns
    -------
    int64 ``[rows, words of all slots and a sign]``, two's complement
    """
    width = words_for_bits(layout.bits + 1)
    out = np.empty((len(words), width), dtype=np.int64)
    for start in range(0, len(words), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        columns = np.zeros((width, len(words[chunk])), dtype=np.uint64)
        for slot in range(layout.count):
            digit = _to_digit(words[chunk, slot], layout.width)
            _put_bits(columns, layout.width * slot, digit)
        out[chunk] = _add(columns, -_offset(layout)).T.view(np.int64)
    return out


def unpack(residues: UnsignedWords, n: int, layout: SlotLayout) -> SignedWords:
    """The slots of plaintexts modulo n.

    Parameters
    ----------
    residues : uint64 ``[rows, h]``
        Integers in [0, n); those above n/2 stand for negative ones.
    n : int
        The modulus; all slots end below n/2.
    layout : SlotLayout

    Returns
    -------
    int64 ``[rows, count, words of a slot]``, two's complement

    Raises
    ------
    BoundError
        If a plaintext does not fit its slots: a slot overflowed, or it was masked, or is none of these.
    """
    slot_words = words_for_bits(layout.width)
    offsets = np.arange(layout.count) * layout.width
    out = np.empty((len(residues), layout.count, slot_words), dtype=np.int64)
    for start in range(0, len(residues), CHUNK_ROWS):
        chunk = residues[start : start + CHUNK_ROWS]
        columns = np.zeros((chunk.shape[1] + 1, len(chunk)), dtype=np.uint64)
        columns[:-1] = chunk.T
        negative = ~less_than(chunk, n // 2 + 1)
        columns = np.where(
            negative, _add(columns, _offset(layout) - n), _add(columns, _offset(layout))
        )
        _check_end(columns, layout, start)
        digits = _from_digit(_get_bits(columns, offsets, layout.width), layout.width)
        out[start : start + len(chunk)] = digits.transpose(2, 1, 0)
    return out


def _offset(layout: SlotLayout) -> int:
    """``2**(width - 1)`` in every slot."""
    return sum(1 << (layout.width * slot + layout.width - 1) for slot in range(layout.count))


def _to_digit(words: SignedWords, width: int) -> UnsignedWords:
    """``m + 2**(width - 1)`` of signed words ``[rows, k]`` as columns ``[words of width, rows]``."""
    count = words_for_bits(width)
    given = words.shape[-1]
    columns = np.empty((count, len(words)), dtype=np.uint64)
    columns[: min(given, count)] = words[:, :count].T.view(np.uint64)
    columns[given:] = (words[:, -1] >> np.int64(63)).view(np.uint64)
    bits = width - WORD_BITS * (count - 1)
    columns[-1] += np.uint64(1 << (bits - 1))
    columns[-1] &= _low_bits(bits)
    return columns


def _from_digit(columns: UnsignedWords, width: int) -> SignedWords:
    """Signed words of ``d - 2**(width - 1)``, as columns."""
    bits = width - WORD_BITS * (len(columns) - 1)
    columns[-1] -= np.uint64(1 << (bits - 1))  # wraps to two's complement
    return columns.view(np.int64)


def _put_bits(columns: UnsignedWords, offset: int, digit: UnsignedWords) -> None:
    """Set the bits of a digit from `offset` on; they are 0 before, and no bit lies beyond."""
    first, shift = divmod(offset, WORD_BITS)
    for place, word in enumerate(digit, first):
        columns[place] |= word << np.uint64(shift)
        if shift and place + 1 < len(columns):
            columns[place + 1] |= word >> np.uint64(WORD_BITS - shift)


def _get_bits(columns: UnsignedWords, offsets: npt.NDArray[np.int64], width: int) -> UnsignedWords:
    """Bits ``offset ... offset + width - 1`` for each offset, ``[words of width, offsets, rows]``."""
    first, shift = np.divmod(offsets, WORD_BITS)
    count = words_for_bits(width)
    spare = np.zeros((count, columns.shape[1]), dtype=np.uint64)
    padded = np.concatenate([columns, spare])
    down = shift.astype(np.uint64)[:, np.newaxis]
    up = (
        np.uint64(WORD_BITS - 1) - down
    )  # and one more: a word cannot be shifted by all of its bits
    digit = np.empty((count, len(offsets), columns.shape[1]), dtype=np.uint64)
    for place in range(count):
        digit[place] = padded[first + place] >> down
        digit[place] |= (padded[first + place + 1] << up) << np.uint64(1)
    digit[-1] &= _low_bits(width - WORD_BITS * (count - 1))
    return digit


def _add(columns: UnsignedWords, constant: int) -> UnsignedWords:
    """``v + constant`` for each number, modulo 2 to the power of all its bits."""
    addend = unsigned_to_words([constant % (1 << (WORD_BITS * len(columns)))], len(columns))[0]
    out = np.empty_like(columns)
    carry: npt.NDArray[np.bool_] = np.zeros(columns.shape[1], dtype=np.bool_)
    for place, word in enumerate(addend):
        partial = columns[place] + word
        out[place] = partial + carry
        carry = (partial < word) | (carry & (out[place] == 0))
    return out


def _low_bits(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _check_end(columns: UnsignedWords, layout: SlotLayout, start: int) -> None:
    """Raise unless nothing lies above the top slot."""
    first, shift = divmod(layout.bits, WORD_BITS)
    above = np.zeros(columns.shape[1], dtype=np.bool_)
    if first < len(columns):
        above |= columns[first] >> np.uint64(shift) != 0
    above |= columns[first + 1 :].any(axis=0)
    if above.any():
        raise BoundError(
            f"the decrypted value at flat position {start + int(np.argmax(above))} is not "
            f"{layout.count} slots of {layout.width} bits: it was masked (decrypt_residues), a slot "
            f"overflowed, or its sender lied"
        )
