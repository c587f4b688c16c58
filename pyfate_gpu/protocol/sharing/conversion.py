# SPDX-License-Identifier: Apache-2.0
"""From encrypted integers to shares mod 2^128 and back (docs/algorithms/sharing.md).

Whoever holds ciphertexts under another's key adds masks as a fresh encryption and keeps minus the masks as its share;
the key's owner decrypts value plus mask, which says nothing, and keeps that mod 2^128. A mask is uniform mod n where
a value has a ciphertext to itself, and wider than the value by `HIDING_BITS` in each slot where values are squeezed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.backends import share_kernels
from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray, SlotLayout
from pyfate_gpu.encoding.slots import HIDING_BITS, hiding_width
from pyfate_gpu.errors import BoundError, ProtocolError, ShapeError
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.masks import residue_masks, slot_masks
from pyfate_gpu.protocol.sharing.ring import Ring

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey

#: How shares are encrypted: integers of 128 bits and a sign.
ENCODER = IntegerEncoder(bound=ring.SIGNED_BOUND)


def plaintext(share: Ring) -> PlaintextArray:
    """Return shares as signed integers to encrypt or to multiply by."""
    return PlaintextArray(ring.to_words(share), 0, ring.SIGNED_BOUND, "i", ENCODER)


def return_layout(key_bits: int, bound: int) -> SlotLayout | None:
    """Return how results of at most `bound` in size share ciphertexts on their way to the key's owner.

    Returns
    -------
    SlotLayout or None
        None where a ciphertext holds one only.

    Raises
    ------
    BoundError
        When a result, with `HIDING_BITS` bits to spare, does not fit the key.

    Examples
    --------
    >>> from pyfate_gpu.protocol.sharing.conversion import return_layout
    >>> return_layout(2048, bound=1 << 157)
    SlotLayout(width=223, count=9)
    """
    width = hiding_width(bound)
    count = (key_bits - 2) // width  # n // 2 has one bit less than n, the top slot ends below it
    if count < 1:
        raise BoundError(
            f"results of {bound.bit_length()} bits and masks of {HIDING_BITS} more do not fit a key of "
            f"{key_bits} bits: use a longer key"
        )
    return SlotLayout(width, count) if count > 1 else None


def mask(c: CiphertextArray) -> tuple[CiphertextArray, Ring]:
    """Return what the key's owner may decrypt, and this party's share of each value.

    Parameters
    ----------
    c : CiphertextArray
        Integers under another party's key, one a ciphertext or in slots of `return_layout`.

    Returns
    -------
    CiphertextArray of the shape of `c`, fresh
    uint64 ``[size, 2]``, or ``[size, slots, 2]``

    Raises
    ------
    BoundError
        When a slot has no room for its mask.
    """
    if c.slots is None:
        masks, shares = residue_masks(c.size, c.public_key.n)
        return c.add_mask_words(masks), shares
    if hiding_width(c.bound) > c.slots.width:
        raise BoundError(
            f"a mask of values of {c.bound_bits} bits takes slots of {hiding_width(c.bound)} bits, "
            f"there are {c.slots}"
        )
    masks, shares = slot_masks(c.size, c.slots)
    return c.add_mask_words(masks), shares


def unmask(private_key: PrivateKey, masked: CiphertextArray) -> Ring:
    """Return the shares of the key's owner, in the form that `mask` returned the other's.

    Raises
    ------
    ProtocolError
        When a plaintext is not of the slots that were agreed on.
    """
    words = private_key.decrypt_words(masked)
    if masked.slots is None:
        return np.ascontiguousarray(words[:, :2])
    try:
        slots = masked.slots
        return share_kernels().unpack(words, masked.public_key.n, slots.width, slots.count)
    except BoundError:
        raise ProtocolError(
            f"what came is not {masked.slots} under masks: its sender encrypted something else"
        ) from None


def ungroup(shares: Ring, layout: SlotLayout | None, count: int) -> Ring:
    """Return the shares of `count` values in a row, those of spare slots left out.

    Raises
    ------
    ShapeError
        When there are not as many as `count` values take.
    """
    if layout is None:
        found = shares
    else:
        found = shares.reshape(-1, 2)
        if len(found) != layout.groups(count) * layout.count:
            raise ShapeError(f"{len(found)} slots do not hold {count} values in {layout}")
        found = found[:count]
    if len(found) != count:
        raise ShapeError(f"there are {len(found)} shares, not {count}")
    return found
