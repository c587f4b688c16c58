# SPDX-License-Identifier: Apache-2.0
"""The slots of partners' encoders, integer by integer, with room that is proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import BoundError, EncodingError


@dataclass(frozen=True)
class Slots(SlotLayout):
    """Slots of Python's integers, and what the bound of an integer says of each.

    Sums and products by integers act on every slot alike, and nothing is carried while all stay
    within `SlotLayout.bound`.

    Examples
    --------
    >>> slots = Slots(width=8, count=3)
    >>> slots.unpack(slots.pack([5, -1, 3]) * 4 - slots.pack([1, 1, 1]))
    [19, -5, 11]
    """

    @property
    def ones(self) -> int:
        """The integer with 1 in every slot."""
        return ((1 << self.bits) - 1) // ((1 << self.width) - 1)

    def bound_of(self, each: int) -> int:
        """Bound of integers whose slots are at most `each` in size."""
        return each * self.ones

    def slot_bound(self, bound: int) -> int:
        """Largest size of a slot in what was made of packed integers, by its bound.

        Sums and products multiply the bound of the integer and of each slot by the same factor, so the
        one tells the other; what is left over came from integers that lie in the lowest slot.
        """
        each, rest = divmod(bound, self.ones)
        return each + rest

    def check(self, bound: int) -> None:
        """Raise BoundError if a slot could have been carried into the next, by the bound of the integer."""
        each = self.slot_bound(bound)
        if each > self.bound:
            raise BoundError(
                f"sums and products could have reached {each.bit_length()} bits in a slot, which holds "
                f"{self.width - 1} and a sign: take wider slots, fewer terms, or factors of a shorter dtype"
            )

    def pack(self, values: Sequence[int]) -> int:
        """One integer of the numbers of its slots, the lowest first; absent ones are 0.

        Raises
        ------
        EncodingError
            If there are too many, or one does not fit its slot.
        """
        if len(values) > self.count:
            raise EncodingError(f"{len(values)} numbers came for {self.count} slots")
        packed = 0
        for value in reversed(values):
            if abs(value) > self.bound:
                raise EncodingError(
                    f"a number of {value.bit_length()} bits does not fit its slot of {self.width - 1} bits "
                    f"and a sign; take wider slots"
                )
            packed = (packed << self.width) + value
        return packed

    def unpack(self, packed: int) -> list[int]:
        """The numbers of all slots, the lowest first.

        Raises
        ------
        EncodingError
            If something is left above the highest: the integer was not packed in these slots.
        """
        values, half, full = list[int](), 1 << self.width - 1, 1 << self.width
        for _ in range(self.count):
            low = packed & full - 1
            value = low - full if low >= half else low
            values.append(value)
            packed = packed - value >> self.width
        if packed:
            raise EncodingError(
                f"an integer has more than its {self.count} slots of {self.width} bits: a number outgrew "
                f"its slot, or it was packed otherwise"
            )
        return values
