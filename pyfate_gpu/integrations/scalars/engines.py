# SPDX-License-Identifier: Apache-2.0
"""What the keys compute with: batches on the chosen engine, or on the reference one for the shortest keys."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import gmpy2
import numpy as np

from pyfate_gpu.backends import private_engine
from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.engines import Choices, PrivateEngine, PublicEngine, choices_of
from pyfate_gpu.backends.matrices import CsrMatrix, Index
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers
from pyfate_gpu.backends.reference.engine import ReferenceBackend
from pyfate_gpu.backends.words import integers_to_words, unsigned_to_integers, unsigned_to_words
from pyfate_gpu.he.scheme.paillier.checks import MIN_KEY_BITS
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey

CHUNK = 1 << 14
"""Numbers computed at a time: a long list needs little memory beside its result."""
FEW_POWERS = 16
"""Below this the way into the engine and out costs more than it saves."""


class KeyEngine(Protocol):
    """Batches of operations on integers; ciphertexts are gmpy2's."""

    n_squared: Any
    largest_batch: int

    def encrypt(self, plain: Sequence[int]) -> list[Any]:
        """Fresh encryptions (mpz) of integers ``|m| < n``."""
        ...

    def decrypt(self, p: int, q: int, ciphertexts: Sequence[int]) -> list[int]:
        """Plaintexts in [0, n) of integers in [0, n^2)."""
        ...

    def powers(
        self, values: Sequence[Any], indices: Index, factors: Sequence[int], offsets: Index
    ) -> list[Any]:
        """Row s is the product of ``values[indices[t]] ** factors[t]``, t from offsets[s] on."""
        ...


def key_engine(n: int, h: int | None) -> KeyEngine:
    """The engine for a key of any size."""
    if n.bit_length() < MIN_KEY_BITS:
        return BatchedEngine(ShortKey(n))
    return BatchedEngine(PublicKey(n, h, allow_insecure_key_size=True))


class ShortKey:
    """A modulus below 256 bits: python-paillier takes it, and only the reference engine computes with it."""

    h = None

    def __init__(self, n: int) -> None:
        self.n = n
        self.numbers = PublicNumbers(n)
        self._engine = ReferenceBackend().public_engine(self.numbers, EngineOptions())

    def engine(self) -> PublicEngine:
        """The reference engine."""
        return self._engine


class BatchedEngine:
    """The engine chosen by `pyfate_gpu.use_backend` at the time of each call."""

    def __init__(self, key: PublicKey | ShortKey) -> None:
        self._key = key
        self._private: dict[Choices, PrivateEngine] = {}
        self.n_squared = gmpy2.mpz(key.n) ** 2
        self.largest_batch = 256 if key.h else 64

    def encrypt(self, plain: Sequence[int]) -> list[Any]:
        """One batch for each chunk of the list."""
        engine = self._key.engine()
        result: list[Any] = []
        for start in range(0, len(plain), CHUNK):
            chunk = np.empty(min(CHUNK, len(plain) - start), dtype=object)
            chunk[:] = plain[start : start + CHUNK]
            rows = engine.encrypt(integers_to_words(chunk))
            result += map(gmpy2.mpz, unsigned_to_integers(engine.export_words(rows)))
        return result

    def decrypt(self, p: int, q: int, ciphertexts: Sequence[int]) -> list[int]:
        """One batch for each chunk of the list."""
        public = self._key.engine()
        private = self._private_engine(public, p, q)
        width = 2 * self._key.numbers.words
        result: list[int] = []
        for start in range(0, len(ciphertexts), CHUNK):
            rows = public.import_words(unsigned_to_words(ciphertexts[start : start + CHUNK], width))
            result += unsigned_to_integers(private.decrypt(rows)).tolist()
        return result

    def powers(
        self, values: Sequence[Any], indices: Index, factors: Sequence[int], offsets: Index
    ) -> list[Any]:
        """Few powers one by one, many as one sparse matrix times a vector of ciphertexts."""
        if len(indices) < FEW_POWERS:
            return product_of_powers(values, indices, factors, offsets, self.n_squared)
        engine = self._key.engine()
        rows = engine.import_words(unsigned_to_words(values, 2 * self._key.numbers.words))
        data = np.empty(len(factors), dtype=object)
        data[:] = factors
        shape = (len(offsets) - 1, len(values))
        matrix = CsrMatrix(shape, offsets, indices, integers_to_words(data))
        words = engine.export_words(engine.matmul(matrix, rows, 1))
        return [gmpy2.mpz(value) for value in unsigned_to_integers(words)]

    def _private_engine(self, public: Any, p: int, q: int) -> PrivateEngine:
        chosen = choices_of(public)
        if chosen not in self._private:
            numbers = PrivateNumbers(self._key.numbers, p, q)
            self._private[chosen] = private_engine(numbers, public)
        return self._private[chosen]


def product_of_powers(
    values: Sequence[Any], indices: Index, factors: Sequence[int], offsets: Index, modulus: Any
) -> list[Any]:
    """`KeyEngine.powers` by gmpy2; negative powers through one inverse each."""
    results = []
    for start, stop in itertools.pairwise(offsets.tolist()):
        result = gmpy2.mpz(1)
        for position in range(start, stop):
            value, factor = values[indices[position]], factors[position]
            power = value if factor == 1 else gmpy2.powmod(value, factor, modulus)
            result = result * power % modulus
        results.append(result)
    return results
