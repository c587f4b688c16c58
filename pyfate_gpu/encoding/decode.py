# SPDX-License-Identifier: Apache-2.0
"""Residues mod n back to numbers, without loops over rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import (
    UnsignedWords,
    less_than,
    magnitude_of,
    subtract_from,
    unsigned_to_integers,
)
from pyfate_gpu.encoding.packing import unpack
from pyfate_gpu.encoding.plaintext import Kind
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import BoundError, EncodingError

CHUNK_ROWS = 1 << 12  # a chunk stays in the cache while its columns are walked
MIN_INT64 = np.uint64(1 << 63)


def decode_residues(
    residues: UnsignedWords,
    n: int,
    exponent: int,
    kind: Kind,
    bound: int | None = None,
    slots: SlotLayout | None = None,
    first: int = 0,
) -> npt.NDArray[Any]:
    """Numbers of residues: centred into (-n/2, n/2), times ``2**exponent``.

    Parameters
    ----------
    residues : uint64 ``[rows, h]``
        Integers in [0, n).
    n : int
        The modulus.
    exponent : int
        Public exponent of the array.
    kind : "f" or "i"
        "f": float64, correctly rounded. "i": int64 where all values fit, otherwise Python integers.
    bound : int, optional
        Largest absolute integer that can be honest; with `slots` of each slot.
    slots : SlotLayout, optional
        Where each residue has its numbers, if it has several.
    first : int
        Flat position of the first number, for errors.

    Returns
    -------
    array of shape ``[rows]``, with `slots` ``[rows, count]``

    Raises
    ------
    BoundError
        If a value is beyond `bound` or its slots: it overflowed, was masked, or does not belong to this key.
    EncodingError
        If a value is too large for float64.
    """
    shape = (len(residues),) if slots is None else (len(residues), slots.count)
    values: npt.NDArray[Any] = residues
    if slots is not None:
        values = unpack(residues, n, slots)
        values = values.reshape(-1, values.shape[-1])
    parts = []
    for start in range(0, len(values), CHUNK_ROWS):
        chunk = values[start : start + CHUNK_ROWS]
        magnitude, negative = _centred(chunk, n) if slots is None else magnitude_of(chunk)
        if bound is not None:
            _check_bound(magnitude, bound, first + start)
        decode = _to_float64 if kind == "f" else _to_integers
        parts.append(decode(magnitude, negative, exponent))
    if not parts:
        return np.empty(shape, dtype=np.float64 if kind == "f" else np.int64)
    if any(part.dtype == object for part in parts):
        parts = [part.astype(object) for part in parts]
    return np.concatenate(parts).reshape(shape)


def _centred(residues: UnsignedWords, n: int) -> tuple[UnsignedWords, npt.NDArray[np.bool_]]:
    """Magnitudes and signs of the numbers in (-n/2, n/2) that residues stand for."""
    negative = ~less_than(residues, n // 2 + 1)
    return np.where(negative[:, None], subtract_from(n, residues), residues), negative


def _check_bound(magnitude: UnsignedWords, bound: int, start: int) -> None:
    good = less_than(magnitude, bound + 1)
    if not bool(good.all()):
        raise BoundError(
            f"the decrypted value at flat position {start + int(np.argmin(good))} is beyond the "
            f"bound of {bound.bit_length()} bits that its array declares: it was masked "
            f"(decrypt_residues), it overflowed, or its sender lied"
        )


def _to_integers(
    magnitude: UnsignedWords, negative: npt.NDArray[np.bool_], exponent: int
) -> npt.NDArray[Any]:
    if exponent < 0:
        raise EncodingError(f"integers cannot have the exponent {exponent}; decode them as floats")
    low = magnitude[:, 0]
    if exponent == 0 and not magnitude[:, 1:].any() and bool((low < MIN_INT64 + negative).all()):
        return np.where(negative, np.uint64(0) - low, low).astype(np.int64)
    signs = np.where(negative, -1, 1).astype(object)
    return np.asarray(unsigned_to_integers(magnitude) * signs * (1 << exponent), dtype=object)


def _to_float64(
    magnitude: UnsignedWords, negative: npt.NDArray[np.bool_], exponent: int
) -> npt.NDArray[np.float64]:
    """Correctly rounded ``+-magnitude * 2**exponent``.

    The top 64 bits of each integer, with a sticky last bit for everything below, round to float64
    as the whole integer does: 64 > 53 + 2.
    """
    rows, width = magnitude.shape
    nonzero = magnitude != 0
    top = width - 1 - np.argmax(nonzero[:, ::-1], axis=1)
    bottom = np.argmax(nonzero, axis=1)
    every = np.arange(rows)
    high = magnitude[every, top]
    low = np.where(top > 0, magnitude[every, top - 1], np.uint64(0))
    shift = (64 - _bit_length(high)).astype(np.uint64)
    leading = high << (shift & np.uint64(63))
    leading |= np.where(shift > 0, low >> (np.uint64(64) - np.maximum(shift, np.uint64(1))), 0)
    rest = (low << (shift & np.uint64(63))) != 0
    rest |= (bottom < top - 1) & (high != 0)
    leading |= rest.astype(np.uint64)
    scale = 64 * top - shift.astype(np.int64) + exponent
    with np.errstate(over="ignore", under="ignore"):
        result = np.ldexp(leading.astype(np.float64), scale)
    result = _round_subnormals(result, magnitude, exponent)
    if not bool(np.isfinite(result).all()):
        raise EncodingError(
            "a decrypted value is beyond the largest float64; decrypt it as integers instead"
        )
    return np.where(negative, -result, result)


def _round_subnormals(
    result: npt.NDArray[np.float64], magnitude: UnsignedWords, exponent: int
) -> npt.NDArray[np.float64]:
    """Below 2**-1022 ldexp would round a second time: divide exactly instead."""
    tiny = (result < 2.0**-1022) & magnitude.any(axis=1)
    if tiny.any():
        integers = unsigned_to_integers(magnitude[tiny])
        result[tiny] = [int(m) / (1 << -exponent) for m in integers]
    return result


def _bit_length(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Bit length of each word; 64 for 0, whose shift does not matter."""
    upper = (words >> np.uint64(32)).astype(np.float64)
    lower = (words & np.uint64(0xFFFFFFFF)).astype(np.float64)
    length = np.where(upper > 0, np.frexp(upper)[1] + 32, np.frexp(lower)[1]).astype(np.int64)
    return np.where(length == 0, 64, length)
