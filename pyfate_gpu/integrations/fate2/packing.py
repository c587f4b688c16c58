# SPDX-License-Identifier: Apache-2.0
"""Where FATE's coder puts several numbers of an integer, and what tells that a sum outgrew its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import BoundError, EncodingError, WireFormatError
from pyfate_gpu.integrations.slots import Slots

ROOM = 36
"""Bits of a slot beyond those that FATE asks for: sums of 2**35 numbers carry nothing, and a sum beyond
what FATE declared is seen when it is unpacked. FATE's own slots lie side by side and are carried
into each other."""


@dataclass(frozen=True)
class Packing:
    """Numbers from 0 on, of `bits` bits each, in wider slots; public.

    Parameters
    ----------
    bits : int
        Of a number, and of any sum of numbers that may be unpacked.
    slots : Slots
    """

    bits: int
    slots: Slots

    @classmethod
    def of(cls, bits: int, count: int) -> Packing:
        """Where the coder packs `count` numbers of `bits` bits."""
        bits, count = as_integer(bits, "bits of a slot"), as_integer(count, "numbers to pack")
        if bits < 1:
            raise EncodingError(f"bits of a slot are {bits}; take 1 or more")
        return cls(bits, Slots(bits + ROOM, count))

    @property
    def bound(self) -> int:
        """Of an integer with every number at its largest."""
        return self.slots.bound_of((1 << self.bits) - 1)

    def pack(self, values: list[int]) -> int:
        """One integer, the first number on top.

        Raises
        ------
        EncodingError
            If a number is negative or has more bits.
        """
        if any(value < 0 or value >> self.bits for value in values):
            raise EncodingError(
                f"a number to pack is negative or needs more than its {self.bits} bits; add an offset "
                f"first, or pack with less precision"
            )
        return self.slots.pack(values[::-1])

    def unpack(self, packed: int, filled: int) -> list[int]:
        """The numbers of the `filled` lowest slots, the highest first.

        Raises
        ------
        EncodingError
            If a number is negative or has more bits: a sum that outgrew its slot.
        """
        numbers = self.slots.unpack(packed)[:filled][::-1]
        if any(number < 0 or number >> self.bits for number in numbers):
            raise EncodingError(
                f"a sum of packed numbers is negative or needs more than the {self.bits} bits of its slot; "
                f"pack with more bits or less precision"
            )
        return numbers

    def squeezed(self, together: int, key_bits: int) -> Packing:
        """That of as many of these integers in one as are wanted, or as a key has room for.

        Raises
        ------
        BoundError
            If the key has no room for one.
        """
        room = (key_bits - 2) // self.slots.bits
        if not room:
            raise BoundError(
                f"packed numbers take {self.slots.bits} bits, the key has {key_bits - 2}: use a longer key, "
                f"or pack fewer or shorter numbers"
            )
        count = self.slots.count * min(together, room)
        return Packing(self.bits, Slots(self.slots.width, count))

    def describe(self) -> tuple[int, int, int]:
        """For a pickle; `read_packing` is the way back."""
        return self.bits, self.slots.width, self.slots.count


def read_packing(description: Any) -> Packing | None:
    """The packing of a pickle, or None for numbers that are not packed.

    Raises
    ------
    WireFormatError
        If it is none, such as that of a release whose slots lay side by side.
    """
    if description is None or description is False:
        return None
    try:
        bits, width, count = description
        packing = Packing(as_integer(bits, "bits of a slot"), Slots(width, count))
    except (TypeError, ValueError):
        packing = None
    if packing is None or not 1 <= packing.bits < packing.slots.width:
        raise WireFormatError(
            "packed numbers came in a form that is none of this release's; all parties must run the same"
        )
    return packing


def common_packing(first: Packing | None, second: Packing | None) -> Packing | None:
    """Of a sum; EncodingError if both are packed, in two ways."""
    if first is None or second is None or first == second:
        return second if first is None else first
    raise EncodingError(
        f"numbers packed by {first.bits} and by {second.bits} bits, {first.slots.count} and "
        f"{second.slots.count} together, do not add up; pack both alike"
    )
