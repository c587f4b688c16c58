# SPDX-License-Identifier: Apache-2.0
"""The rule that keeps results from wrapping around: every integer stays below what the key holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from pyfate_gpu.encoding import SlotLayout
from pyfate_gpu.errors import BoundError, EncodingError

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


class _HasBound(Protocol):
    @property
    def plaintext_bound(self) -> int: ...
    @property
    def key_bits(self) -> int: ...


def check_bound(bound: int, c: CiphertextArray, operation: str) -> int:
    """Return `bound` if results up to it decrypt unmistakably with the key and slots of `c`, otherwise BoundError."""
    return check_room(bound, c.public_key, operation, c.slots)


def check_room(bound: int, public_key: _HasBound, operation: str, slots: SlotLayout | None) -> int:
    """Return `bound` if results up to it decrypt unmistakably, otherwise raise BoundError.

    With `slots` it is the bound of each slot: beyond it a number would carry into the next one.
    Precondition: the layout has passed `check_layout` for this key.
    """
    if not isinstance(bound, int) or bound < 0:
        raise BoundError(f"bound is {bound!r}; it must be a non-negative integer")
    if slots is not None and bound > slots.bound:
        raise BoundError(
            f"{operation} could need integers of {bound.bit_length()} bits, but a slot of "
            f"{slots.width} bits holds {slots.width - 1} bits and a sign; take wider and fewer "
            f"slots, fewer fraction bits, a smaller encoder bound, or decrypt and encrypt again "
            f"in between"
        )
    if bound >= public_key.plaintext_bound:
        raise BoundError(
            f"{operation} could need integers of {bound.bit_length()} bits, but the "
            f"{public_key.key_bits}-bit key holds less than {public_key.plaintext_bound.bit_length()} bits with "
            f"sign; use a longer key, fewer fraction bits, a smaller encoder bound, or decrypt and "
            f"encrypt again in between"
        )
    return bound


def check_layout(slots: Any, public_key: _HasBound) -> SlotLayout:
    """Return `slots` if all of them end below half of what the key holds, otherwise raise BoundError."""
    if not isinstance(slots, SlotLayout):
        raise EncodingError(f"slots is {slots!r}; it must be a SlotLayout(width, count)")
    if 1 << slots.bits > public_key.plaintext_bound:
        raise BoundError(
            f"{slots.count} slots of {slots.width} bits end at bit {slots.bits}, but the "
            f"{public_key.key_bits}-bit key has room for "
            f"{public_key.plaintext_bound.bit_length() - 1} bits; use fewer or narrower slots or a "
            f"longer key"
        )
    return slots
