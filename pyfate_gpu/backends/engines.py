# SPDX-License-Identifier: Apache-2.0
"""What the layers above ask of an engine.

Word layouts are those of `pyfate_gpu.backends.words`: signed integers int64 ``[..., k]``, canonical
ciphertext integers uint64 ``[rows, 2h]``, residues mod n uint64 ``[rows, h]``, h the words of n.
Everything is out of place; `Rows` are opaque outside their engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from pyfate_gpu.backends.matrices import CsrMatrix, Index, Rows
from pyfate_gpu.backends.words import SignedWords, UnsignedWords


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

    def horner(self, a: Rows, numbers: Index, bits: int) -> Rows:
        """Row i encrypts ``sum over s of m[numbers[i, s]] * 2**(bits * s)``, m what `a` encrypts."""
        ...

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """``matrix @ c``: matrix ``[m, n, k]``, c ``n * columns`` rows, result ``m * columns``."""
        ...

    def place(self, matrix: SignedWords | CsrMatrix) -> Any:
        """Hold a matrix for many products; opaque, for `matmul_placed` of this engine. Not to be changed."""
        ...

    def matmul_placed(self, placed: Any, transposed: bool, c: Rows, columns: int) -> Rows:
        """``matrix @ c`` or ``matrix.T @ c`` of a placed matrix, as `matmul`."""
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


class PrivateEngine(Protocol):
    """Everything that needs the private key."""

    def decrypt(self, rows: Rows) -> UnsignedWords:
        """Residues mod n, ``[rows, h]``."""
        ...

    def encrypt(self, plain: SignedWords) -> Rows:
        """As `PublicEngine.encrypt`, faster by the Chinese remainder theorem where it can be."""
        ...


Choices = tuple[str, str | None, int, bool]


def choices_of(engine: PublicEngine) -> Choices:
    """What tells engines of one key apart."""
    return engine.engine_id, engine.single_isa, engine.threads, engine.hardened
