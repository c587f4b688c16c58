# SPDX-License-Identifier: Apache-2.0
"""ipcl-python 2.0, Intel's Paillier library: AVX-512 IFMA for powers, Python objects for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pyfate_gpu.bench.peers.base import Ciphertexts, Peer
from pyfate_gpu.bench.world import Integers, World


class Ipcl(Peer):
    """`PaillierEncryptedNumber` vectors under a key of its own, at most 2048 bits."""

    name = "ipcl"
    install = "ipcl-python 2.0.0: wheels for Python 3.8 only, elsewhere built from its sources"
    adopts = False
    offers: ClassVar[dict[str, str]] = {
        "add": "PaillierEncryptedNumber +",
        "add_plain": "PaillierEncryptedNumber + list",
        "encrypt": "DJN, exponent of n/2 bits, no table, AVX-512 IFMA where it is",
        "decrypt": "CRT",
        "scale": "PaillierEncryptedNumber * list",
        "sum": "sum",
        "matvec": "dot for each column",
        "keypair": "generate_keypair, DJN",
    }

    def __init__(self, world: World) -> None:
        from ipcl_python import PaillierKeypair

        self._generate = PaillierKeypair.generate_keypair
        self._public, self._private = self._generate(world.public_key.key_bits, True)

    def pool(self, plain: Sequence[int]) -> Ciphertexts:
        return self._public.encrypt(list(plain))

    def take(self, c: Ciphertexts, positions: Sequence[int]) -> Ciphertexts:
        return c if isinstance(c, list) else [c[position] for position in positions]

    def encrypt(self, plain: Any) -> Ciphertexts:
        return self._public.encrypt(plain)

    def decrypt(self, c: Ciphertexts) -> list[int]:
        parts = c if isinstance(c, list) else [c]
        found = [self._private.decrypt(part) for part in parts]
        return [int(m) for part in found for m in (part if isinstance(part, list) else [part])]

    def add(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        return a + b

    def add_plain(self, c: Ciphertexts, plain: Any) -> Ciphertexts:
        return c + plain

    def scale(self, c: Ciphertexts, scalars: Any) -> Ciphertexts:
        return c * scalars

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        return [c.sum()]

    def matrix(self, matrix: Integers) -> list[list[int]]:
        return [[int(value) for value in column] for column in matrix.T]

    def matvec(self, matrix: Any, c: Ciphertexts) -> Ciphertexts:
        return [c.dot(column) for column in matrix]

    def keypair(self, key_bits: int) -> Any:
        return self._generate(key_bits, True)
