# SPDX-License-Identifier: Apache-2.0
"""Where numbers of questions, and sums of several rows, lie in ciphertexts; public, the same at all parties."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyfate_gpu.encoding import SlotLayout
from pyfate_gpu.encoding.row_slots import RowSlots
from pyfate_gpu.errors import ConfigurationError

#: To which values of leaves are rounded, of the largest one; as fine as their sums in float64 are.
VALUE_BITS = 52
#: Of a sum of values of all trees, which is an int64.
_SUM_BITS = 62
#: Squarings that take as long as an encryption by the key's owner, with its way to the host, and as a decryption with
#: its blinding; at 2,048 bits.
ENCRYPTION, DECRYPTION = 120, 1000


@dataclass(frozen=True)
class BlindedSlots:
    """Slots of questions and of sums.

    Parameters
    ----------
    key_bits : int
        Of the key.
    outputs : int
        Numbers of a question.
    terms : int
        How many numbers a slot may sum up, a power of two.
    step : int
        Questions of a ciphertext.

    Examples
    --------
    >>> from pyfate_gpu.trees.blinded.slots import BlindedSlots
    >>> slots = BlindedSlots(key_bits=2048, outputs=1, terms=64, step=4)
    >>> slots.sent, slots.rows_of_each, slots.answered
    (SlotLayout(width=125, count=4), 3, SlotLayout(width=125, count=15))
    """

    key_bits: int
    outputs: int
    terms: int
    step: int

    @property
    def bound(self) -> int:
        """Largest number of a question: the difference of two values of leaves."""
        return 2 << VALUE_BITS

    @property
    def questions(self) -> RowSlots:
        """The numbers of a question, and the questions of a ciphertext."""
        width = (self.bound * self.terms).bit_length() + 1
        return RowSlots(SlotLayout(width, self.outputs), self.step)

    @property
    def sent_bound(self) -> int:
        """Bound of the numbers of a question, taken as one."""
        return self.questions.join(np.empty((0, self.outputs), dtype=np.int64), self.bound).bound

    @property
    def sent(self) -> SlotLayout:
        """Of what the guest sends."""
        return self.questions.layout

    @property
    def passed(self) -> SlotLayout:
        """Of what goes from host to host, a ciphertext a row."""
        return self.sent.product

    @property
    def rows_of_each(self) -> int:
        """Rows whose sums share a ciphertext; 0 where not even one has room."""
        return ((self.key_bits - 2) // self.sent.width + 1) // self.step - 1

    @property
    def answered(self) -> SlotLayout:
        """Of sums: those of row r in slot ``r * step + step - 1``."""
        return SlotLayout(self.sent.width, self.step * (self.rows_of_each + 1) - 1)

    @property
    def kept(self) -> list[int]:
        """The slots of sums."""
        return [row * self.step + self.step - 1 for row in range(self.rows_of_each)]

    def cost(self, units: int) -> float:
        """Return what a row takes with so many ciphertexts of questions, in squarings."""
        rows, longer = self.rows_of_each, self.key_bits / 2048
        shifts = (rows * self.step - 1) * self.sent.width / rows
        return (units * ENCRYPTION + DECRYPTION / rows) * longer + shifts


def value_bits(trees: int) -> int:
    """Return to how many bits values of leaves are rounded: fewer where thousands of trees are summed.

    Examples
    --------
    >>> from pyfate_gpu.trees.blinded.slots import value_bits
    >>> value_bits(100), value_bits(5000)
    (52, 49)
    """
    return min(VALUE_BITS, _SUM_BITS - trees.bit_length())


def most_questions(key_bits: int, outputs: int) -> int:
    """Return how many questions a ciphertext holds at most.

    Raises
    ------
    ConfigurationError
        When there is no room for one.
    """
    found = 0
    while BlindedSlots(key_bits, outputs, 1 << 20, found + 1).rows_of_each >= 1:
        found += 1
    if not found:
        raise ConfigurationError(
            f"a blinded prediction does not fit a key of {key_bits} bits: use a longer key"
        )
    return found
