# SPDX-License-Identifier: Apache-2.0
"""The emulated device, seen as integers: what tests hand in and get back are Python ints."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

POWERS_OF_R = 5


def aligned(words: int) -> np.ndarray:
    """Zeroed 32-bit words on a 64-byte boundary, as device memory would be."""
    raw = np.zeros(4 * words + 64, dtype=np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + 4 * words].view(np.uint32)


def address(array: np.ndarray | None) -> int:
    return 0 if array is None else int(array.ctypes.data)


class RingOnHost:
    """Numbers modulo n^2 as rows of limbs of the module's width, in host memory."""

    def __init__(self, module: ModuleType, limbs: int, n: int) -> None:
        self.module, self.limbs, self.n = module, limbs, n
        self.bits = module.limb_bits
        self.r = 1 << (self.bits * limbs)
        self.constants = self.limbs_of([n], limbs)
        powers = [pow(self.r, i, n * n) for i in range(1, POWERS_OF_R + 1)]
        halves = [half for power in powers for half in (power % n, power // n)]
        self.constants = self.limbs_of([n, *halves], limbs)
        negative_inverse = -pow(n, -1, 1 << self.bits) % (1 << self.bits)
        self.ring = module.Ring(limbs, address(self.constants), negative_inverse)

    def limbs_of(self, values: Sequence[int], limbs: int) -> np.ndarray:
        """Integers (two's complement if negative) as rows of limbs, one limb a 32-bit word."""
        mask = (1 << self.bits) - 1
        out = aligned(len(values) * limbs)
        for i, value in enumerate(values):
            for j in range(limbs):
                out[i * limbs + j] = (value >> (self.bits * j)) & mask
        return out

    def ints_of(self, words: np.ndarray, limbs: int) -> list[int]:
        rows = words.reshape(-1, limbs)
        return [sum(int(w) << (self.bits * j) for j, w in enumerate(row)) for row in rows]

    def raw(self, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Numbers given by their halves, any value below R: the kernels' own form."""
        return self.limbs_of([half for pair in pairs for half in pair], self.limbs)

    def rows(self, values: Sequence[int]) -> np.ndarray:
        """Canonical integers in Montgomery form."""
        forms = [value * self.r % (self.n * self.n) for value in values]
        return self.raw([(form % self.n, form // self.n) for form in forms])

    def values(self, rows: np.ndarray) -> list[int]:
        """Canonical integers of rows in Montgomery form; halves must be below R, no more."""
        halves = self.ints_of(rows, self.limbs)
        square = self.n * self.n
        inverse = pow(self.r, -1, square)
        return [
            (halves[2 * i] + halves[2 * i + 1] * self.n) * inverse % square
            for i in range(len(halves) // 2)
        ]

    def new_rows(self, rows: int) -> np.ndarray:
        return aligned(rows * 2 * self.limbs)

    def call(self, verb: str, *arguments: Any) -> None:
        """Call a kernel of the ring on stream 0; arrays become their addresses."""
        getattr(self.ring, verb)(
            *(
                address(a) if isinstance(a, np.ndarray) or a is None else a  #
                for a in arguments
            ),
            0,
        )


def indices(values: Sequence[int]) -> np.ndarray:
    return np.ascontiguousarray(values, dtype=np.int64)


assert ctypes.sizeof(ctypes.c_void_p) == 8
