# SPDX-License-Identifier: Apache-2.0
"""The CUDA engine: ciphertexts stay on the GPU, computed by the `_cuda` extension.

CuPy owns the memory and the streams and is imported at the first use. Everything is tested on an
emulated device; where there was no GPU, nothing here has been measured (docs/algorithms/gpu-kernels.md).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from pyfate_gpu.backends.base import Availability, EngineOptions
from pyfate_gpu.backends.cuda import availability as cuda_availability
from pyfate_gpu.backends.cuda.device import Device, Erased, Limbs
from pyfate_gpu.backends.cuda.matmul import (
    DeviceMatrix,
    Entries,
    bit_length,
    entries_of,
    magnitudes,
    matmul,
)
from pyfate_gpu.backends.cuda.ring import LIMB_BITS, DeviceRing, limbs_for
from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.horner import by_steps
from pyfate_gpu.backends.matrices import CsrMatrix, Index
from pyfate_gpu.backends.numbers import PrivateNumbers, PublicNumbers, Secret
from pyfate_gpu.backends.words import SignedWords, UnsignedWords
from pyfate_gpu.config import environment
from pyfate_gpu.errors import BackendUnavailableError, InvalidCiphertextError

Rows = Limbs

TABLE_SHARE = 16  # of the device's memory: a fixed-base table takes at most this fraction
WIDEST_WINDOW = 16


class CudaBackend:
    """Registration of this backend, one for each GPU."""

    name = "cuda"

    def __init__(self, index: int = 0) -> None:
        self.device = f"cuda:{index}"
        self._index = index
        self._engines: WeakValueDictionary[PublicNumbers, CudaPublicEngine] = WeakValueDictionary()
        self._lock = threading.Lock()

    def availability(self) -> Availability:
        """Whether there are a GPU, a driver and a CuPy for the extension."""
        return cuda_availability.availability(self._index)

    def resolve(self, options: EngineOptions) -> EngineOptions:
        """Neither instruction sets nor threads are to be chosen here."""
        if options.isa is not None:
            raise BackendUnavailableError(
                f"instruction set {options.isa!r} is unknown to backend 'cuda', which has none to "
                "choose; leave isa out"
            )
        return EngineOptions(None, 1, options.table_mb)

    def public_engine(self, numbers: PublicNumbers, options: EngineOptions) -> PublicEngine:
        """An engine for a public key; equal keys share one and its table."""
        from pyfate_gpu.backends.cuda.streamed import StreamedPublicEngine  # builds on this file

        with self._lock:
            engine = self._engines.get(numbers)
            if engine is None:
                engine = StreamedPublicEngine(numbers, _device(self._index))
                self._engines[numbers] = engine
            return engine

    def private_engine(self, numbers: PrivateNumbers, public: PublicEngine) -> CudaPrivateEngine:
        """An engine for a private key."""
        assert isinstance(public, CudaPublicEngine)
        return CudaPrivateEngine(numbers, public)


@cache
def _device(index: int) -> Device:
    import cupy

    device = Device(cuda_availability.native(), cupy, index)
    try:
        with cupy.cuda.Device(index):
            device.native.check_kernels()
    except device.native.DeviceError as error:
        raise BackendUnavailableError(
            f"the kernels of this build do not run on cuda:{index} ({error}); update the driver, or "
            "build for this GPU: CMAKE_ARGS=-DPYFATE_CUDA_ARCHITECTURES=native make build"
        ) from error
    return device


class CudaPublicEngine:
    """Operations under a public key; rows are uint32 arrays ``[rows, 2, limbs]`` on the device."""

    backend = "cuda"
    isa: str | None = None
    single_isa: str | None = None
    threads = 1
    hardened = False

    def __init__(self, numbers: PublicNumbers, on: Device) -> None:
        self.on = on
        self.device = self.engine_id = on.name
        self.words = numbers.words
        with on:
            limbs = limbs_for(numbers.n.bit_length(), on.sizes)
            self.ring = DeviceRing(on, numbers.n, limbs)
        self._blinding = numbers.blinding
        self._table: _Table | None = None
        self._lock = threading.Lock()

    def import_words(self, canonical: UnsignedWords) -> Rows:
        """Into Montgomery form."""
        with self.on:
            return self.ring.enter(self.on.to_device(canonical, 2 * self.ring.limbs))

    def export_words(self, rows: Rows) -> UnsignedWords:
        """Out of Montgomery form, to the host."""
        with self.on:
            return self.on.to_host(self.ring.leave(rows), 2 * self.words)

    def encrypt(self, plain: SignedWords, exponents: UnsignedWords | None = None) -> Rows:
        """``(1 + m n) * h_s^a`` from the fixed-base table, or ``* r^n`` for a key without one.

        Exponents (a with the sign bit above it, or r) are for tests only; never use them twice.
        """
        with self.on:
            blinders = self._blinders(len(plain), exponents)
            return self.ring.multiply_plain(blinders, self._integers(plain))

    def blind(self, rows: Rows, exponents: UnsignedWords | None = None) -> Rows:
        """The same plaintexts under fresh randomness."""
        with self.on:
            return self.ring.multiply(rows, self._blinders(len(rows), exponents))

    def add(
        self, a: Rows, b: Rows, a_index: Index | None = None, b_index: Index | None = None
    ) -> Rows:
        """``a * b`` mod n^2."""
        with self.on:
            return self.ring.multiply(a, b, a_index, b_index)

    def add_plain(
        self,
        a: Rows,
        plain: SignedWords,
        a_index: Index | None = None,
        plain_index: Index | None = None,
    ) -> Rows:
        """``c * (1 + m n)`` mod n^2."""
        with self.on:
            return self.ring.multiply_plain(a, self._integers(plain), a_index, plain_index)

    def negate(self, a: Rows) -> Rows:
        """``1 / c`` mod n^2 by batched inversion."""
        with self.on:
            return self.ring.invert(a)

    def scale(
        self,
        a: Rows,
        scalars: SignedWords,
        a_index: Index | None = None,
        scalar_index: Index | None = None,
    ) -> Rows:
        """``c ** s`` mod n^2: powers by the magnitudes, then one batched inversion."""
        arrays = self.on.arrays
        with self.on:
            magnitude, negative = magnitudes(
                arrays, arrays.asarray(np.ascontiguousarray(scalars.reshape(-1, scalars.shape[-1])))
            )
            exponents = arrays.ascontiguousarray(magnitude).view(np.uint32)
            bits = max(1, bit_length(magnitude))
            if scalar_index is None and len(scalars) == 1:
                rows = len(a) if a_index is None else len(a_index)
                scalar_index = np.zeros(rows, dtype=np.int64)
            out = self.ring.power(a, exponents, bits, a_index, scalar_index)
            index = self.on.index_array(scalar_index)
            inverted = arrays.nonzero(negative if index is None else negative[index])[0]
            if len(inverted):
                out[inverted] = self.ring.invert(out[inverted])
            return out

    def horner(self, a: Rows, numbers: Index, bits: int) -> Rows:
        """Row i encrypts ``sum over s of m[numbers[i, s]] * 2**(bits * s)``, m what `a` encrypts."""
        return by_steps(self, a, numbers, bits)

    def matmul(self, matrix: SignedWords | CsrMatrix, c: Rows, columns: int) -> Rows:
        """``out[i, j] = product over t of c[t, j] ** matrix[i, t]``."""
        with self.on:
            return self._product(entries_of(self.on, matrix), matrix.shape[0], c, columns)

    def place(self, matrix: SignedWords | CsrMatrix) -> DeviceMatrix:
        """On the device, each side from its first product on."""
        return DeviceMatrix(self.on, matrix)

    def matmul_placed(self, placed: DeviceMatrix, transposed: bool, c: Rows, columns: int) -> Rows:
        """As `matmul`, by the matrix or its transpose."""
        with self.on:
            outputs = placed.side(transposed).shape[0]
            return self._product(placed.entries(transposed), outputs, c, columns)

    def _product(self, entries: Entries, outputs: int, c: Rows, columns: int) -> Rows:
        return matmul(self.ring, entries, outputs, c, columns, table_bytes(self.on))

    def segment_sum(self, a: Rows, index: Index, offsets: Index) -> Rows:
        """Products of the rows of each segment."""
        with self.on:
            return self.ring.segment_multiply(a, index, offsets)

    def take(self, rows: Rows, index: Index) -> Rows:
        """A copy of the chosen rows."""
        with self.on:
            return rows[self.on.index_array(index)]

    def concatenate(self, parts: Sequence[Rows]) -> Rows:
        """One after the other."""
        with self.on:
            return self.on.arrays.concatenate(list(parts))

    def count(self, rows: Rows) -> int:
        """How many ciphertexts."""
        return int(rows.shape[0])

    def nbytes(self, rows: Rows) -> int:
        """Bytes of device memory."""
        return int(rows.nbytes)

    def parts(self, rows: Rows) -> Iterator[Rows]:
        """Rows on the device, as many at a time as decryption takes."""
        yield rows

    def _integers(self, plain: SignedWords) -> Limbs:
        flat = plain.reshape(-1, plain.shape[-1])
        return self.on.to_device(flat, 2 * flat.shape[1])

    def _blinders(self, rows: int, exponents: UnsignedWords | None) -> Rows:
        """Random n-th powers, fresh for each row."""
        table, ring = self._ready_table(), self.ring
        with Erased() as erased:
            if table is not None:
                width = -(-(table.bits + 1) // LIMB_BITS)
                secrets = erased(self._secrets(rows, width, exponents))
                return ring.fixed_base(table.rows, table.sign, secrets, table.bits, table.window)
            # Twice as many bits as n: uniform modulo n but for less than 2^-bits of n.
            secrets = erased(self._secrets(rows, 2 * ring.limbs, exponents))
            return ring.power(erased(ring.enter(secrets)), ring.halves(ring.n), ring.n.bit_length())

    def _secrets(self, rows: int, limbs: int, given: UnsignedWords | None) -> Limbs:
        if given is None:
            return self.on.random_limbs(rows, limbs)
        return self.on.to_device(given, limbs).copy()

    def _ready_table(self) -> _Table | None:
        """The fixed-base table, built at its first use; None for a key without a base."""
        if self._blinding is None:
            return None
        with self._lock:
            if self._table is None:
                self._table = _Table(self.ring, self._blinding)
            return self._table


def table_bytes(device: Device) -> int:
    """Memory that one table may take: PYFATE_GPU_CUDA_TABLE_MB, or a share of the device's."""
    budget = environment().cuda_table_mb
    return budget << 20 if budget else device.memory()[1] // TABLE_SHARE


