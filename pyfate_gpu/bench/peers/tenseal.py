# SPDX-License-Identifier: Apache-2.0
"""TenSEAL: CKKS, an approximate scheme that packs thousands of numbers in a ciphertext. Not Paillier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pyfate_gpu.bench.peers.base import Ciphertexts, Peer
from pyfate_gpu.bench.world import Integers, World

UNIT = 2.0**53  # encoded as 1: the numbers of CKKS stay near that
DEGREE = 8192
SLOTS = DEGREE // 2
PRIMES = (60, 40, 40, 60)  # 200 bits of modulus, within 128-bit security for this degree


@dataclass(frozen=True)
class Packed:
    """Plaintexts over `unit`, SLOTS of them a vector."""

    vectors: list[Any]
    unit: float = UNIT


class Tenseal(Peer):
    """Vectors of 4096 slots under a key of its own, whatever the length of ours; rates are per slot."""

    name = "tenseal"
    install = "pip install tenseal"
    scheme = "CKKS, approximate"
    adopts = False
    batch = SLOTS
    error = 1e-4
    offers: ClassVar[dict[str, str]] = {
        "add": "CKKS, N = 8192: slots added",
        "subtract": "CKKS: slots subtracted",
        "encrypt": "CKKS: 4096 numbers a ciphertext, scale 2^40",
        "decrypt": "CKKS: 4096 numbers a ciphertext",
        "scale": "CKKS: slots multiplied by plain ones, rescaled",
        "matvec": "CKKS: dot for each column (product and rotations)",
    }

    def __init__(self, world: World) -> None:
        import tenseal

        self._module = tenseal
        self._context = tenseal.context(
            tenseal.SCHEME_TYPE.CKKS, DEGREE, coeff_mod_bit_sizes=PRIMES, n_threads=1
        )
        self._context.global_scale = 2**40
        self._context.generate_galois_keys()

    def plain(self, values: Sequence[int]) -> list[list[float]]:
        scaled = [value / UNIT for value in values]
        return [scaled[start : start + SLOTS] for start in range(0, len(scaled), SLOTS)]

    def pool(self, plain: Sequence[int]) -> Packed:
        return self.encrypt(self.plain(plain))

    def matrix(self, matrix: Integers) -> tuple[list[list[float]], float]:
        unit = float(abs(matrix).max())
        return [(column / unit).tolist() for column in matrix.T], unit

    def take(self, c: Ciphertexts, positions: Sequence[int]) -> Ciphertexts:
        everything = self.decrypt(c)
        return [everything[position] for position in positions]

    def encrypt(self, plain: Any) -> Packed:
        return Packed([self._module.ckks_vector(self._context, part) for part in plain])

    def decrypt(self, c: Ciphertexts) -> list[float]:
        if not isinstance(c, Packed):
            return list(c)  # what `take` decrypted already
        return [value * c.unit for vector in c.vectors for value in vector.decrypt()]

    def add(self, a: Packed, b: Packed) -> Packed:
        return Packed([x + y for x, y in zip(a.vectors, b.vectors, strict=True)])

    def subtract(self, a: Packed, b: Packed) -> Packed:
        return Packed([x - y for x, y in zip(a.vectors, b.vectors, strict=True)])

    def scale(self, c: Packed, scalars: Any) -> Packed:
        return Packed([x * y for x, y in zip(c.vectors, scalars, strict=True)], UNIT * UNIT)

    def matvec(self, matrix: Any, c: Packed) -> Packed:
        columns, unit = matrix
        (vector,) = c.vectors
        return Packed([vector.dot(column) for column in columns], UNIT * unit)
