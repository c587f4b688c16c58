# SPDX-License-Identifier: Apache-2.0
"""Results into slots by Horner's rule (docs/algorithms/slots.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.encoding import SlotLayout
from pyfate_gpu.errors import ShapeError, SlotMismatchError
from pyfate_gpu.he.array.bounds import check_layout, check_room
from pyfate_gpu.he.array.selection import row_numbers

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def squeeze(c: CiphertextArray, layout: SlotLayout) -> CiphertextArray:
    """Neighbours along the last axis into one ciphertext; see `CiphertextArray.squeeze`."""
    check_layout(layout, c.public_key)
    each = _slots_of_each(c, layout)
    check_room(c.bound, c.public_key, "squeezing", layout)
    if c.ndim == 0:
        raise ShapeError("squeeze needs a last axis; this array is 0-dimensional: c.reshape(1)")
    steps = layout.count // each
    *front, length = c.shape
    groups = -(-length // steps)
    engine = c._engine
    # Spare slots take an encryption of 0, which lies behind the last row.
    zero = engine.segment_sum(c._rows, np.empty(0, dtype=np.int64), np.zeros(2, dtype=np.int64))
    numbers = np.full((*front, groups * steps), c.size, dtype=np.int64)
    numbers[..., :length] = row_numbers(c)
    rows = engine.concatenate([c._rows, zero])
    result = engine.horner(rows, numbers.reshape(-1, steps), layout.width * each)
    return c._replace(result, (*front, groups), slots=layout)


def _slots_of_each(c: CiphertextArray, layout: SlotLayout) -> int:
    """Slots that each ciphertext brings along; raises unless a multiple of them makes up the layout."""
    if c.slots is None:
        return 1
    if c.slots.width != layout.width or layout.count % c.slots.count:
        raise SlotMismatchError(
            f"ciphertexts with {c.slots} do not make up {layout}; their width must be the same, "
            f"and the count a multiple of {c.slots.count}"
        )
    return c.slots.count
