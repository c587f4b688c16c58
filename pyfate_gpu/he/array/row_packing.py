# SPDX-License-Identifier: Apache-2.0
"""Whether rows should share ciphertexts, by counted work and bytes (docs/algorithms/candidate-sums.md)."""

from __future__ import annotations

from dataclasses import dataclass

from pyfate_gpu.encoding.row_slots import RowSlots
from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.errors import BoundError, ConfigurationError

PACKINGS = ("auto", "rows", "none")

# In multiplications of ciphertexts at 2,048 bits; what has an exponent as long as the key grows with it.
SQUARE = 0.78
ENCRYPT = 67
BLIND = 112
DECRYPT = 563
KEY_BITS = 2048

BINS = 32

MULTIPLICATIONS_PER_SECOND = 1.6e6
"""At 2,048 bits, on a core with AVX-512 IFMA."""


@dataclass(frozen=True)
class Trees:
    """What a boosting round encrypts and asks for; public.

    Parameters
    ----------
    rows : int
        That are encrypted, once a round.
    candidates : int
        Splits of each node.
    nodes : int
        Whose candidates are summed.
    columns : int, optional
        Of hosts; if nobody knows, as many as have so many candidates in `BINS` bins.
    """

    rows: int
    candidates: int
    nodes: int
    columns: int | None = None


def choose_packing(
    packing: str,
    row: SlotLayout,
    trees: Trees,
    *,
    key_bits: int,
    bytes_per_second: float = 125e6,
) -> RowSlots | None:
    """How rows share ciphertexts, or None if each has one of its own.

    With k rows in a ciphertext there are k times fewer encryptions and bytes of rows, joint cells of
    columns are k times as many, and each candidate is decrypted by itself in place of being squeezed with
    others.

    Parameters
    ----------
    packing : "auto", "rows" or "none"
        "auto" takes what costs less.
    row : SlotLayout
        Of the numbers of a row, wide enough for the sums of all rows.
    trees : Trees
    key_bits : int
    bytes_per_second : float
        Of the network; by default a gigabit a second.

    Returns
    -------
    RowSlots or None

    Raises
    ------
    ConfigurationError
        If there is no such packing, or "rows" does not fit the key.

    Examples
    --------
    >>> from pyfate_gpu import SlotLayout
    >>> from pyfate_gpu.he.array.row_packing import Trees, choose_packing
    >>> row = SlotLayout(width=45, count=2)
    >>> choose_packing("auto", row, Trees(1_000_000, 310, 4), key_bits=2048).count
    7
    >>> choose_packing("auto", row, Trees(1_000, 310, 4), key_bits=2048) is None
    True
    """
    if packing not in PACKINGS:
        raise ConfigurationError(f"packing is {packing!r}; it must be one of {', '.join(PACKINGS)}")
    if packing == "none":
        return None
    try:
        slots = RowSlots.fit(row, key_bits)
    except BoundError as error:
        if packing == "rows":
            raise ConfigurationError(f"packing='rows' does not fit the key: {error}") from None
        return None
    if packing == "rows":
        return slots
    alone = cost_of_rows(None, row, trees, key_bits, bytes_per_second)
    return slots if cost_of_rows(slots, row, trees, key_bits, bytes_per_second) < alone else None


def cost_of_rows(
    slots: RowSlots | None,
    row: SlotLayout,
    trees: Trees,
    key_bits: int,
    bytes_per_second: float = 125e6,
) -> float:
    """Work and bytes of a round, in multiplications of ciphertexts.

    Of additions of rows, those of a root whose columns are summed in pairs.
    """
    scale = key_bits / KEY_BITS
    sums = trees.candidates * trees.nodes
    if slots is None:
        encrypted, returned = trees.rows, sums * row.bits / (key_bits - 2)
        each = row.bits * SQUARE + 1
    else:
        encrypted, returned = -(-trees.rows // slots.count), sums
        # Every sum is taken once a position; then the positions are put together.
        each = (slots.count - 1) * (slots.layout.width * SQUARE + 2)
    work = encrypted * ENCRYPT * scale + sums * each + returned * (BLIND + DECRYPT) * scale
    work += _additions(trees, 1 if slots is None else slots.count)
    # A multiplication takes the square of the bits.
    per_second = MULTIPLICATIONS_PER_SECOND / scale**2
    return work + (encrypted + returned) * key_bits / 4 * per_second / bytes_per_second


def _additions(trees: Trees, positions: int) -> float:
    """Additions of rows into the bins of the root."""
    columns = trees.columns
    if columns is None:
        columns = -(-trees.candidates // (BINS - 1))
    if not columns:
        return 0.0
    return additions_of_pairs(columns, trees.candidates / columns + 1, trees.rows, positions)


def additions_of_pairs(columns: int, bins: float, rows: float, positions: int) -> float:
    """Additions of rows into bins, of columns in pairs that know nothing of each other: one a row, two a joint cell.

    Examples
    --------
    >>> from pyfate_gpu.he.array.row_packing import additions_of_pairs
    >>> additions_of_pairs(300, 32, 100_000, 1), additions_of_pairs(300, 32, 1_000, 1)
    (15307200, 300000)
    """
    pairs = min(2 * rows, rows + 2 * positions * bins**2)
    return columns // 2 * pairs + columns % 2 * rows
