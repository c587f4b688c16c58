# SPDX-License-Identifier: Apache-2.0
"""How many products of limbs an operation takes, as docs/algorithms counts them.

Only the arithmetic of an algorithm counts, neither changes of form nor memory; what it says is therefore a
limit that no implementation of the same algorithm with the same limbs can pass.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

SQUARE = 0.7  # a squaring, in multiplications
WIDEST_WINDOW = 16


@dataclass(frozen=True)
class Work:
    """The counts for one key on one engine; all results in products of limbs.

    Parameters
    ----------
    key_bits : int
        Bits of n.
    limbs, prime_limbs : int
        Limbs of a number mod n, and mod p.
    entry_bytes : int
        Bytes of an entry of the fixed-base table.
    table_bytes : int
        Bytes that the table may have.
    exponent_bits : int
        Bits of a blinding exponent, the sign bit included; 0 for a key that is n alone.
    """

    key_bits: int
    limbs: int
    prime_limbs: int
    entry_bytes: int
    table_bytes: int
    exponent_bits: int

    @property
    def multiply(self) -> float:
        """A product mod n^2: 5 h^2 (docs/algorithms/base-n-montgomery.md)."""
        return 5.0 * self.limbs**2

    @property
    def square(self) -> float:
        """A square mod n^2: 3.5 h^2."""
        return 3.5 * self.limbs**2

    @property
    def add_plain(self) -> float:
        """Times 1 + m n: two products of halves with their reductions, 4 h^2."""
        return 4.0 * self.limbs**2

    @property
    def invert(self) -> float:
        """An inverse of a batch: three products, the one inversion not counted."""
        return 3 * self.multiply

    @property
    def leave(self) -> float:
        """Out of the form, and c0 + c1 n: a product and h^2."""
        return self.multiply + self.limbs**2

    @property
    def enter(self) -> float:
        """Into the form, from two pieces, and one product for the check that all are coprime to n."""
        return 3 * self.multiply

    @property
    def blind(self) -> float:
        """Fresh randomness from the fixed-base table: 4 h^2 a window but the first, and a half product."""
        return (4.0 * (self.table_windows() - 1) + 2.0) * self.limbs**2

    def table_windows(self) -> int:
        """The fewest windows whose table fits (docs/algorithms/fixed-base-encryption.md)."""
        bits, entries = self.exponent_bits, self.table_bytes // self.entry_bytes
        for count in range(-(-bits // WIDEST_WINDOW), bits):
            width, wider = divmod(bits, count)
            if ((count - wider) << width) + (wider << width + 1) <= entries:
                return count
        return bits

    def power_common(self, bits: int) -> float:
        """A power by one exponent for all rows: sliding windows."""
        width = _cheapest(10, lambda w: (1 << w - 1) + bits // (w + 1))
        return (bits - 1) * self.square + ((1 << width - 1) + bits / (width + 1)) * self.multiply

    def power_each(self, bits: int) -> float:
        """A power by an exponent of its own for each row: fixed windows."""
        width = _cheapest(8, lambda w: (1 << w) + -(-bits // w))
        digits = -(-bits // width)
        return (digits - 1) * width * self.square + ((1 << width) + digits - 3) * self.multiply

    def decrypt(self) -> float:
        """Powers by p - 1 mod p^2 and by q - 1 mod q^2, and the plaintext from both."""
        bits = self.key_bits // 2
        width = _cheapest(6, lambda w: (1 << w) + (1 + (1 << w) / 30) * bits / w)
        digits = -(-bits // width)
        table, entering, leaving = (1 << width) - 2, 4, 1
        products = digits - 1 + table / 2 + entering + leaving
        squares = (digits - 1) * width + table / 2
        return 2 * self.prime_limbs**2 * (5.0 * products + 3.5 * squares) + 2 * self.multiply

    def matrix(self, outputs: int, inner: int, bits: int, columns: int = 1) -> float:
        """A whole product of a dense signed matrix [outputs, inner] of `bits`-bit magnitudes.

        The least cost of docs/algorithms/bucket-multi-exponentiation.md, nothing idle.
        """
        parts, rows = outputs * columns, inner * columns
        entries = outputs * rows
        least = float("inf")
        for count in range(1, bits + 1):
            width, wider = divmod(bits + 1, count)
            if width > WIDEST_WINDOW:
                continue
            buckets = (count - wider) * 2.0 ** (width - 1) + wider * 2.0**width
            combine = SQUARE * bits + count
            sets = parts * (2 * buckets + combine)
            tables = rows * (2 * buckets + SQUARE * bits + 3)
            of_signs = min(sets + 3 * rows, 2 * sets + 4 * parts)
            least = min(least, entries * count + min(of_signs, tables))
        for width in range(2, WIDEST_WINDOW):
            digits = max(1.0, bits / (width + 1) + 0.5)
            buckets, powers = 2.0 ** (width - 2), SQUARE * bits * rows
            of_signs = min(
                2 * parts * buckets + 2 * powers + 3 * rows, 4 * parts * (buckets + 1) + powers
            )
            least = min(least, entries * digits + of_signs)
        return least * self.multiply


def _cheapest(most: int, cost: Callable[[int], float]) -> int:
    """The first width up to `most` after which the cost rises."""
    width = 1
    while width < most and cost(width + 1) < cost(width):
        width += 1
    return width
