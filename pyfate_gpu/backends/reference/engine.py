# SPDX-License-Identifier: Apache-2.0
"""The scheme in plain gmpy2, one line a formula: the oracle of the tests and the last fallback.

Rows are object arrays of gmpy2 integers mod n^2. Slow, single-threaded, meant to be read.
Formulas: Paillier (EUROCRYPT 1999), with the short-exponent blinding of Damgard, Jurik and Nielsen
(International Journal of Information Security, 2010, section 4.2).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.base import Availability, EngineOptions
from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.horner import by_steps
from pyfate_gpu.backends.matrices import CsrMatrix, HeldMatrix, Index
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers, Secret
from pyfate_gpu.backends.words import (
    SignedWords,
    UnsignedWords,
    unsigned_to_integers,
    unsigned_to_words,
    words_to_integers,
)
from pyfate_gpu.errors import BackendUnavailableError, InvalidCiphertextError

Rows = npt.NDArray[np.object_]


class ReferenceBackend:
    """Registration of this backend."""

    name = "reference"
    device = "cpu"

    def availability(self) -> Availability:
        """Whether it runs here: always, gmpy2 is a dependency."""
        return Availability(True)

    def resolve(self, options: EngineOptions) -> EngineOptions:
        """One thread, no instruction sets."""
        if options.isa is not None:
            raise BackendUnavailableError(
                f"backend 'reference' has no instruction set {options.isa!r}; leave isa out"
            )
        return EngineOptions(isa=None, threads=1, table_mb=options.table_mb)

    def public_engine(self, numbers: PublicNumbers, options: EngineOptions) -> PublicEngine:
        """An engine for a public key."""
        return ReferencePublicEngine(numbers)

    def private_engine(
        self, numbers: PrivateNumbers, public: PublicEngine
    ) -> ReferencePrivateEngine:
        """An engine for a private key."""
        assert isinstance(public, ReferencePublicEngine)
        return ReferencePrivateEngine(numbers, public)


class ReferencePublicEngine:
    """Operations under a public key, on object arrays of integers mod n^2."""

    backend = "reference"
    device = "cpu"
    engine_id = "reference"
    isa: str | None = None
    single_isa: str | None = None
    threads = 1
    hardened = False

    def __init__(self, numbers: PublicNumbers) -> None:
        self._n = gmpy2.mpz(numbers.n)
        self._n2 = self._n * self._n
        self._words = numbers.words
        self._blinding = numbers.blinding

    def import_words(self, canonical: UnsignedWords) -> Rows:
        """Rows of canonical integers."""
        return _rows(gmpy2.mpz(value) for value in unsigned_to_integers(canonical))

    def export_words(self, rows: Rows) -> UnsignedWords:
        """Canonical integers of rows."""
        return unsigned_to_words((int(c) for c in rows), 2 * self._words)

    def encrypt(self, plain: SignedWords) -> Rows:
        """``(1 + m n) * r^n`` mod n^2 with a fresh r each."""
        return _rows(
            (1 + gmpy2.mpz(m) * self._n) * self._random_nth_power() % self._n2
            for m in words_to_integers(plain)
        )

    def blind(self, rows: Rows) -> Rows:
        """``c * r^n`` mod n^2 with a fresh r each."""
        return _rows(c * self._random_nth_power() % self._n2 for c in rows)

    def add(
        self, a: Rows, b: Rows, a_index: Index | None = None, b_index: Index | None = None
    ) -> Rows:
        """``a * b`` mod n^2."""
        pairs = zip(_gather(a, a_index), _gather(b, b_index), strict=True)
        return _rows(x * y % self._n2 for x, y in pairs)

    def add_plain(
        self,
        a: Rows,
        plain: SignedWords,
        a_index: Index | None = None,
        plain_index: Index | None = None,
    ) -> Rows:
        """``c * (1 + m n)`` mod n^2."""
        pairs = zip(
            _gather(a, a_index), words_to_integers(_gather(plain, plain_index)), strict=True
        )
        return _rows(c * (1 + gmpy2.mpz(m) * self._n) % self._n2 for c, m in pairs)

    def negate(self, a: Rows) -> Rows:
        """``1 / c`` mod n^2."""
        return _rows(gmpy2.invert(c, self._n2) for c in a)

    def scale(
        self,
        a: Rows,
        scalars: SignedWords,
        a_index: Index | None = None,
        scalar_index: Index | None = None,
    ) -> Rows:
        """``c ** s`` mod n^2; gmpy2 inverts c for a negative s."""
        pairs = zip(
            _gather(a, a_index), words_to_integers(_gather(scalars, scalar_index)), strict=True
        )
        return _rows(gmpy2.powmod(c, int(s), self._n2) for c, s in pairs)

    def horner(self, a: Rows, numbers: Index, bits: int) -> Rows:
        """Row i encrypts ``sum over s of m[numbers[i, s]] * 2**(bits * s)``, m what `a` encrypts."""
        result: Rows = by_steps(self, a, numbers, bits)
        return result

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """``out[i, j] = product over t of c[t, j] ** matrix[i, t]``, zero entries left out."""
        table = c.reshape(-1, columns) if columns else np.empty((0, 0), dtype=object)
        result = []
        for entries in _matrix_rows(matrix):
            for j in range(columns):
                product = gmpy2.mpz(1)
                for t, scalar in entries:
                    product = product * gmpy2.powmod(table[t, j], scalar, self._n2) % self._n2
                result.append(product)
        return _rows(result)

    def place(self, matrix: SignedWords | CsrMatrix) -> HeldMatrix:
        """Held as words, and its transpose from the first product by it on."""
        return HeldMatrix(matrix)

    def matmul_placed(self, placed: HeldMatrix, transposed: bool, c: Rows, columns: int) -> Rows:
        """As `matmul`, by the matrix or its transpose."""
        return self.matmul(placed.side(transposed), c, columns)

    def segment_sum(self, a: Rows, index: Index, offsets: Index) -> Rows:
        """Products of the rows of each segment; 1, an encryption of 0, for an empty one."""
        result = []
        for start, stop in pairwise(offsets):
            product = gmpy2.mpz(1)
            for row in index[start:stop]:
                product = product * a[row] % self._n2
            result.append(product)
        return _rows(result)

    def take(self, rows: Rows, index: Index) -> Rows:
        """A copy of the chosen rows."""
        return rows[index]

    def concatenate(self, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        return np.concatenate(list(parts)) if parts else _rows([])

    def count(self, rows: Rows) -> int:
        """How many ciphertexts."""
        return len(rows)

    def nbytes(self, rows: Rows) -> int:
        """Bytes of the canonical words (Python's overhead not counted)."""
        return len(rows) * self._words * 16

    def _random_nth_power(self) -> Any:
        if self._blinding is None:
            return gmpy2.powmod(_random_unit(self._n), self._n, self._n2)
        exponent = secrets.randbits(self._blinding.exponent_bits)
        power = gmpy2.powmod(self._blinding.base, exponent, self._n2)
        if secrets.randbits(1):
            power = power * self._blinding.sign_base % self._n2
        return power


class ReferencePrivateEngine(Secret):
    """Decryption by the Chinese remainder theorem (Paillier 1999, section 7)."""

    def __init__(self, numbers: PrivateNumbers, public: ReferencePublicEngine) -> None:
        self._public = public
        self._p, self._q = gmpy2.mpz(numbers.p), gmpy2.mpz(numbers.q)
        self._words = numbers.public.words
        self._p_exponent, self._q_exponent = map(gmpy2.mpz, numbers.exponents)
        # L((1 + n)^e mod p^2) = e n / p = e q mod p.
        self._p_factor = gmpy2.invert(self._p_exponent * self._q, self._p)
        self._q_factor = gmpy2.invert(self._q_exponent * self._p, self._q)
        self._p_inverse = gmpy2.invert(self._p, self._q)

    def decrypt(self, rows: Rows) -> UnsignedWords:
        """Residues mod n."""
        return unsigned_to_words(
            (int(self._decrypt_one(c, row)) for row, c in enumerate(rows)), self._words
        )

    def encrypt(self, plain: SignedWords) -> Rows:
        """As the public engine does: this backend is not about speed."""
        return self._public.encrypt(plain)

    def _decrypt_one(self, c: Any, row: int) -> Any:
        p, q = self._p, self._q
        x_p = gmpy2.powmod_sec(c % p**2, self._p_exponent, p**2)
        x_q = gmpy2.powmod_sec(c % q**2, self._q_exponent, q**2)
        if x_p % p != 1 or x_q % q != 1:
            raise InvalidCiphertextError(
                f"row {row} is not a ciphertext of this key; encrypt under its public key"
            )
        m_p = (x_p - 1) // p * self._p_factor % p
        m_q = (x_q - 1) // q * self._q_factor % q
        return m_p + p * ((m_q - m_p) * self._p_inverse % q)


def _rows(values: Any) -> Rows:
    values = list(values)
    rows = np.empty(len(values), dtype=object)
    rows[:] = values
    return rows


def _gather(values: npt.NDArray[Any], index: Index | None) -> npt.NDArray[Any]:
    return values if index is None else values[index]


def _matrix_rows(matrix: SignedWords | CsrMatrix) -> list[list[tuple[int, int]]]:
    """For each row of the matrix its (column, value) pairs, zeros left out."""
    if isinstance(matrix, CsrMatrix):
        data = words_to_integers(matrix.data)
        rows = [
            list(zip(matrix.indices[a:b].tolist(), data[a:b].tolist(), strict=True))
            for a, b in pairwise(matrix.indptr)
        ]
    else:
        rows = [list(enumerate(row.tolist())) for row in words_to_integers(matrix)]
    return [[(t, value) for t, value in row if value] for row in rows]


def _random_unit(n: Any) -> Any:
    """A uniform integer in [1, n) coprime to n."""
    while True:
        r = gmpy2.mpz(1 + secrets.randbelow(int(n) - 1))
        if gmpy2.gcd(r, n) == 1:
            return r
