# SPDX-License-Identifier: Apache-2.0
"""Gradients and hessians as integers in slots: wide enough, from public facts, for any sum of rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray, SlotLayout
from pyfate_gpu.encoding.row_slots import RowSlots
from pyfate_gpu.errors import BoundError, ConfigurationError
from pyfate_gpu.he.array.masks import Kept
from pyfate_gpu.typing import Floats, Integers

#: Sums of integers stay exact in float64 up to this many bits.
EXACT_BITS = 52
#: Rows of ciphertexts that engines work on at once, and up to how many an answer is not spread over more.
ROWS_AT_A_TIME, FEW_ANSWERS = 8, 4


@dataclass(frozen=True)
class GradientSlots:
    """Where gradient and hessian of each output lie in a ciphertext; public, the same at all parties.

    Parameters
    ----------
    bits : int
        Of the largest gradient or hessian of a row.
    rows : int
        That may be added up.
    outputs : int
        Pairs of a row.
    key_bits : int
        Of the key that they are encrypted under.
    packed : bool
        Whether rows share ciphertexts; see `pyfate_gpu.he.array.row_packing`.
    apart : bool
        Whether each tree is of one output, and sums for it show that one alone: outputs have slots of their own
        then, with room for masks.

    Raises
    ------
    ConfigurationError
        When a row does not fit a ciphertext, or sums not the float64 that the guest computes with.

    Examples
    --------
    >>> from pyfate_gpu.trees.packing import GradientSlots
    >>> slots = GradientSlots(bits=24, rows=30_000, outputs=1, key_bits=2048)
    >>> slots.row, slots.squeezed
    (SlotLayout(width=40, count=2), SlotLayout(width=40, count=50))
    """

    bits: int
    rows: int
    outputs: int
    key_bits: int
    packed: bool = False
    apart: bool = False

    def __post_init__(self) -> None:
        if (self.bound * self.rows).bit_length() > EXACT_BITS:
            raise ConfigurationError(
                f"gradient_bits={self.bits} and {self.rows} rows make sums of more than {EXACT_BITS} bits: "
                f"set gradient_bits to {EXACT_BITS - self.rows.bit_length()} or less"
            )
        if self.row.bits > self.key_bits - 2:
            raise ConfigurationError(
                f"{self.outputs} outputs of {self.row.bits // self.outputs} bits do not fit a key of {self.key_bits} "
                f"bits: use a longer key, or fewer gradient_bits{', or multi_output_tree' if self.apart else ''}"
            )

    @property
    def bound(self) -> int:
        """Largest integer of a row."""
        return 1 << self.bits

    @property
    def width(self) -> int:
        """Bits of a slot."""
        return (self.bound * self.rows).bit_length() + 1

    @property
    def outputs_apart(self) -> RowSlots:
        """Gradient and hessian of an output as one number, and a slot for each of these."""
        return RowSlots(SlotLayout(self.width, 2), self.outputs)

    @property
    def row(self) -> SlotLayout:
        """The layout of a row, and of a sum of rows: gradient and hessian of each output in turn."""
        if self.apart:
            return self.outputs_apart.layout
        return SlotLayout(self.width, 2 * self.outputs)

    @property
    def squeezed(self) -> SlotLayout:
        """The layout of as many sums as a ciphertext holds."""
        return SlotLayout(self.row.width, self.row.count * self.sums)

    @property
    def sums(self) -> int:
        """How many sums a ciphertext holds."""
        return (self.key_bits - 2) // self.row.bits

    @property
    def together(self) -> RowSlots:
        """How rows share ciphertexts, if they do."""
        return RowSlots.fit(self.row, self.key_bits)

    @property
    def rows_of_each(self) -> int:
        """Rows of a ciphertext."""
        return self.together.count if self.packed else 1

    @property
    def sent(self) -> SlotLayout:
        """The layout of the ciphertexts of rows."""
        return self.together.layout if self.packed else self.row

    def sums_of_each(self, sums: int) -> int:
        """Return how many of so many sums a ciphertext of an answer holds.

        Engines take rows eight at a time, so ciphertexts are a multiple of that: of the same cost as fewer, filled by
        fewer steps.
        """
        if self.packed:
            return 1
        least = -(-sums // self.sums)
        count = -(-least // ROWS_AT_A_TIME) * ROWS_AT_A_TIME if least > FEW_ANSWERS else least
        return max(1, -(-sums // max(1, count)))

    def answered(self, sums: int) -> SlotLayout:
        """Return the layout of the ciphertexts of an answer of so many sums."""
        if self.packed:
            return self.sent.product
        return SlotLayout(self.row.width, self.row.count * self.sums_of_each(sums))

    def answers(self, sums: int) -> int:
        """Return how many ciphertexts an answer of so many sums takes.

        Examples
        --------
        >>> from pyfate_gpu.trees.packing import GradientSlots
        >>> slots = GradientSlots(bits=4, rows=569, outputs=1, key_bits=2048)
        >>> slots.sums, slots.answers(620), slots.sums_of_each(620)
        (68, 16, 39)
        """
        return -(-sums // self.sums_of_each(sums))

    def needed(self, wanted: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return which ciphertexts of an answer hold a wanted sum."""
        each = self.sums_of_each(len(wanted))
        filled = np.zeros(self.answers(len(wanted)) * each, dtype=np.bool_)
        filled[: len(wanted)] = wanted
        return np.asarray(filled.reshape(-1, each).any(axis=1))

    def encode(self, integers: Integers) -> PlaintextArray:
        """Return rows as plaintexts; their bound is public."""
        if not self.apart:
            if self.packed:
                return self.together.join(integers, self.bound)
            return IntegerEncoder(self.bound).encode(integers)
        rows = self.outputs_apart.join(integers.reshape(-1, 2), self.bound)
        return self.together.join_plain(rows) if self.packed else rows

    @property
    def sent_bound(self) -> int:
        """Bound of what `encode` returns."""
        return self.encode(np.empty((0, 2 * self.outputs), dtype=np.int64)).bound

    def kept(self, outputs: Sequence[int]) -> Kept | None:
        """Return what sums for a tree of some outputs may show; None for everything."""
        return Kept(self.row, outputs[0]) if self.apart else None

    def read(self, slots: NDArray[Any]) -> NDArray[Any]:
        """Return the sums that decrypted ciphertexts hold, [sums, slots of a row].

        Raises
        ------
        BoundError
            When there is a number in the place of a sum that is none.
        """
        if self.packed:
            return self.together.split(slots[:, self.sent.product.middle])
        return slots.reshape(-1, self.row.count)

    def pick(self, sums: NDArray[Any], outputs: Sequence[int]) -> Integers:
        """Return gradients and hessians of some outputs of what `read` returned, [sums, 2 of these outputs].

        Raises
        ------
        BoundError
            When a number is beyond what so many rows can sum up to.

        Examples
        --------
        >>> import numpy as np
        >>> from pyfate_gpu.trees.packing import GradientSlots
        >>> slots = GradientSlots(bits=4, rows=10, outputs=2, key_bits=2048)
        >>> slots.pick(np.array([[-3, 4, 5, 6]]), [1])
        array([[5, 6]])
        """
        if self.apart:
            found: NDArray[Any] = self.outputs_apart.split(sums[:, list(outputs)])
            found = found.reshape(len(sums), 2 * len(outputs))
        else:
            found = sums[:, channels_of(outputs)]
        if found.dtype != np.int64:
            raise BoundError("sums are beyond 64 bits")
        return found


