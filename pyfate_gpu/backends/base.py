# SPDX-License-Identifier: Apache-2.0
"""What the layers above ask of a backend, and the plain data that crosses.

Word layouts are those of `pyfate_gpu.backends.words`: signed integers int64 ``[..., k]``, canonical
ciphertext integers uint64 ``[rows, 2h]``, residues mod n uint64 ``[rows, h]``, h the words of n.
Everything is out of place; `Rows` are opaque outside their engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import SignedWords, UnsignedWords

Rows = Any
"""Ciphertexts in an engine's own storage; the first axis counts them."""

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BlindingNumbers:
    """Fixed base of short-exponent blinding: ``base**a * sign_base**b`` mod n^2.

    `base` is h_s = h^n with an exponent a of `exponent_bits` random bits, `sign_base` is y^n, y the
    smallest integer with Jacobi symbol -1, with one random bit b (docs/design/0004).
    """

    base: int
    sign_base: int
    exponent_bits: int


@dataclass(frozen=True)
class PublicNumbers:
    """A public key as a backend needs it; without `blinding` every r^n takes the full exponent."""

    n: int
    blinding: BlindingNumbers | None = None

    @property
    def words(self) -> int:
        """Words of a residue mod n."""
        return -(-self.n.bit_length() // 64)


@dataclass(frozen=True)
class PrivateNumbers:
    """The factors of n. Never printed, never compared by value in a message.

    With `orders`, what blinds ciphertexts has those orders modulo p^2 and q^2 (or divisors of them),
    and decryption must refuse whatever else it is given, or decrypt it by p - 1 and q - 1.
    """

    public: PublicNumbers
    p: int = field(repr=False)
    q: int = field(repr=False)
    orders: tuple[int, int] | None = field(default=None, repr=False)

    @property
    def exponents(self) -> tuple[int, int]:
        """Powers that leave nothing but the plaintext of a ciphertext, modulo p^2 and q^2."""
        return self.orders or (self.p - 1, self.q - 1)


@dataclass(frozen=True)
class EngineOptions:
    """Choices of `use_backend` and the environment; ``None`` lets the backend choose.

    `single_isa` is the instruction set that decrypts a single row, if a backend chooses another.
    """

    isa: str | None = None
    threads: int | None = None
    table_mb: int = 64
    hardened: bool = False
    single_isa: str | None = None


@dataclass(frozen=True)
class IsaStatus:
    """One instruction set of a backend: can it run here, and if not, why."""

    name: str
    available: bool
    reason: str = ""


@dataclass(frozen=True)
class Availability:
    """Whether a backend runs on this machine, and if not, why."""

    available: bool
    reason: str = ""
    instruction_sets: tuple[IsaStatus, ...] = ()


@dataclass(frozen=True)
class CsrMatrix:
    """A sparse matrix of signed integers in compressed rows (`data` has one more axis of words)."""

    shape: tuple[int, int]
    indptr: Index
    indices: Index
    data: SignedWords


class PublicEngine(Protocol):
    """Everything that needs the public key only.

    Operands of the element-wise operations are gathered through an optional int64 index first, so
    that broadcasting copies nothing; both sides have as many rows afterwards.
    """

    backend: str
    device: str
    engine_id: str
    isa: str | None
    single_isa: str | None
    threads: int
    hardened: bool

    def import_words(self, canonical: UnsignedWords) -> Rows:
        """Rows of canonical integers ``[rows, 2h]``, each in [1, n^2)."""
        ...

    def export_words(self, rows: Rows) -> UnsignedWords:
        """Canonical integers ``[rows, 2h]`` of rows."""
        ...

    def encrypt(self, plain: SignedWords) -> Rows:
        """Fresh encryptions of ``[rows, k]`` integers, |m| < n."""
        ...

    def blind(self, rows: Rows) -> Rows:
        """The same plaintexts under fresh randomness."""
        ...

    def add(
        self, a: Rows, b: Rows, a_index: Index | None = None, b_index: Index | None = None
    ) -> Rows:
        """Encryptions of the sums."""
        ...

    def add_plain(
        self,
        a: Rows,
        plain: SignedWords,
        a_index: Index | None = None,
        plain_index: Index | None = None,
    ) -> Rows:
        """Encryptions of ciphertext + integer; not blinded."""
        ...

    def negate(self, a: Rows) -> Rows:
        """Encryptions of the negatives."""
        ...

    def scale(
        self,
        a: Rows,
        scalars: SignedWords,
        a_index: Index | None = None,
        scalar_index: Index | None = None,
    ) -> Rows:
        """Encryptions of ciphertext * integer; variable time in the integers."""
        ...

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """``matrix @ c``: matrix ``[m, n, k]``, c ``n * columns`` rows, result ``m * columns``."""
        ...

    def segment_sum(self, a: Rows, index: Index, offsets: Index) -> Rows:
        """Row s of the result adds rows ``index[offsets[s]:offsets[s + 1]]`` of `a`."""
        ...

    def take(self, rows: Rows, index: Index) -> Rows:
        """A copy of the chosen rows."""
        ...

    def concatenate(self, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        ...

    def count(self, rows: Rows) -> int:
        """How many ciphertexts."""
        ...

    def nbytes(self, rows: Rows) -> int:
        """Bytes of memory the rows hold."""
        ...


Choices = tuple[str, str | None, int, bool]


def choices_of(engine: PublicEngine) -> Choices:
    """What tells engines of one key apart."""
    return engine.engine_id, engine.single_isa, engine.threads, engine.hardened


class PrivateEngine(Protocol):
    """Everything that needs the private key."""

    def decrypt(self, rows: Rows) -> UnsignedWords:
        """Residues mod n, ``[rows, h]``."""
        ...

    def encrypt(self, plain: SignedWords) -> Rows:
        """As `PublicEngine.encrypt`, faster by the Chinese remainder theorem where it can be."""
        ...


class Backend(Protocol):
    """A way to compute: the cpu module, plain gmpy2, a graphics card."""

    name: str
    device: str

    def availability(self) -> Availability:
        """Whether it runs here; never raises."""
        ...

    def resolve(self, options: EngineOptions) -> EngineOptions:
        """`options` with every choice made; raises BackendUnavailableError for an unknown one."""
        ...

    def public_engine(self, numbers: PublicNumbers, options: EngineOptions) -> PublicEngine:
        """An engine for a public key; `options` come from `resolve`."""
        ...

    def private_engine(self, numbers: PrivateNumbers, public: PublicEngine) -> PrivateEngine:
        """An engine for the private key, on rows of `public`."""
        ...
