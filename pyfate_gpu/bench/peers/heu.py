# SPDX-License-Identifier: Apache-2.0
"""sf-heu, the engine of SecretFlow: NumPy-like arrays in C++; Paillier with a fixed base, and OU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pyfate_gpu.bench.peers.base import Ciphertexts, Peer
from pyfate_gpu.bench.world import Integers, World

POOL = 64
INSTALL = "pip install --pre sf-heu==0.6.0b0 (Python 3.8 to 3.11)"
OFFERS = {
    "add": "evaluator.add",
    "subtract": "evaluator.sub",
    "add_plain": "evaluator.add",
    "decrypt": "CRT",
    "scale": "evaluator.mul",
    "sum": "evaluator.sum",
    "matvec": "evaluator.matmul: a power for each entry",
    "wire": "serialize, load_from",
    "keypair": "setup",
}


class Heu(Peer):
    """Arrays under a key of its own; the schema ZPaillier."""

    name = "heu"
    install = INSTALL
    adopts = False
    schema: ClassVar[str] = "ZPaillier"
    offers: ClassVar[dict[str, str]] = OFFERS | {
        "encrypt": "DJN, exponent of n/2 bits, fixed-base table",
    }

    def __init__(self, world: World) -> None:
        import heu.numpy as arrays
        from heu import phe

        self._arrays, self._phe = arrays, phe
        self._schema = getattr(phe.SchemaType, self.schema)
        kit = arrays.setup(self._schema, world.public_key.key_bits)
        self._encryptor, self._decryptor = kit.encryptor(), kit.decryptor()
        self._evaluator = kit.evaluator()
        self._encoder = phe.BigintEncoder(self._schema)
        self._zeros = self.encrypt(self.plain([0] * POOL))

    def plain(self, values: Sequence[int]) -> Any:
        return self._arrays.array([int(value) for value in values], self._encoder)

    def pool(self, plain: Sequence[int]) -> Ciphertexts:
        zeros = self._zeros[[position % POOL for position in range(len(plain))]]
        return self._evaluator.add(zeros, self.plain(plain))

    def matrix(self, matrix: Integers) -> Any:
        return self._arrays.array(np.ascontiguousarray(matrix.T), self._encoder)

    def take(self, c: Ciphertexts, positions: Sequence[int]) -> Ciphertexts:
        return c[list(positions)] if isinstance(c, self._arrays.CiphertextArray) else c

    def encrypt(self, plain: Any) -> Ciphertexts:
        return self._encryptor.encrypt(plain)

    def decrypt(self, c: Ciphertexts) -> list[int]:
        found = self._decryptor.decrypt(c)
        if isinstance(found, self._arrays.PlaintextArray):
            return [int(m) for m in found.to_numpy(self._encoder).reshape(-1)]
        return [int(found)]

    def add(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        return self._evaluator.add(a, b)

    def subtract(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        return self._evaluator.sub(a, b)

    def add_plain(self, c: Ciphertexts, plain: Any) -> Ciphertexts:
        return self._evaluator.add(c, plain)

    def scale(self, c: Ciphertexts, scalars: Any) -> Ciphertexts:
        return self._evaluator.mul(c, scalars)

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        return self._evaluator.sum(c)

    def matvec(self, matrix: Any, c: Ciphertexts) -> Ciphertexts:
        return self._evaluator.matmul(matrix, c)

    def wire(self, c: Ciphertexts) -> Ciphertexts:
        return self._arrays.CiphertextArray.load_from(c.serialize())

    def keypair(self, key_bits: int) -> Any:
        return self._arrays.setup(self._schema, key_bits)


class HeuOu(Heu):
    """The schema OU: another assumption (factoring p^2 q) and short exponents, not Paillier."""

    name = "heu-ou"
    scheme = "Okamoto-Uchiyama"
    schema = "OU"
    offers: ClassVar[dict[str, str]] = OFFERS | {
        "encrypt": "Okamoto-Uchiyama, random exponent of 110 bits at 2048, fixed-base tables",
        "decrypt": "mod p^2, short exponent",
    }
