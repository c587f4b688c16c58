# SPDX-License-Identifier: Apache-2.0
"""pypaillier 0.8: Rust over GMP, lists of blobs in and out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pyfate_gpu.bench.peers.base import Ciphertexts, Peer
from pyfate_gpu.bench.world import Integers, World

POOL = 64


class Pypaillier(Peer):
    """Blobs under a key of its own, at least 2048 bits."""

    name = "pypaillier"
    install = "pip install pypaillier==0.8.0"
    adopts = False
    offers: ClassVar[dict[str, str]] = {
        "encrypt": "DJN, exponent of n/2 bits, fixed-base table of 4-bit windows, constant time",
        "reblind": "DJN, the same table",
        "decrypt": "CRT, constant time",
        "scale": "multiply_integers_public",
        "sum": "add_many",
        "segment_sum": "add_blocks",
        "matvec": "multiply_integers_public and add_many for each column",
    }

    def __init__(self, world: World) -> None:
        import paillier

        self._module = paillier
        self._public, self._private = paillier.generate_keypair(world.public_key.key_bits)
        self._ones = self.encrypt([1] * POOL)

    def pool(self, plain: Sequence[int]) -> Ciphertexts:
        ones = [self._ones[position % POOL] for position in range(len(plain))]
        return self.scale(ones, list(plain))

    def encrypt(self, plain: Any) -> Ciphertexts:
        return [bytes(c) for c in self._module.encrypt_integers(self._public, plain)]

    def decrypt(self, c: Ciphertexts) -> list[int]:
        return [int(m) for m, _ in self._module.decrypt_exact_many(self._private, c)]

    def reblind(self, c: Ciphertexts) -> Ciphertexts:
        return self._module.rerandomize(self._public, c)

    def scale(self, c: Ciphertexts, scalars: Any) -> Ciphertexts:
        return [bytes(x) for x in self._module.multiply_integers_public(self._public, c, scalars)]

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        return [bytes(self._module.add_many(self._public, c))]

    def segment_sum(self, c: Ciphertexts, index: Sequence[int], segments: int) -> Ciphertexts:
        blocks: list[list[int]] = [[] for _ in range(segments)]
        for row, segment in enumerate(index):
            blocks[segment].append(row)
        return [bytes(x) for x in self._module.add_blocks(self._public, c, blocks)]

    def matrix(self, matrix: Integers) -> list[list[int]]:
        return [[int(value) for value in column] for column in matrix.T]

    def matvec(self, matrix: Any, c: Ciphertexts) -> Ciphertexts:
        return [self.sum(self.scale(c, column))[0] for column in matrix]

    def keypair(self, key_bits: int) -> Any:
        return self._module.generate_keypair(key_bits)
