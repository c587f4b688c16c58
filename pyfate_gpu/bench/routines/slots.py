# SPDX-License-Identifier: Apache-2.0
"""Several numbers in one ciphertext: packing, encryption, squeezing, and gradients of rows in slots.

Layouts follow the key: wide slots with 2048 bits and more, narrow or fewer ones with the short keys of tests.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu import IntegerEncoder, SlotLayout
from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.routines.matrix import INTEGER_BITS, features
from pyfate_gpu.bench.work import Work
from pyfate_gpu.bench.world import Integers, World
from pyfate_gpu.encoding import decode_residues
from pyfate_gpu.encoding.packing import pack

SLOTS = 16
SQUEEZED_BITS = 100
RESIDUAL_BITS = 24
MOST_ROWS = 8  # in a ciphertext: their 15 coefficients leave room for masks with 2048 bits


def numbers(world: World, size: Size) -> tuple[SlotLayout, Integers]:
    """A layout of 16 slots that fill the key, and numbers for them."""
    layout = SlotLayout((world.public_key.key_bits - 2) // SLOTS, SLOTS)
    return layout, world.integers(size.rows, SLOTS, bits=min(53, layout.width - 2))


def encrypt(world: World, size: Size) -> Job:
    layout, values = numbers(world, size)
    encoder = IntegerEncoder(layout.bound)
    return Job(
        lambda: world.public_key.encrypt(values, encoder, slots=layout),
        size.rows,
        lambda c: np.array_equal(world.private_key.decrypt(c), values),
    )


def pack_and_unpack(world: World, size: Size) -> Job:
    layout, values = numbers(world, size)
    values[:, -1] = np.abs(values[:, -1]) + 1  # the top slot has the sign of the plaintext
    words, n = integers_to_words(values), world.public_key.n
    width = world.public_key.numbers.words

    def both() -> Any:
        packed = pack(words, layout)
        # Plaintexts that are not negative are their own residues.
        residues = np.zeros((len(packed), width), dtype=np.uint64)
        residues[:, : packed.shape[1]] = packed.view(np.uint64)[:, :width]
        return decode_residues(residues, n, 0, "i", layout.bound, layout)

    return Job(both, size.rows, lambda decoded: np.array_equal(decoded, values))


def squeeze(world: World, size: Size) -> Job:
    layout = squeezed_layout(world.public_key.key_bits)
    values = world.integers(size.rows)
    c, expected = world.ciphertexts(values), layout.group(values)
    return Job(
        lambda: c.squeeze(layout),
        size.rows,
        lambda squeezed: np.array_equal(world.private_key.decrypt(squeezed), expected),
    )


def squeezed_layout(key_bits: int) -> SlotLayout:
    """As many slots of 100 bits as there is room for."""
    return SlotLayout(SQUEEZED_BITS, (key_bits - 2) // SQUEEZED_BITS)


def gradient(world: World, size: Size) -> Job:
    x, d = features(size), world.integers(size.rows, bits=RESIDUAL_BITS)
    layout = rows_layout(world.public_key.key_bits, size)
    c = world.public_key.encrypt(layout.group(d), IntegerEncoder(1 << RESIDUAL_BITS), slots=layout)
    matrix = IntegerEncoder(1 << _bits(size)).encode(x.T)
    expected = (x.T.astype(object) @ d).tolist()
    return Job(
        lambda: c.rows_product(matrix),
        x.size,
        lambda result: (
            world.private_key.decrypt(result)[:, layout.product.middle].tolist() == expected
        ),
    )


def rows_layout(key_bits: int, size: Size) -> SlotLayout:
    """As many rows in a ciphertext as their coefficients leave room for, at most 8."""
    needed = RESIDUAL_BITS + _bits(size) + size.rows.bit_length() + 1
    count = max(1, min(MOST_ROWS, ((key_bits - 2) // needed + 1) // 2))
    return SlotLayout((key_bits - 2) // (2 * count - 1), count)


def _bits(size: Size) -> int:
    return size.fraction_bits + INTEGER_BITS


def _encryption_work(work: Work, size: Size) -> float:
    return work.blind + work.add_plain


def _squeeze_work(work: Work, size: Size) -> float:
    count = squeezed_layout(work.key_bits).count
    return (count - 1) / count * (SQUEEZED_BITS * work.square + work.multiply)


def _gradient_work(work: Work, size: Size) -> float:
    layout = rows_layout(work.key_bits, size)
    outputs, groups = size.features * layout.count, layout.groups(size.rows)
    horner = size.features * (layout.count - 1) * (layout.width * work.square + work.multiply)
    whole = work.matrix(outputs, groups, _bits(size)) + horner
    return whole / (size.rows * size.features)


ENCRYPT = Routine(
    f"encrypt {SLOTS} slots a ciphertext", "encryptions", encrypt, 1024, work=_encryption_work
)
PACK = Routine(f"pack and unpack {SLOTS} slots", "plaintexts", pack_and_unpack, 4096)
SQUEEZE = Routine(
    f"squeeze into slots of {SQUEEZED_BITS} bits", "values", squeeze, 2000, work=_squeeze_work
)
ROWS = Routine(
    "X^T [[d]], rows as slots, {rows} x {features}, {fraction_bits} fraction bits", "entries",
    gradient, 20_000, work=_gradient_work, features=(20,), fraction_bits=(24,),
)  # fmt: skip