def channels_of(outputs: Sequence[int]) -> list[int]:
    """Return the columns of integers that outputs have.

    Examples
    --------
    >>> from pyfate_gpu.trees.packing import channels_of
    >>> channels_of([0, 2])
    [0, 1, 4, 5]
    """
    return [channel for k in outputs for channel in (2 * k, 2 * k + 1)]


@dataclass(frozen=True, repr=False)
class Gradients:
    """What the rows of a round bring, as integers and as they are; the guest's secret.

    Parameters
    ----------
    integers : int64 [rows, 2 outputs]
        Gradient and hessian of each output in turn, rounded.
    units : float64 [2]
        What 1 stands for, of gradients and of hessians: powers of two.
    g, h : float64 [rows, outputs]
        Unrounded, for the values of leaves.
    """

    integers: Integers
    units: Floats
    g: Floats
    h: Floats

    @classmethod
    def quantize(cls, g: Floats, h: Floats, bits: int) -> Gradients:
        """Round to so many bits of the largest of each kind, to even where two are as near.

        Examples
        --------
        >>> import numpy as np
        >>> from pyfate_gpu.trees.packing import Gradients
        >>> found = Gradients.quantize(np.array([[-0.5], [0.25]]), np.array([[1.0], [0.0]]), bits=4)
        >>> found.integers.tolist(), found.units.tolist()
        ([[-16, 16], [8, 0]], [0.03125, 0.0625])
        """
        exponents = [bits - least_exponent(values) for values in (g, h)]
        integers = np.empty((len(g), 2 * g.shape[1]), dtype=np.int64)
        for place, values in enumerate((g, h)):
            integers[:, place::2] = np.rint(np.ldexp(values, exponents[place]))
        return cls(integers, np.ldexp(1.0, np.negative(exponents)), g, h)


def least_exponent(values: Floats) -> int:
    """Return the least e with all values at most 2**e in size."""
    largest = float(np.abs(values).max(initial=0.0))
    mantissa, exponent = math.frexp(largest)
    return exponent - 1 if mantissa == 0.5 else exponent
