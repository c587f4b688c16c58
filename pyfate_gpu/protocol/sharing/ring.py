# SPDX-License-Identifier: Apache-2.0
"""Integers mod 2^128, vectorised: uint64 arrays ``[..., 2]`` of at least two axes, the low word first.

Signed numbers are their two's complement, so the same words are int64 ``[..., 2]`` for encoders and engines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.backends.words import SignedWords
from pyfate_gpu.errors import EncodingError
from pyfate_gpu.typing import Floats, Integers

Ring = NDArray[np.uint64]

#: Bits of the ring.
BITS = 128
#: Largest size of an element read as a signed number.
SIGNED_BOUND = 1 << (BITS - 1)

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


def zeros(shape: tuple[int, ...]) -> Ring:
    """Return zeros of a shape."""
    return np.zeros((*shape, 2), dtype=np.uint64)


def from_integers(values: Integers) -> Ring:
    """Return int64 numbers of any shape as elements."""
    signed = np.asarray(values, dtype=np.int64)
    return np.stack([signed, signed >> np.int64(63)], axis=-1).view(np.uint64)


def from_words(words: SignedWords) -> Ring:
    """Return signed integers of any number of words, ``[..., k]``, mod 2^128."""
    if words.shape[-1] == 1:
        return from_integers(words[..., 0])
    return np.ascontiguousarray(words[..., :2]).view(np.uint64)


def to_words(a: Ring) -> SignedWords:
    """Return elements as signed integers, int64 ``[..., 2]``, of at most `SIGNED_BOUND` in size."""
    return np.ascontiguousarray(a).view(np.int64)


def add(a: Ring, b: Ring) -> Ring:
    """Return a + b."""
    low = a[..., 0] + b[..., 0]
    high = a[..., 1] + b[..., 1] + (low < a[..., 0])
    return np.stack([low, high], axis=-1)


def negate(a: Ring) -> Ring:
    """Return -a."""
    low = ~a[..., 0] + np.uint64(1)
    return np.stack([low, ~a[..., 1] + (low == 0)], axis=-1)


def subtract(a: Ring, b: Ring) -> Ring:
    """Return a - b."""
    low = a[..., 0] - b[..., 0]
    high = a[..., 1] - b[..., 1] - (a[..., 0] < b[..., 0])
    return np.stack([low, high], axis=-1)


def multiply(a: Ring, b: Ring) -> Ring:
    """Return a * b, element by element."""
    low, carried = _wide_product(a[..., 0], b[..., 0])
    high = carried + a[..., 0] * b[..., 1] + a[..., 1] * b[..., 0]
    return np.stack([low, high], axis=-1)


def scale(a: Ring, factor: int) -> Ring:
    """Return each element times one signed integer."""
    residue = factor % (1 << BITS)
    words = np.array([residue & (1 << 64) - 1, residue >> 64], dtype=np.uint64)
    return multiply(a, np.broadcast_to(words, a.shape))


def shift_left(a: Ring, bits: int) -> Ring:
    """Return a * 2**bits."""
    return scale(a, 1 << bits)


def shift_right(a: Ring, bits: int) -> Ring:
    """Return floor(a / 2**bits) of elements taken as integers from 0 on. Precondition: 0 < bits < 128."""
    high, low = a[..., 1], a[..., 0]
    if bits >= 64:
        down = np.uint64(bits - 64)
        return np.stack([high >> down, np.zeros_like(high)], axis=-1)
    down, up = np.uint64(bits), np.uint64(64 - bits)
    return np.stack([(low >> down) | (high << up), high >> down], axis=-1)


def total(a: Ring) -> Ring:
    """Return the sum along the first axis, which is kept with length 1. Precondition: fewer than 2^32 terms."""
    words = np.stack([a & _LOW, a >> _HALF], axis=-1)  # [..., word, half]
    sums = words.sum(axis=0, keepdims=True, dtype=np.uint64)
    result = zeros(sums.shape[:-2])
    for word in range(2):
        for half in range(2):
            term = zeros(sums.shape[:-2])
            term[..., 0] = sums[..., word, half]
            result = add(result, shift_left(term, 64 * word + 32 * half))
    return result


def encode(values: Floats, fraction_bits: int) -> Ring:
    """Return numbers as elements that mean ``element * 2**-fraction_bits``, rounded half to even.

    Raises
    ------
    EncodingError
        When one is not finite or beyond 2^(62 - fraction_bits).

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.protocol.sharing import ring
    >>> ring.decode(ring.encode(np.array([1.5, -0.25]), 24), 24)
    array([ 1.5 , -0.25])
    """
    limit = 2.0 ** (62 - fraction_bits)
    if not (np.abs(values) < limit).all():  # NaN compares false
        raise EncodingError(
            f"a number is not finite or too large to be shared, the limit is {limit:g}: "
            "standardise or clip it"
        )
    return from_integers(np.rint(np.ldexp(values, fraction_bits)).astype(np.int64))


def decode(a: Ring, fraction_bits: int) -> Floats:
    """Return what elements mean, to the last bit but one of float64."""
    negative = to_words(a)[..., 1] < 0
    size = np.where(negative[..., np.newaxis], negate(a), a).astype(np.float64)
    found = np.ldexp(size[..., 1], 64 - fraction_bits) + np.ldexp(size[..., 0], -fraction_bits)
    return np.where(negative, -found, found)


def _wide_product(a: Ring, b: Ring) -> tuple[Ring, Ring]:
    """Return low and high word of products of words."""
    a0, a1, b0, b1 = a & _LOW, a >> _HALF, b & _LOW, b >> _HALF
    low, middle = a0 * b0, a1 * b0
    other = a0 * b1
    carry = (low >> _HALF) + (middle & _LOW) + (other & _LOW)
    high = a1 * b1 + (middle >> _HALF) + (other >> _HALF) + (carry >> _HALF)
    return a * b, high
