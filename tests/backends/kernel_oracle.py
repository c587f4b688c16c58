# SPDX-License-Identifier: Apache-2.0
"""A key, its native contexts, and conversions between Python integers and arrays of words."""

from __future__ import annotations

import functools
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import ModuleType
from typing import NamedTuple

import gmpy2
import numpy as np
import numpy.typing as npt

import pyfate_gpu.backends._cpu as _cpu
from tests.backends.emulated_module import emulated_module

Words = npt.NDArray[np.uint64]
Integers = npt.NDArray[np.int64]


def to_bytes(value: int) -> bytes:
    """The little-endian bytes of a value >= 0."""
    return int(value).to_bytes((int(value).bit_length() + 7) // 8 or 1, "little")


def to_words(values: list[int], words: int) -> Words:
    """One row of `words` words for each value in [0, 2^(64 words))."""
    data = b"".join(int(value).to_bytes(8 * words, "little") for value in values)
    return np.frombuffer(data, dtype=np.uint64).reshape(len(values), words)


def to_signed(values: list[int], words: int) -> Integers:
    """One row of two's complement words for each value."""
    data = b"".join(int(value).to_bytes(8 * words, "little", signed=True) for value in values)
    return np.frombuffer(data, dtype=np.int64).reshape(len(values), words)


def from_words(rows: Words) -> list[int]:
    """The values of rows of words."""
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


ISAS = [*(name for name, usable, _ in _cpu.instruction_sets() if usable), "emulated"]


class Engine(NamedTuple):
    """An instruction set of the product, or the emulated one."""

    isa: str

    @property
    def module(self) -> ModuleType:
        return emulated_module() if self.isa == "emulated" else _cpu

    def public(self, n: int) -> _cpu.PublicContext:
        return self.module.PublicContext(to_bytes(n), self.isa)

    def private(self, p: int, q: int, *exponents: int) -> _cpu.PrivateContext:
        """A private key, by default with the exponents p - 1 and q - 1."""
        numbers = (p, q, *(exponents or (p - 1, q - 1)))
        return self.module.PrivateContext(*map(to_bytes, numbers), self.isa)


def _prime(bits: int, source: random.Random) -> int:
    while True:
        candidate = int(gmpy2.next_prime(source.getrandbits(bits) | 3 << (bits - 2)))
        if candidate.bit_length() == bits:
            return candidate


@dataclass
class Oracle:
    """n = p q of `bits` bits and everything a test compares with, by plain integer arithmetic."""

    bits: int
    engine: Engine
    source: random.Random = field(default_factory=lambda: random.Random(7))

    def __post_init__(self) -> None:
        while True:
            p, q = (_prime(self.bits // 2, self.source) for _ in range(2))
            if p != q and (p * q).bit_length() == self.bits:
                break
        self.p, self.q, self.n = p, q, p * q
        self.n_squared = self.n * self.n
        self.context = self.engine.public(self.n)
        self.words = self.context.words

    def owner(self) -> _cpu.PrivateContext:
        return self.engine.private(self.p, self.q)

    def below(self, limit: int) -> int:
        return self.source.randrange(limit)

    def ciphertexts(self, count: int) -> list[int]:
        """Units mod n^2: ends of the range, carries of all ones, then random ones."""
        n, square = self.n, self.n_squared
        ones = (1 << self.bits) - 1
        edges = [1, 2, n - 1, n + 1, square - 1, square - n - 1, square - n + 1, ones, ones - n]
        edges += [(ones << self.bits) % square, (ones * (1 + n)) % square, 1 << (self.bits - 1)]
        values = [edge % square for edge in edges if gmpy2.gcd(edge % square, n) == 1]
        values += [1 + self.below(square - 1) for _ in range(max(0, count - len(values)))]
        return values[:count]

    def enter(self, values: list[int], threads: int = 1) -> Words:
        return self.context.enter(to_words(values, 2 * self.words), threads)

    def leave(self, rows: Words, threads: int = 1) -> list[int]:
        return from_words(self.context.leave(rows, threads))

    def product(self, values: Iterable[int]) -> int:
        return functools.reduce(lambda x, y: x * y % self.n_squared, values, 1)

    def power(self, base: int, exponent: int) -> int:
        return int(gmpy2.powmod(base, exponent, self.n_squared))
