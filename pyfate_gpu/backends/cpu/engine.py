# SPDX-License-Identifier: Apache-2.0
"""The native CPU engine: rows of packed words ``[rows, 2, h]``, computed by the `_cpu` extension."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from weakref import WeakValueDictionary

import numpy as np

from pyfate_gpu.backends.base import Availability, EngineOptions, IsaStatus
from pyfate_gpu.backends.cpu.fixed_base import FixedBaseTable, to_bytes
from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import CsrMatrix, Index
from pyfate_gpu.backends.memory import names_memory
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers, Secret
from pyfate_gpu.backends.words import SignedWords, UnsignedWords
from pyfate_gpu.config import available_cores, check_threads, environment
from pyfate_gpu.errors import BackendUnavailableError, InvalidCiphertextError

try:
    import pyfate_gpu.backends._cpu as _cpu
except ImportError as error:
    _IMPORT_ERROR: str | None = str(error)
else:
    _IMPORT_ERROR = None

Rows = UnsignedWords

SINGLE_ISA = "portable"
"""Of all instruction sets the quickest with one row: the others compute four or eight at a time."""


class CpuBackend:
    """Registration of this backend."""

    name = "cpu"
    device = "cpu"

    def availability(self) -> Availability:
        """Whether the extension loads and has an instruction set for this processor."""
        return _availability()

    def resolve(self, options: EngineOptions) -> EngineOptions:
        """The best instruction sets and all allowed cores, unless told otherwise."""
        threads = available_cores() if options.threads is None else check_threads(options.threads)
        isa = self._choose_isa(options.isa)
        single_isa = SINGLE_ISA if options.isa is None else None
        return EngineOptions(isa, threads, options.table_mb, options.hardened, single_isa)

    def public_engine(self, numbers: PublicNumbers, options: EngineOptions) -> PublicEngine:
        """An engine for a public key, with files for large arrays if the memory for them has a limit."""
        if memory := environment().memory_mb:
            from pyfate_gpu.backends.cpu.out_of_core import (
                OutOfCorePublicEngine,
            )  # builds on this file

            return OutOfCorePublicEngine(numbers, options, memory << 20)
        return CpuPublicEngine(numbers, options)

    def private_engine(self, numbers: PrivateNumbers, public: PublicEngine) -> CpuPrivateEngine:
        """An engine for a private key."""
        assert isinstance(public, CpuPublicEngine)
        return CpuPrivateEngine(numbers, public)

    def _choose_isa(self, wanted: str | None) -> str:
        isas = self.availability().instruction_sets
        usable = [isa.name for isa in isas if isa.available]
        if wanted is None:
            return usable[0]
        if wanted in usable:
            return wanted
        reason = next((f"cannot run here: {i.reason}" for i in isas if i.name == wanted), "unknown")
        raise BackendUnavailableError(
            f"instruction set {wanted!r} of backend 'cpu' is {reason}; choose one of {usable}"
        )


@lru_cache(maxsize=1)
def _availability() -> Availability:
    if _IMPORT_ERROR is not None:
        reason = f"the extension module _cpu does not load ({_IMPORT_ERROR}); build the package"
        return Availability(False, reason)
    isas = tuple(IsaStatus(*entry) for entry in _cpu.instruction_sets())
    if not any(isa.available for isa in isas):
        return Availability(False, "no instruction set of _cpu runs on this processor", isas)
    return Availability(True, "", isas)


@names_memory
class CpuPublicEngine:
    """Operations under a public key; thread-safe, the native context is immutable after set-up."""

    backend = "cpu"
    device = "cpu"

    def __init__(self, numbers: PublicNumbers, options: EngineOptions) -> None:
        assert options.isa is not None
        assert options.threads is not None
        self.isa: str | None = options.isa
        self.single_isa = options.single_isa
        self.threads = options.threads
        self.hardened = options.hardened
        self.engine_id = f"cpu:{options.isa}"
        self.shared = _shared_context(
            numbers, options.isa, options.table_mb << 20, options.hardened
        )
        self.context = self.shared.native

    def import_words(self, canonical: UnsignedWords) -> Rows:
        """Into Montgomery form."""
        return self.context.enter(np.ascontiguousarray(canonical), self.threads)

    def export_words(self, rows: Rows) -> UnsignedWords:
        """Out of Montgomery form."""
        return self.context.leave(rows, self.threads)

    def encrypt(self, plain: SignedWords) -> Rows:
        """``(1 + m n) * h_s^a`` from the fixed-base table, or ``* r^n`` for a key without one."""
        if self.shared.table.ready(len(plain)):
            return self.context.encrypt(plain, None, self.threads)
        return self.context.encrypt_full(plain, None, self.threads)

    def blind(self, rows: Rows) -> Rows:
        """The same plaintexts under fresh randomness."""
        if self.shared.table.ready(len(rows)):
            return self.context.blind(rows, None, self.threads)
        return self.context.blind_full(rows, None, self.threads)

    def add(
        self, a: Rows, b: Rows, a_index: Index | None = None, b_index: Index | None = None
    ) -> Rows:
        """``a * b`` mod n^2."""
        return self.context.multiply(a, a_index, b, b_index, self.threads)

    def add_plain(
        self,
        a: Rows,
        plain: SignedWords,
        a_index: Index | None = None,
        plain_index: Index | None = None,
    ) -> Rows:
        """``c * (1 + m n)`` mod n^2."""
        return self.context.multiply_plain(a, a_index, plain, plain_index, self.threads)

    def negate(self, a: Rows) -> Rows:
        """``1 / c`` mod n^2 by batched inversion."""
        try:
            return self.context.invert(a, self.threads)
        except ValueError as error:
            raise InvalidCiphertextError(
                f"{error}; the ciphertext shares a factor with n"
            ) from None

    def scale(
        self,
        a: Rows,
        scalars: SignedWords,
        a_index: Index | None = None,
        scalar_index: Index | None = None,
    ) -> Rows:
        """``c ** s`` mod n^2."""
        return self.context.scale(a, a_index, scalars, scalar_index, self.threads)

    def horner(self, a: Rows, numbers: Index, bits: int) -> Rows:
        """The product over s of ``a[numbers[i, s]] ** 2**(bits * s)``, in one call."""
        steps = np.ascontiguousarray(numbers.T).ravel()
        return self.context.horner(a, steps, numbers.shape[1], bits, self.threads)

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """``out[i, j] = product over t of c[t, j] ** matrix[i, t]``."""
        if isinstance(matrix, CsrMatrix):
            return self.context.multi_exponentiate_csr(
                matrix.indptr,
                matrix.indices,
                matrix.data,
                matrix.shape[0],
                c,
                columns,
                self.threads,
            )
        return self.context.multi_exponentiate(matrix, c, columns, self.threads)

    def place(self, matrix: SignedWords | CsrMatrix) -> _cpu.PlacedMatrix:
        """A native copy; its first product on a side makes the plan and the digits of that side."""
        if isinstance(matrix, CsrMatrix):
            return _cpu.place_csr(matrix.indptr, matrix.indices, matrix.data, *matrix.shape)
        return _cpu.PlacedMatrix(matrix)

    def matmul_placed(
        self, placed: _cpu.PlacedMatrix, transposed: bool, c: Rows, columns: int
    ) -> Rows:
        """As `matmul`, by the matrix or its transpose."""
        return self.context.multiply_placed(placed, transposed, c, columns, self.threads)

    def segment_sum(self, a: Rows, index: Index, offsets: Index) -> Rows:
        """Products of the rows of each segment."""
        return self.context.segment_multiply(a, index, offsets, self.threads)

    def take(self, rows: Rows, index: Index) -> Rows:
        """A copy of the chosen rows."""
        return np.take(rows, index, axis=0)

    def concatenate(self, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        return np.concatenate(list(parts), axis=0)

    def count(self, rows: Rows) -> int:
        """How many ciphertexts."""
        return int(rows.shape[0])

    def nbytes(self, rows: Rows) -> int:
        """Bytes of the rows."""
        return int(rows.nbytes)

    def parts(self, rows: Rows) -> Iterator[Rows]:
        """Rows in memory, as many at a time as decryption takes."""
        yield rows

    def by_pieces(self, rows: int, compute: Callable[[slice], Rows]) -> Rows:
        """All rows by `compute`, which gives those of a slice."""
        return compute(slice(0, rows))


@names_memory
class CpuPrivateEngine(Secret):
    """Decryption, and encryption by the owner of the key, by the Chinese remainder theorem."""

    def __init__(self, numbers: PrivateNumbers, public: CpuPublicEngine) -> None:
        native = _private_context(numbers, public.shared.isa)
        self._public = public
        self._numbers = numbers
        self._context = native
        # The two halves are put together by pieces as long as n, which a longer square is not.
        balanced = (max(numbers.p, numbers.q) ** 2).bit_length() <= numbers.public.n.bit_length()
        blinding = numbers.public.blinding if balanced else None
        table = public.shared.table
        self._table = FixedBaseTable(native, blinding, table.limit, table.hardened)

    def decrypt(self, rows: Rows) -> UnsignedWords:
        """Residues mod n."""
        context = self._single if len(rows) == 1 else self._context
        public = self._public
        try:
            residues = [
                context.decrypt(public.context, part, public.threads) for part in public.parts(rows)
            ]
            return residues[0] if len(residues) == 1 else np.concatenate(residues)
        except ValueError as error:
            raise InvalidCiphertextError(f"{error}; encrypt under its public key") from None

    def encrypt(self, plain: SignedWords) -> Rows:
        """Fresh encryptions, half the work of the public engine's."""
        if not self._table.ready(len(plain)):
            return self._public.encrypt(plain)
        public = self._public
        return public.by_pieces(
            len(plain),
            lambda piece: self._context.encrypt(public.context, plain[piece], None, public.threads),
        )

    @cached_property
    def _single(self) -> _cpu.PrivateContext:
        """The context for one row, which would take as long as a row in every lane."""
        isa = self._public.single_isa
        if isa is None or isa == self._public.isa:
            return self._context
        return _private_context(self._numbers, isa)


class _SharedContext:
    """The native context of a public key; equal keys of a process share one and its table."""

    def __init__(self, numbers: PublicNumbers, isa: str, table_bytes: int, hardened: bool) -> None:
        self.isa = isa
        self.native = _cpu.PublicContext(to_bytes(numbers.n), isa)
        self.table = FixedBaseTable(self.native, numbers.blinding, table_bytes, hardened)


_contexts: WeakValueDictionary[tuple[PublicNumbers, str, int, bool], _SharedContext] = (
    WeakValueDictionary()
)
_contexts_lock = threading.Lock()


def _shared_context(
    numbers: PublicNumbers, isa: str, table_bytes: int, hardened: bool
) -> _SharedContext:
    with _contexts_lock:
        key = (numbers, isa, table_bytes, hardened)
        context = _contexts.get(key)
        if context is None:
            context = _contexts[key] = _SharedContext(*key)
        return context


def _private_context(numbers: PrivateNumbers, isa: str) -> _cpu.PrivateContext:
    p, q, *exponents = map(to_bytes, (numbers.p, numbers.q, *numbers.exponents))
    return _cpu.PrivateContext(p, q, exponents[0], exponents[1], isa)
