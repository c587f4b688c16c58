# SPDX-License-Identifier: Apache-2.0
"""The table of powers that encryptions are made from: as large as it pays for, and no larger than its budget."""

from __future__ import annotations

import threading
from typing import Protocol

from pyfate_gpu.backends.numbers import BlindingNumbers

WIDEST_WINDOW = 16
#: Encryptions that are always reckoned with: a small training makes so many.
FEWEST = 1000
#: What an entry costs in windows of an encryption: 7 h^2 word products in place of 4.
ENTRY = 7 / 4
#: A larger table is made once it would have so many times the entries: all before it cost half of it.
GROWTH = 3


class Context(Protocol):
    """A native context that holds such a table."""

    def set_blinding_base(
        self,
        base: bytes,
        exponent_bits: int,
        sign_base: bytes,
        table_bytes: int,
        threads: int = 1,
        hardened: bool = False,
    ) -> None:
        """Make the widest table that the bytes hold; calls under way keep the one they have."""


class FixedBaseTable:
    """A fixed-base table, made at its first use and again, wider, as encryptions add up.

    Nobody knows how many encryptions are still to come: as many again as there were, says the rule, which makes the
    table that serves these with the least work (docs/algorithms/fixed-base-encryption.md).

    Parameters
    ----------
    context : Context
        Whose table it is.
    blinding : BlindingNumbers or None
        Bases and length of exponents; None for a key without them.
    limit : int
        Bytes, at most.
    hardened : bool
        Whether each entry of a window is read for each digit: such tables are small, and made at once.
    """

    def __init__(
        self, context: Context, blinding: BlindingNumbers | None, limit: int, hardened: bool
    ) -> None:
        self.limit = limit
        self.hardened = hardened
        self._context = context
        self._blinding = blinding
        self._uses = 0
        self._bytes = 0  # of the table there is
        self._lock = threading.Lock()

    def ready(self, uses: int) -> bool:
        """Have a table for so many encryptions more; False if the key has no bases."""
        if self._blinding is None:
            return False
        with self._lock:
            self._uses += uses
            if self._bytes < self.limit:
                self._grow(self._blinding)
        return True

    def _grow(self, blinding: BlindingNumbers) -> None:
        wanted = self.limit
        if not self.hardened:
            entries = cheapest_entries(blinding.exponent_bits + 1, max(self._uses, FEWEST))
            wanted = entries * most_bytes(blinding)
        if self._bytes and wanted < GROWTH * self._bytes:
            return
        size = min(wanted, self.limit)
        try:
            self._context.set_blinding_base(
                to_bytes(blinding.base),
                blinding.exponent_bits,
                to_bytes(blinding.sign_base),
                size,
                hardened=self.hardened,
            )
        except MemoryError:
            if not self._bytes:
                raise
            self.limit = self._bytes  # the one there is does as well, if slower
        else:
            self._bytes = size


def cheapest_entries(bits: int, uses: int) -> int:
    """Return of how many entries the table is that serves so many exponents with the least work.

    Examples
    --------
    >>> from pyfate_gpu.backends.cpu.fixed_base import cheapest_entries
    >>> cheapest_entries(1025, 1), cheapest_entries(1025, 400), cheapest_entries(1025, 10_000)
    (2052, 10944, 105472)
    """
    windows = {width: -(-bits // width) for width in range(1, WIDEST_WINDOW + 1)}
    width = min(windows, key=lambda w: windows[w] * (uses + ENTRY * (1 << w)))
    return windows[width] << width


def most_bytes(blinding: BlindingNumbers) -> int:
    """Return what an entry takes in any engine's form: words mod n^2 whose limbs may be a fifth empty."""
    return 5 * blinding.base.bit_length() // 32


def to_bytes(value: int) -> bytes:
    """Return a number as the native module takes it."""
    return value.to_bytes((value.bit_length() + 7) // 8, "little")
