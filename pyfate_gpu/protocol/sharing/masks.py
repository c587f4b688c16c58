# SPDX-License-Identifier: Apache-2.0
"""Randomness that hides values, from the operating system, drawn for whole arrays at once by native code."""

from __future__ import annotations

import math

from pyfate_gpu.backends import share_kernels
from pyfate_gpu.backends.shares import Masks
from pyfate_gpu.backends.words import UnsignedWords
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.protocol.sharing.ring import Ring


def random_words(shape: tuple[int, ...]) -> UnsignedWords:
    """Return uniform words."""
    return share_kernels().random_words(math.prod(shape)).reshape(shape)


def random_ring(shape: tuple[int, ...]) -> Ring:
    """Return uniform elements mod 2^128: shares of anything."""
    return random_words((*shape, 2))


def residue_masks(count: int, n: int) -> Masks:
    """Return masks uniform in [0, n), by rejection, and minus each as a share.

    Returns
    -------
    int64 ``[count, words of n and one more]``
        To encrypt; a word more keeps the sign clear.
    uint64 ``[count, 2]``

    Examples
    --------
    >>> from pyfate_gpu.protocol.sharing import ring
    >>> from pyfate_gpu.protocol.sharing.masks import residue_masks
    >>> masks, shares = residue_masks(1000, 3)
    >>> bool((masks < 3).all())
    True
    >>> int(ring.add(ring.from_words(masks), shares).max())
    0
    """
    return share_kernels().residue_masks(count, n)


def slot_masks(count: int, layout: SlotLayout) -> Masks:
    """Return masks uniform from -2^(width - 2) to below 2^(width - 2) in every slot, and minus each as a share.

    With a value of at most 2^(width - 2) in size the sum fits the slot.

    Returns
    -------
    int64 ``[count, words of all slots and a sign]``
    uint64 ``[count, slots, 2]``
    """
    return share_kernels().slot_masks(count, layout.width, layout.count)
