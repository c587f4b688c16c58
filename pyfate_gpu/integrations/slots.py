# SPDX-License-Identifier: Apache-2.0
"""Several signed integers of a partner's encoder in one: slots that grow alike, with room that is proved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import BoundError, EncodingError


@dataclass(frozen=True)
class Slots:
    """``count`` slots of ``width`` bits, the first one lowest: ``sum of v[i] * 2**(width * i)``.

    A negative number borrows from the slot above it, and unpacking takes each slot as the signed
    residue and gives the borrow back. Sums and products by integers act on every slot alike, and
    nothing is carried while all stay below ``2**(width - 1)`` in size.

    Parameters
    ----------
    width : int
        Bits of a slot, 2 or more.
    count : int
        Slots, 1 or more.

    Raises
    ------
    EncodingError
        If they are no such integers.

    Examples
    --------
    >>> slots = Slots(width=8, count=3)
    >>> slots.unpack(slots.pack([5, -1, 3]) * 4 - slots.pack([1, 1, 1]))
    [19, -5, 11]
    """

    width: int
    count: int

    def __post_init__(self) -> None:
        for name, least in (("width", 2), ("count", 1)):
            value = as_integer(getattr(self, name), name)
            if value < least:
                raise EncodingError(f"{name} of slots is {value}; it must be {least} or more")
            object.__setattr__(self, name, value)

    @property
    def largest(self) -> int:
        """Largest size of a number in a slot."""
        return (1 << self.width - 1) - 1

    @property
    def ones(self) -> int:
        """The integer with 1 in every slot."""
        return ((1 << self.width * self.count) - 1) // ((1 << self.width) - 1)

    def bound(self, each: int) -> int:
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
        if each > self.largest:
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
            if abs(value) > self.largest:
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
