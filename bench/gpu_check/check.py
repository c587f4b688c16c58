# SPDX-License-Identifier: Apache-2.0
"""One key on one device, and the numbers that all parts of the check draw from."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt

from pyfate_gpu import generate_keypair
from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.cuda.device import Device
from pyfate_gpu.backends.cuda.engine import CudaPrivateEngine, CudaPublicEngine
from pyfate_gpu.backends.numbers import PublicNumbers
from pyfate_gpu.backends.words import UnsignedWords, unsigned_to_integers, unsigned_to_words


class Check:
    """Engines of a new key; `public` and `private` are the key, `rng` makes plain inputs only."""

    def __init__(self, device: Device, key_bits: int) -> None:
        self.device, self.key_bits = device, key_bits
        self.public, self.private = generate_keypair(key_bits, allow_insecure_key_size=True)
        self.n, self.square = gmpy2.mpz(self.public.n), gmpy2.mpz(self.public.n) ** 2
        self.engine = CudaPublicEngine(self.public.numbers, device)
        self.owner = CudaPrivateEngine(self.private._numbers, self.engine)
        self.rng = np.random.default_rng(1)

    @cached_property
    def textbook(self) -> CudaPublicEngine:
        """The same key as other libraries publish it: each encryption takes r^n."""
        return CudaPublicEngine(PublicNumbers(self.public.n), self.device)

    @cached_property
    def cpu(self) -> Any:
        """The engine of the cpu backend, or why there is none."""
        backend = CpuBackend()
        found = backend.availability()
        if not found.available:
            return found.reason
        return backend.public_engine(self.public.numbers, backend.resolve(EngineOptions()))

    def residues(self, rows: int) -> UnsignedWords:
        """Canonical words of residues modulo n^2, none of them 0."""
        size = self.key_bits // 4
        values = (int.from_bytes(self.rng.bytes(size), "little") for _ in range(rows))
        square = int(self.square)
        return unsigned_to_words([v % (square - 1) + 1 for v in values], 2 * self.engine.words)

    def exponents(self, rows: int) -> UnsignedWords:
        """Exponents of the fixed base with their sign bit. For comparison only: they are no secrets."""
        assert self.public.numbers.blinding is not None
        bits = self.public.numbers.blinding.exponent_bits + 1
        words = self.rng.integers(0, 2**64, (rows, -(-bits // 64)), dtype=np.uint64)
        words[:, -1] &= np.uint64((1 << (bits - 1) % 64 + 1) - 1)
        return words

    def units(self, rows: int) -> UnsignedWords:
        """Numbers below n, one word each row an r of textbook encryption."""
        words = self.rng.integers(0, 2**64, (rows, self.engine.words), dtype=np.uint64)
        words[:, -1] %= np.uint64(max(1, int(self.n) >> (64 * (self.engine.words - 1))))
        return words

    def integers(self, rows: int, bits: int) -> npt.NDArray[np.int64]:
        """Signed plain integers."""
        return self.rng.integers(-(2**bits) + 1, 2**bits, rows)

    def numbers(self, rows: Any) -> list[gmpy2.mpz]:
        """Canonical integers of rows of the device, or of canonical words."""
        words = rows if isinstance(rows, np.ndarray) and rows.dtype == np.uint64 else None
        words = self.engine.export_words(rows) if words is None else words
        return [gmpy2.mpz(int(v)) for v in unsigned_to_integers(words)]
