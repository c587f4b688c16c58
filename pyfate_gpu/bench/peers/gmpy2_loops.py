# SPDX-License-Identifier: Apache-2.0
"""Textbook Paillier as Python loops over GMP: what careful code without a library reaches."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import ClassVar

import gmpy2
from gmpy2 import invert, mpz, powmod

from pyfate_gpu.bench.peers.base import Ciphertexts, Peer
from pyfate_gpu.bench.peers.tree_tasks import TreeTask, tree_sums
from pyfate_gpu.bench.world import Integers, World


class Gmpy2Loops(Peer):
    """Bare integers mod n^2; one multiplication, power or inversion an operation, nothing batched."""

    name = "gmpy2"
    install = "pip install gmpy2"
    offers: ClassVar[dict[str, str]] = {
        "add": "a*b % n2",
        "subtract": "a * invert(b) % n2",
        "add_plain": "c * (1 + n*m) % n2",
        "encrypt": "r^n, full exponent",
        "reblind": "r^n, full exponent",
        "decrypt": "CRT",
        "scale": "powmod, inversion if negative",
        "matvec": "powmod per entry, one inversion per row",
        "sum": "a*b % n2",
        "segment_sum": "a*b % n2",
        "wire": "to_binary, from_binary",
        "keypair": "next_prime of random numbers",
        "boosted_trees": "the same operations: each row encrypted, bins by addition, each bin decrypted",
    }

    def __init__(self, world: World) -> None:
        self._n = mpz(world.public_key.n)
        self._n2 = self._n**2
        p, q = (mpz(factor) for factor in world.factors)
        self._p, self._q, self._p2, self._q2 = p, q, p * p, q * q
        n = self._n
        self._hp = invert((powmod(n + 1, p - 1, self._p2) - 1) // p, p)
        self._hq = invert((powmod(n + 1, q - 1, self._q2) - 1) // q, q)
        self._p_inverse = invert(p, q)

    def load(self, numbers: Sequence[int]) -> Ciphertexts:
        return [mpz(c) for c in numbers]

    def encrypt(self, plain: Sequence[int]) -> Ciphertexts:
        return [(1 + self._n * m) * self._blinding() % self._n2 for m in plain]

    def reblind(self, c: Ciphertexts) -> Ciphertexts:
        return [x * self._blinding() % self._n2 for x in c]

    def decrypt(self, c: Ciphertexts) -> list[int]:
        p, q, n = self._p, self._q, self._n
        plain = []
        for x in c:
            mp = (powmod(x, p - 1, self._p2) - 1) // p * self._hp % p
            mq = (powmod(x, q - 1, self._q2) - 1) // q * self._hq % q
            m = mp + p * ((mq - mp) * self._p_inverse % q)
            plain.append(int(m - n if m > n // 2 else m))
        return plain

    def add(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        n2 = self._n2
        return [x * y % n2 for x, y in zip(a, b, strict=True)]

    def subtract(self, a: Ciphertexts, b: Ciphertexts) -> Ciphertexts:
        n2 = self._n2
        return [x * invert(y, n2) % n2 for x, y in zip(a, b, strict=True)]

    def add_plain(self, c: Ciphertexts, plain: Sequence[int]) -> Ciphertexts:
        n, n2 = self._n, self._n2
        return [x * (1 + n * m) % n2 for x, m in zip(c, plain, strict=True)]

    def scale(self, c: Ciphertexts, scalars: Sequence[int]) -> Ciphertexts:
        n2 = self._n2
        return [powmod(x, s, n2) for x, s in zip(c, scalars, strict=True)]

    def sum(self, c: Ciphertexts) -> Ciphertexts:
        n2, total = self._n2, mpz(1)
        for x in c:
            total = total * x % n2
        return [total]

    def segment_sum(self, c: Ciphertexts, index: Sequence[int], segments: int) -> Ciphertexts:
        n2, totals = self._n2, [mpz(1)] * segments
        for x, segment in zip(c, index, strict=True):
            totals[segment] = totals[segment] * x % n2
        return totals

    def matvec(self, matrix: Integers, c: Ciphertexts) -> Ciphertexts:
        """``matrix.T @ c``; the negative of a row is inverted once for all columns."""
        n2, inverses = self._n2, [invert(x, self._n2) for x in c]
        result = []
        for column in matrix.T.tolist():
            total = mpz(1)
            for x, y, s in zip(c, inverses, column, strict=True):
                total = total * (powmod(x, s, n2) if s >= 0 else powmod(y, -s, n2)) % n2
            result.append(total)
        return result

    def wire(self, c: Ciphertexts) -> Ciphertexts:
        return [gmpy2.from_binary(data) for data in [gmpy2.to_binary(x) for x in c]]

    def keypair(self, key_bits: int) -> tuple[mpz, mpz]:
        half = key_bits // 2
        top = 3 << half - 2  # the product of two such primes has all its bits
        p, q = (gmpy2.next_prime(mpz(secrets.randbits(half - 2) | top)) for _ in range(2))
        return p, q

    def boosted_trees(self, task: TreeTask) -> list[int]:
        return tree_sums(self, task)

    def _blinding(self) -> mpz:
        return powmod(mpz(secrets.randbelow(int(self._n) - 1) + 1), self._n, self._n2)
