# SPDX-License-Identifier: Apache-2.0
"""Several ciphertexts of packed numbers into one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import BoundError, EncodingError, ShapeError
from pyfate_gpu.integrations.fate2.packing import Packing
from pyfate_gpu.integrations.fate2.vectors import CiphertextVector, cat
from pyfate_gpu.integrations.slots import Slots

if TYPE_CHECKING:
    from pyfate_gpu.integrations.fate2.keys import PK


def squeeze(
    vectors: Sequence[CiphertextVector], pack_num: int, shift_bit: int, pk: PK
) -> list[CiphertextVector]:
    """`evaluator.pack_squeeze` of several vectors at once: a few groups alone leave lanes empty."""
    pack_num = as_integer(pack_num, "pack_num", ShapeError)
    shift_bit = as_integer(shift_bit, "shift_bit", ShapeError)
    key = pk.key
    if pack_num < 1 or pack_num * shift_bit > key.key_bits - 2:
        raise BoundError(
            f"{pack_num} numbers of {shift_bit} bits do not go into a plaintext of {key.key_bits - 2} bits: "
            f"squeeze fewer together"
        )
    joined = cat(vectors)
    if joined.array is None:
        return [CiphertextVector(size=-(-len(vector) // pack_num)) for vector in vectors]
    packing = _packing_to_squeeze(joined, shift_bit)
    array = joined.array
    packing.slots.check(array.bound)
    after = packing.squeezed(pack_num, key.key_bits)
    together = after.slots.count // packing.slots.count
    numbers, ends = _numbers_of_groups([len(vector) for vector in vectors], together)
    engine = array._engine
    # Places of a last group that is shorter take an encryption of 0, behind the last row.
    zero = engine.segment_sum(array._rows, numbers[:0, 0], np.zeros(2, dtype=np.int64))
    rows = engine.concatenate([array._rows, zero])
    bound = after.slots.bound_of(packing.slots.slot_bound(array.bound))
    packed = array._replace(
        engine.horner(rows, numbers, packing.slots.bits), (len(numbers),), bound=bound
    )
    return [
        CiphertextVector(packed[start:end], packing=after)
        for start, end in itertools.pairwise(ends)
    ]


def _numbers_of_groups(
    lengths: Sequence[int], together: int
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Elements of each group of neighbours within vectors, the last first, as it lies lowest.

    Returns
    -------
    numbers : int64 [groups, together]
        Of elements of all vectors one after the other; of the one behind them where a group has none.
    ends : list of int
        Where the groups of each vector begin, and of the last end.
    """
    total, parts, first = sum(lengths), [], 0
    for length in lengths:
        starts = np.arange(0, length, together, dtype=np.int64)[:, None]
        numbers = np.minimum(starts + together, length) - 1 - np.arange(together)
        parts.append(np.where(numbers < starts, total, numbers + first))
        first += length
    return np.concatenate(parts), np.cumsum([0, *map(len, parts)]).tolist()


def _packing_to_squeeze(a: CiphertextVector, shift_bit: int) -> Packing:
    """That of the numbers; unpacked integers count as one each, of `shift_bit` bits."""
    if a.array is not None and a.array.exponent:
        raise EncodingError(
            f"numbers at exponent {a.array.exponent} have fractions, or were multiplied; only packed "
            f"numbers and integers are squeezed"
        )
    if a.packing is not None:
        if a.packing.bits * a.packing.slots.count == shift_bit:
            return a.packing
        raise EncodingError(
            f"integers of {a.packing.slots.count} numbers of {a.packing.bits} bits cannot be squeezed by "
            f"{shift_bit} bits; pass shift_bit={a.packing.slots.count * a.packing.bits}"
        )
    bits = 0 if a.array is None else a.array.bound.bit_length()
    packing = Packing.of(shift_bit, 1)
    if bits < packing.slots.width:
        return packing
    return Packing(packing.bits, Slots(bits + 1, 1))
