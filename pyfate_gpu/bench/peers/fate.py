# SPDX-License-Identifier: Apache-2.0
"""fate_utils 0.1, the Rust engine under FATE 2: vectors of its own ciphertexts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pyfate_gpu.bench.peers.base import Ciphertexts, Peer
from pyfate_gpu.bench.world import Integers, World

POOL = 64


class Fate(Peer):
    """`CiphertextVector` under a key of its own: it takes none over."""

    name = "fate"
    install = "pip install fate_utils (Python 3.8 to 3.10)"
    adopts = False
    error = 1e-12  # products pass 64 bits, so that only its decoder to float64 can tell them
    offers: ClassVar[dict[str, str]] = {
        "add": "CiphertextVector.add",
        "subtract": "CiphertextVector.sub",
        "add_plain": "encoded, encrypted without randomness, added: as FATE does",
        "encrypt": "r^n, full exponent (obfuscate=True)",
        "decrypt": "CRT",
        "scale": "CiphertextVector.mul",
        "sum": "intervals_sum_with_step",
        "segment_sum": "iupdate of a zero vector",
        "matvec": "rmatmul: a power for each entry",
        "keypair": "keygen",
    }

    def __init__(self, world: World) -> None:
        from fate_utils import paillier

        self._module = paillier
        self._private, self._public, self._coder = paillier.keygen(world.public_key.key_bits)
        self._zeros = self.encrypt(self.plain([0] * POOL))

    def plain(self, values: Sequence[int]) -> Any:
        return self._coder.encode_i64_vec(np.asarray(values, dtype=np.int64))

    def pool(self, plain: Sequence[int]) -> Ciphertexts:
        zeros = self._zeros.slice_indexes([position % POOL for position in range(len(plain))])
        return self.add_plain(zeros, self.plain(plain))

    def matrix(self, matrix: Integers) -> Any:
        return self._coder.encode_i64_vec(np.ascontiguousarray(matrix.T).reshape(-1)), matrix.shape

    def take(self, c: Ciphertexts, positions: Sequence[int]) -> Ciphertexts:
        return c.slice_indexes(list(positions))

    def encrypt(self, plain: Any) -> Ciphertexts:
        return self._public.encrypt_encoded(plain, True)

    def decrypt(self, c: Ciphertexts) -> list[float]:
        return [float(m) for m in self._coder.decode_f64_vec(self._private.decrypt_to_encoded(c))]

    def add(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        return a.add(self._public, b)

    def subtract(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        return a.sub(self._public, b)

    def add_plain(self, c: Ciphertexts, plain: Any) -> Ciphertexts:
        return c.add(self._public, self._public.encrypt_encoded(plain, False))

    def scale(self, c: Ciphertexts, scalars: Any) -> Ciphertexts:
        return c.mul(self._public, scalars)

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        return c.intervals_sum_with_step(self._public, [(0, len(c))], 1)

    def segment_sum(self, c: Ciphertexts, index: Sequence[int], segments: int) -> Ciphertexts:
        totals = self._module.CiphertextVector.zeros(segments)
        totals.iupdate(c, [[segment] for segment in index], 1, self._public)
        return totals

    def matvec(self, matrix: Any, c: Ciphertexts) -> Ciphertexts:
        entries, (rows, columns) = matrix
        return c.rmatmul(self._public, entries, [rows, 1], [columns, rows])

    def keypair(self, key_bits: int) -> Any:
        return self._module.keygen(key_bits)
