# SPDX-License-Identifier: Apache-2.0
"""Sums of slots that somebody chooses without being able to read them (docs/algorithms/blinded-prediction.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding import SlotLayout
from pyfate_gpu.errors import ShapeError, SlotMismatchError
from pyfate_gpu.he.array.bounds import check_layout, check_room

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def sum_chosen_slots(
    c: CiphertextArray,
    chosen: npt.NDArray[np.bool_],
    step: int,
    rows_of_each: int,
    layout: SlotLayout,
) -> CiphertextArray:
    """The sum of the chosen slots of each row, several rows in a ciphertext; in all other slots there is rubbish.

    The numbers of a row stand in slots ``step - 1, step - 2, ...`` of its ciphertexts. Number i is shifted by i
    slots, which brings all of them to slot ``step - 1``; row r of a result is shifted by ``r * step`` more.
    Rubbish of a row, products that nobody asked for, lies on both sides of its sum and over that of its
    neighbours, but on no sum. **It tells what was chosen: mask it before somebody decrypts the result.**

    Parameters
    ----------
    c : CiphertextArray [rows, units]
        With slots, `step` of them or more.
    chosen : bool [rows, units, numbers]
        Of at most `step` numbers.
    step : int
        Slots from one row of a result to the next.
    rows_of_each : int
        Rows that share a ciphertext of the result.
    layout : SlotLayout
        Of the result: wide enough for all of it, rubbish included.

    Returns
    -------
    CiphertextArray [ceil(rows / rows_of_each)]
        Row r in slot ``(r % rows_of_each) * step + step - 1`` of ciphertext ``r // rows_of_each``.

    Raises
    ------
    ShapeError
        If shapes do not fit.
    SlotMismatchError
        If there are no slots or fewer than `step`, or the result needs other slots than those of `layout`.
    BoundError
        If a sum could pass a slot, or the slots of the result the key.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import IntegerEncoder, SlotLayout, generate_keypair
    >>> from pyfate_gpu.he.array.chosen_slots import sum_chosen_slots
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> layout = SlotLayout(width=40, count=2)
    >>> numbers = np.array([[[3, 4]], [[5, 6]]])  # of two rows, the last one of each first
    >>> c = public.encrypt(numbers[:, :, ::-1], IntegerEncoder(bound=9), slots=layout)
    >>> chosen = np.array([[[True, True]], [[False, True]]])
    >>> found = sum_chosen_slots(c, chosen, step=2, rows_of_each=2, layout=SlotLayout(width=40, count=5))
    >>> private.decrypt(found)[:, 1:4:2].tolist()
    [[7, 6]]
    """
    if c.slots is None or c.slots.count < step:
        raise SlotMismatchError(
            f"the ciphertexts have the slots {c.slots}; it takes {step} or more"
        )
    if c.ndim != 2 or chosen.ndim != 3 or chosen.shape[:2] != c.shape or chosen.shape[2] > step:
        raise ShapeError(
            f"choices of shape {chosen.shape} for ciphertexts of shape {c.shape}; they must have the same two "
            f"axes and one of at most {step} numbers"
        )
    rows, units, numbers = chosen.shape
    # One row alone needs no place for numbers that it has not.
    span = step if rows_of_each > 1 else max(1, numbers)
    overlaps = -(-c.slots.count // step) if rows_of_each > 1 else 1
    needed = step * (rows_of_each - 1) + max(1, numbers) - 1 + c.slots.count
    if layout.width != c.slots.width or layout.count < needed:
        raise SlotMismatchError(
            f"the result is {needed} slots of {c.slots.width} bits, not {layout}"
        )
    check_layout(layout, c.public_key)
    bound = c.bound * max(1, units * numbers) * overlaps
    check_room(bound, c.public_key, f"a sum of {units * numbers} chosen numbers", layout)
    groups = -(-rows // rows_of_each)
    row, unit, number = np.nonzero(chosen)
    place = row * span + number
    order = np.argsort(place, kind="stable")
    lengths = np.bincount(place, minlength=groups * rows_of_each * span)
    sums = c._engine.segment_sum(
        c._rows,
        np.ascontiguousarray((row * units + unit)[order]),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
    )
    places = np.arange(len(lengths), dtype=np.int64).reshape(groups, -1)
    result = c._engine.horner(sums, places, layout.width)
    return c._replace(result, (groups,), bound=bound, slots=layout)
