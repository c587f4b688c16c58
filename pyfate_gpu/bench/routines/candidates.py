# SPDX-License-Identifier: Apache-2.0
"""One side of every split of binned columns: the host's part of boosted trees."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu import IntegerEncoder, SlotLayout
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.routines.reduction import BINS
from pyfate_gpu.bench.work import Work
from pyfate_gpu.bench.world import Integers, World
from pyfate_gpu.encoding.row_slots import RowSlots
from pyfate_gpu.he.array.candidates import Candidates

GRADIENT_BITS = 24


def table(size: Size) -> Candidates:
    """Columns that know nothing of each other, the worst there are for joint cells."""
    generator = np.random.default_rng(4)
    codes = generator.integers(0, BINS, (size.rows, size.features)).astype(np.int16)
    return Candidates(codes, [BINS] * size.features, [False] * size.features)


def by_row(world: World, size: Size) -> Job:
    candidates, values = table(size), gradients(world, size)
    layout = SlotLayout(bits_of(size), 2)
    c = world.public_key.encrypt(values, IntegerEncoder(1 << GRADIENT_BITS), slots=layout)
    every = np.arange(size.rows)
    return Job(
        lambda: candidates.sums(c, every),
        size.rows * size.features,
        lambda sums: right(candidates, values, world.private_key.decrypt(sums)),
    )


def by_group(world: World, size: Size) -> Job:
    candidates, values = table(size), gradients(world, size)
    slots = RowSlots.fit(SlotLayout(bits_of(size), 2), world.public_key.key_bits)
    plain = slots.join(values, 1 << GRADIENT_BITS)
    c = world.public_key.encrypt(plain, slots=slots.layout)

    def check(sums: Any) -> bool:
        middle = world.private_key.decrypt(sums)[0][:, sums.slots.middle]
        return right(candidates, values, slots.split(middle))

    every = [np.arange(size.rows)]
    return Job(lambda: candidates.packed_sums(c, every), size.rows * size.features, check)


def gradients(world: World, size: Size) -> Integers:
    return world.integers(size.rows, 2, bits=GRADIENT_BITS)


def bits_of(size: Size) -> int:
    """Of a slot that holds the sum of all rows."""
    return GRADIENT_BITS + size.rows.bit_length() + 1


def right(candidates: Candidates, values: Integers, sums: Any) -> bool:
    """Whether sums are those of the rows on the side that each candidate says."""
    for number in range(candidates.size):
        side = candidates.left(number) ^ candidates.complement[number]
        if sums[number].tolist() != values[side].sum(axis=0).tolist():
            return False
    return True


def _work_by_row(work: Work, size: Size) -> float:
    return work.multiply * table(size).additions(np.arange(size.rows)) / (size.rows * size.features)


def _work_by_group(work: Work, size: Size) -> float:
    slots = RowSlots.fit(SlotLayout(bits_of(size), 2), work.key_bits)
    candidates = table(size)
    additions = candidates.additions(np.arange(size.rows), slots.count)
    each = (slots.count - 1) * (slots.layout.width * work.square + work.multiply)
    whole = additions * work.multiply + candidates.size * each
    return whole / (size.rows * size.features)


SUMS = Routine(
    f"splits of {{features}} columns of {BINS} bins, {{rows}} rows", "entries", by_row, 8192,
    work=_work_by_row, features=(10,),
)  # fmt: skip
PACKED = Routine(
    f"splits of {{features}} columns of {BINS} bins, rows as slots, {{rows}} rows", "entries", by_group,
    8192, work=_work_by_group, features=(10,),
)  # fmt: skip
