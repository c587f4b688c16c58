# SPDX-License-Identifier: Apache-2.0
"""Several rows in one plaintext, each of several numbers (docs/algorithms/candidate-sums.md)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import unsigned_to_words, words_for_bits
from pyfate_gpu.encoding.decode import decode_residues
from pyfate_gpu.encoding.integer import IntegerEncoder
from pyfate_gpu.encoding.packing import pack
from pyfate_gpu.encoding.plaintext import PlaintextArray
from pyfate_gpu.encoding.slots import SlotLayout, hiding_width
from pyfate_gpu.errors import BoundError, ShapeError


@dataclass(frozen=True)
class RowSlots:
    """Slots for rows, each of which is slots of numbers itself; public.

    Parameters
    ----------
    row : SlotLayout
        Of the numbers of a row, wide enough for the sums of all rows.
    count : int
        Rows of a plaintext.

    Examples
    --------
    >>> from pyfate_gpu import SlotLayout
    >>> from pyfate_gpu.encoding.row_slots import RowSlots
    >>> slots = RowSlots.fit(SlotLayout(width=40, count=2), key_bits=2048)
    >>> slots.count, slots.layout
    (7, SlotLayout(width=144, count=7))
    """

    row: SlotLayout
    count: int

    @classmethod
    def fit(cls, row: SlotLayout, key_bits: int) -> RowSlots:
        """As many rows as a key holds with room for masks; raises BoundError if that is none."""
        width = hiding_width(cls(row, 1).bound)
        count = ((key_bits - 2) // width + 1) // 2
        if count < 1:
            raise BoundError(
                f"rows of {row.bits} bits take slots of {width} bits under masks, which a key of {key_bits} "
                f"bits does not hold; use a longer key or narrower numbers"
            )
        return cls(row, count)

    @property
    def bound(self) -> int:
        """Largest size of a row, or a sum of rows, taken as one number."""
        return sum(self.row.bound << self.row.width * slot for slot in range(self.row.count))

    @property
    def layout(self) -> SlotLayout:
        """Of the rows in a plaintext; sums have the slots of its `product`."""
        return SlotLayout(hiding_width(self.bound), self.count)

    def join(self, values: npt.ArrayLike, bound: int) -> PlaintextArray:
        """Rows to encrypt with ``slots=layout``, the last plaintext filled up with rows of zeros.

        Parameters
        ----------
        values : integers [rows, numbers of a row]
        bound : int
            Largest size of a number, public.

        Returns
        -------
        PlaintextArray [plaintexts, count]

        Raises
        ------
        ShapeError
            If rows have more or fewer numbers.
        EncodingError
            If a value is no integer or beyond the bound.
        BoundError
            If the bound is beyond that of a slot.
        """
        array = np.asarray(values)
        if array.ndim != 2 or array.shape[1] != self.row.count:
            raise ShapeError(
                f"rows have shape {array.shape}; they must have {self.row.count} numbers each"
            )
        if bound > self.row.bound:
            raise BoundError(
                f"numbers of {bound.bit_length()} bits do not fit slots of {self.row.width} bits; take "
                f"wider slots"
            )
        return self.join_plain(IntegerEncoder(bound).encode(array))

    def join_plain(self, rows: PlaintextArray) -> PlaintextArray:
        """As `join`, of encoded numbers [rows, numbers of a row], as another `join` returns them."""
        words = pack(rows.words, self.row)
        spare = -len(words) % self.count
        filled = np.concatenate([words, np.zeros((spare, words.shape[1]), dtype=np.int64)])
        whole = sum(rows.bound << self.row.width * slot for slot in range(self.row.count))
        grouped = filled.reshape(-1, self.count, words.shape[1])
        return PlaintextArray(grouped, 0, whole, "i", IntegerEncoder(whole))

    def split(self, sums: npt.ArrayLike) -> npt.NDArray[np.generic]:
        """The numbers of rows, or of sums of rows, each taken as one integer.

        Parameters
        ----------
        sums : integers [...]
            The middle slots of a result.

        Returns
        -------
        int64 or object [..., numbers of a row]

        Raises
        ------
        BoundError
            If one is not made up of such numbers.
        """
        integers = np.asarray(sums, dtype=object)
        if any(abs(value) > self.bound for value in integers.flat):
            raise BoundError(
                f"a sum of rows is beyond the {self.row.bits} bits of a row's numbers: another slot was "
                f"taken, or its sender lied"
            )
        modulus = 1 << self.row.bits + 2
        residues = (value % modulus for value in integers.flat)
        words = unsigned_to_words(residues, words_for_bits(self.row.bits + 2))
        numbers = decode_residues(words, modulus, 0, "i", None, self.row)
        return numbers.reshape(*integers.shape, self.row.count)
