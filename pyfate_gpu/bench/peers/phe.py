# SPDX-License-Identifier: Apache-2.0
"""python-paillier 1.5, with gmpy2 underneath; loops over its EncryptedNumber as its documentation has them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any, ClassVar

from pyfate_gpu.bench.peers.base import Ciphertexts, Peer
from pyfate_gpu.bench.peers.tree_tasks import TreeTask, tree_sums
from pyfate_gpu.bench.world import Integers, World


class Phe(Peer):
    """EncryptedNumber objects of exponent 0."""

    name = "phe"
    install = "pip install phe"
    offers: ClassVar[dict[str, str]] = {
        "add": "EncryptedNumber + EncryptedNumber",
        "subtract": "EncryptedNumber - EncryptedNumber",
        "add_plain": "EncryptedNumber + int",
        "encrypt": "raw_encrypt: r^n, full exponent",
        "reblind": "obfuscate: r^n, full exponent",
        "decrypt": "CRT",
        "scale": "EncryptedNumber * int",
        "sum": "EncryptedNumber + EncryptedNumber",
        "segment_sum": "EncryptedNumber + EncryptedNumber",
        "matvec": "naive product and sum",
        "wire": "str, int",
        "keypair": "primes by gmpy2",
        "boosted_trees": "the same operations: each row encrypted, bins by addition, each bin decrypted",
    }

    def __init__(self, world: World) -> None:
        from phe import EncryptedNumber, paillier

        n = int(world.public_key.n)
        self._number = EncryptedNumber
        self._generate = paillier.generate_paillier_keypair
        self._public = paillier.PaillierPublicKey(n)
        self._private = paillier.PaillierPrivateKey(self._public, *map(int, world.factors))

    def load(self, numbers: Sequence[int]) -> Ciphertexts:
        return [self._number(self._public, int(c), 0) for c in numbers]

    def encrypt(self, plain: Sequence[int]) -> Ciphertexts:
        n = self._public.n
        return [self._number(self._public, self._public.raw_encrypt(m % n), 0) for m in plain]

    def reblind(self, c: Ciphertexts) -> Ciphertexts:
        for x in c:
            x.obfuscate()
        return c

    def decrypt(self, c: Ciphertexts) -> list[int]:
        return [int(self._private.decrypt(x)) for x in c]

    def add(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        return [x + y for x, y in zip(a, b, strict=True)]

    def subtract(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        return [x - y for x, y in zip(a, b, strict=True)]

    def add_plain(self, c: Ciphertexts, plain: Sequence[int]) -> Ciphertexts:
        return [x + m for x, m in zip(c, plain, strict=True)]

    def scale(self, c: Ciphertexts, scalars: Sequence[int]) -> Ciphertexts:
        return [x * s for x, s in zip(c, scalars, strict=True)]

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        return [reduce(add, c)]

    def segment_sum(self, c: Ciphertexts, index: Sequence[int], segments: int) -> Ciphertexts:
        totals: list[Any] = [self.load([1])[0]] * segments
        for x, segment in zip(c, index, strict=True):
            totals[segment] = totals[segment] + x
        return totals

    def matvec(self, matrix: Integers, c: Ciphertexts) -> Ciphertexts:
        columns = matrix.T.tolist()
        return [reduce(add, [x * s for x, s in zip(c, column, strict=True)]) for column in columns]

    def wire(self, c: Ciphertexts) -> Ciphertexts:
        return self.load([int(text) for text in [str(x.ciphertext(be_secure=False)) for x in c]])

    def keypair(self, key_bits: int) -> Any:
        return self._generate(n_length=key_bits)

    def boosted_trees(self, task: TreeTask) -> list[int]:
        return tree_sums(self, task)
