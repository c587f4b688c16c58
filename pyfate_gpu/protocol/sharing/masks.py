# SPDX-License-Identifier: Apache-2.0
"""Randomness that hides values, from the operating system, drawn for whole arrays at once."""

from __future__ import annotations

import math
import os

import numpy as np

from pyfate_gpu.backends.words import (
    WORD_BITS,
    SignedWords,
    UnsignedWords,
    less_than,
    words_for_bits,
)
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.protocol.sharing.ring import Ring


def random_words(shape: tuple[int, ...]) -> UnsignedWords:
    """Return uniform words."""
    return np.frombuffer(bytearray(os.urandom(8 * math.prod(shape))), dtype=np.uint64).reshape(
        shape
    )


def random_ring(shape: tuple[int, ...]) -> Ring:
    """Return uniform elements mod 2^128: shares of anything."""
    return random_words((*shape, 2))


def random_residues(count: int, n: int) -> UnsignedWords:
    """Return integers uniform in [0, n), uint64 ``[count, words of n]``, by rejection.

    Examples
    --------
    >>> from pyfate_gpu.protocol.sharing.masks import random_residues
    >>> random_residues(1000, 3).max() < 3
    np.True_
    """
    width = words_for_bits(n.bit_length())
    top = np.uint64((1 << (n.bit_length() - WORD_BITS * (width - 1))) - 1)
    found = np.empty((count, width), dtype=np.uint64)
    wanted = np.arange(count)
    while len(wanted):
        drawn = random_words((len(wanted), width))
        drawn[:, -1] &= top
        good = less_than(drawn, n)
        found[wanted[good]] = drawn[good]
        wanted = wanted[~good]
    return found


def random_slots(count: int, layout: SlotLayout) -> SignedWords:
    """Return masks of slots, int64 ``[count, slots, words]``: uniform from -2^(width - 2) to below 2^(width - 2).

    With a value of at most 2^(width - 2) in size the sum fits the slot.
    """
    bits = layout.width - 1
    width = words_for_bits(bits)
    words = random_words((count, layout.count, width)).view(np.int64)
    spare = np.int64(WORD_BITS * width - bits)
    words[..., -1] = (words[..., -1] << spare) >> spare
    return words