class _Table:
    """Fixed-base table of a key: the widest window that the memory allows."""

    def __init__(self, ring: DeviceRing, blinding: Any) -> None:
        self.bits = blinding.exponent_bits
        limit = table_bytes(ring.device)
        self.window = next(
            window
            for window in range(WIDEST_WINDOW, 0, -1)
            if window == 1 or -(-self.bits // window) * 8 * ring.limbs << window <= limit
        )
        self.rows = ring.power_table(ring.from_integers(blinding.base), self.bits, self.window)
        self.sign = ring.from_integers(1, blinding.sign_base)
        ring.device.wait()  # other streams may use the table next


class CudaPrivateEngine(Secret):
    """Decryption by the Chinese remainder theorem; the factors are overwritten when it goes."""

    def __init__(self, numbers: PrivateNumbers, public: CudaPublicEngine) -> None:
        self._public = public
        on, p, q = public.on, numbers.p, numbers.q
        with on:
            limbs = limbs_for(max(p.bit_length(), q.bit_length()), on.sizes)
            self._rings = [DeviceRing(on, prime, limbs) for prime in (p, q)]
            r = 1 << (LIMB_BITS * limbs)
            # (1 + n)^e = 1 + e q p modulo p^2, so that L of a power is e q m.
            e_p, e_q = numbers.exponents
            self._factors = self._rings[0].halves(
                pow(e_p * q, -1, p) * r % p, pow(e_q * p, -1, q) * r % q
            )
            self._exponents = self._rings[0].halves(e_p, e_q)
            inverse = pow(p, -1, q)
            self._recombination = self._rings[0].halves(p, inverse * r % q, -inverse * r % q)
            on.wait()
        self._bits = (e_p.bit_length(), e_q.bit_length())

    def decrypt(self, rows: Rows) -> UnsignedWords:
        """Residues mod n."""
        return np.concatenate([self._decrypt(part) for part in self._public.parts(rows)])

    def _decrypt(self, rows: Rows) -> UnsignedWords:
        """Both powers at once, each in a stream: few rows fill no more than half of a device."""
        public, on, limbs = self._public, self._public.on, self._rings[0].limbs
        with on, Erased() as erased:
            canonical = public.ring.leave(rows)
            pieces, failed = on.zeros(len(rows), 4 * limbs), on.zeros(4)
            pieces[:, : canonical.shape[1]] = canonical[:, : 4 * limbs]
            residues = [erased(on.empty(len(rows), limbs)) for _ in self._rings]
            with on.streams(len(self._rings)) as streams:
                for i, stream in enumerate(streams):
                    with stream:
                        self._residue(i, pieces, failed, residues[i])
            p, inverse = self._recombination[:1], self._recombination[1:]
            plain = erased(self._rings[1].recombine(residues[0], residues[1], p, inverse))
            if int(failed[0]):
                raise InvalidCiphertextError(
                    "a row is no ciphertext of this key: its power has no logarithm; check that "
                    "it was encrypted under the public key of this private key"
                )
            return on.to_host(plain, public.words)

    def _residue(self, i: int, pieces: Limbs, failed: Limbs, out: Limbs) -> None:
        """The plaintexts modulo p or q; anything modulo p^2 tells p, so nothing stays in memory."""
        ring = self._rings[i]
        with Erased() as erased:
            base = erased(ring.enter(pieces))
            power = erased(ring.power(base, self._exponents[i : i + 1], self._bits[i]))
            ring.logarithm(power, self._factors[i : i + 1], failed, out)

    def encrypt(self, plain: SignedWords) -> Rows:
        """As the public engine does, whose table is on the device already."""
        return self._public.encrypt(plain)

    def __del__(self) -> None:
        # At the end of the process CuPy may be gone already, and the device's memory with it.
        with suppress(Exception), self._public.on:
            for secret in ("_factors", "_exponents", "_recombination"):
                if hasattr(self, secret):
                    getattr(self, secret).fill(0)
            for ring in getattr(self, "_rings", []):
                ring.erase()
