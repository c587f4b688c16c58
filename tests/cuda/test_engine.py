# SPDX-License-Identifier: Apache-2.0
"""The cuda engine on the emulated device: the same canonical integers as the other backends."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from types import SimpleNamespace

import numpy as np
import pytest

from pyfate_gpu import PrivateKey, PublicKey, generate_keypair
from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.cuda.device import Device, Erased
from pyfate_gpu.backends.cuda.engine import CudaPrivateEngine, CudaPublicEngine
from pyfate_gpu.backends.cuda.matmul import _by_buckets, _by_tables, bit_length, entries_of
from pyfate_gpu.backends.matrices import CsrMatrix
from pyfate_gpu.backends.reference.engine import ReferenceBackend
from pyfate_gpu.backends.words import (
    integers_to_words,
    unsigned_to_integers,
    unsigned_to_words,
)
from pyfate_gpu.config import environment
from pyfate_gpu.errors import (
    BackendError,
    BackendUnavailableError,
    DeviceMemoryError,
    DeviceMismatchError,
    InvalidCiphertextError,
)
from tests.cuda.emulated_device import MEMORY

Keys = tuple[PublicKey, PrivateKey]


class Pair:
    """One key on the emulated device and on the reference backend, fed the same ciphertexts."""

    def __init__(self, device: Device, keys: Keys, rows: int, rng: np.random.Generator) -> None:
        self.numbers = keys[0].numbers
        self.n = keys[0].n
        self.cuda = CudaPublicEngine(self.numbers, device)
        backend = ReferenceBackend()
        self.reference = backend.public_engine(self.numbers, backend.resolve(EngineOptions()))
        words = self.reference.export_words(
            self.reference.encrypt(integers_to_words(rng.integers(-1000, 1000, rows)))
        )
        self.a, self.b = self.cuda.import_words(words), self.reference.import_words(words)

    def same(self, cuda_rows, reference_rows) -> bool:
        ours = self.cuda.export_words(cuda_rows)
        return np.array_equal(ours, self.reference.export_words(reference_rows))


@pytest.fixture
def pair(emulated, keypair, rng):
    return Pair(emulated, keypair, 40, rng)


def test_import_and_export(pair):
    assert pair.same(pair.a, pair.b)
    assert pair.cuda.count(pair.a) == 40
    assert pair.cuda.nbytes(pair.a) == 40 * 2 * 512 // 8


def test_add_and_add_plain_gather(pair, rng):
    left, right = (rng.integers(0, 40, 50) for _ in range(2))
    assert pair.same(
        pair.cuda.add(pair.a, pair.a, left, right), pair.reference.add(pair.b, pair.b, left, right)
    )
    wide = integers_to_words(np.array([pair.n - 1, 1 - pair.n, 0, 5], dtype=object))
    index = rng.integers(0, 4, 50)
    assert pair.same(
        pair.cuda.add_plain(pair.a, wide, left, index),
        pair.reference.add_plain(pair.b, wide, left, index),
    )


def test_negate(pair):
    assert pair.same(pair.cuda.negate(pair.a), pair.reference.negate(pair.b))
    none = pair.cuda.take(pair.a, np.zeros(0, dtype=np.int64))
    assert pair.cuda.count(pair.cuda.negate(none)) == 0


def test_negate_refuses_multiples_of_a_prime(emulated, keypair):
    public, private = keypair
    p, _ = private._secret_factors()
    engine = CudaPublicEngine(public.numbers, emulated)
    rows = engine.import_words(unsigned_to_words([1, p, 2], 2 * engine.words))
    with pytest.raises(InvalidCiphertextError, match="shares a factor with n"):
        engine.negate(rows)


@pytest.mark.parametrize("values", [[0], [3, 0, -1, 2**62, -(2**63)], [2**90, -(2**90), 1, -7]])
def test_scale(pair, values):
    scalars = integers_to_words(np.array(values, dtype=object))
    index = np.arange(40) % len(values)
    assert pair.same(
        pair.cuda.scale(pair.a, scalars, None, index),
        pair.reference.scale(pair.b, scalars, None, index),
    )


def test_segment_sum_of_long_and_empty_segments(pair, rng):
    lengths = [0, 1, 300, 0, 16, 17, 2, 0]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    index = rng.integers(0, 40, offsets[-1])
    assert pair.same(
        pair.cuda.segment_sum(pair.a, index, offsets),
        pair.reference.segment_sum(pair.b, index, offsets),
    )


def test_take_and_concatenate(pair, rng):
    index = rng.integers(0, 40, 7)
    taken, expected = pair.cuda.take(pair.a, index), pair.reference.take(pair.b, index)
    assert pair.same(
        pair.cuda.concatenate([taken, pair.a]), pair.reference.concatenate([expected, pair.b])
    )


@pytest.mark.parametrize(
    ("low", "high", "shape", "columns"),
    [(-100, 100, (3, 20), 2), (0, 2, (5, 40), 1), (0, 1, (2, 8), 1), (-(2**40), 2**40, (30, 2), 1)],
)
def test_matmul(pair, rng, low, high, shape, columns):
    matrix = integers_to_words(rng.integers(low, high, shape))
    index = np.arange(shape[1] * columns)
    a, b = pair.cuda.take(pair.a, index), pair.reference.take(pair.b, index)
    assert pair.same(
        pair.cuda.matmul(matrix, a, columns), pair.reference.matmul(matrix, b, columns)
    )


@pytest.mark.parametrize("way", [_by_buckets, _by_tables])
@pytest.mark.parametrize("window", [1, 3, 5])
def test_both_ways_of_matmul(pair, rng, way, window):
    matrix = integers_to_words(rng.integers(-(2**11), 2**11, (4, 20)))
    matrix[1] = 0
    entries = entries_of(pair.cuda.on, matrix)
    bits = bit_length(entries.magnitude)
    out = way(pair.cuda.ring, entries, 4, pair.a, 2, bits, window, 2)
    assert pair.same(out, pair.reference.matmul(matrix, pair.b, 2))


def test_matmul_of_a_sparse_matrix_of_wide_integers(pair):
    data = integers_to_words(np.array([2**70, -5, -(2**69), 1], dtype=object))
    matrix = CsrMatrix(
        (4, 40), np.array([0, 2, 2, 3, 4]), np.array([3, 17, 39, 0], dtype=np.int64), data
    )
    assert pair.same(pair.cuda.matmul(matrix, pair.a, 1), pair.reference.matmul(matrix, pair.b, 1))


def test_a_placed_matrix_stays_on_the_device(pair, rng, monkeypatch):
    matrix = integers_to_words(rng.integers(-99, 99, (20, 40)))
    placed, held = pair.cuda.place(matrix), pair.reference.place(matrix)
    few = np.arange(20)
    a, b = pair.cuda.take(pair.a, few), pair.reference.take(pair.b, few)

    def products(engine, kept, whole, part):
        return engine.matmul_placed(kept, False, whole, 1), engine.matmul_placed(
            kept, True, part, 1
        )

    expected = products(pair.reference, held, pair.b, b)
    for _ in range(2):
        found = products(pair.cuda, placed, pair.a, a)
        assert all(map(pair.same, found, expected))
        # From here on nothing of the matrix crosses again.
        monkeypatch.setattr("pyfate_gpu.backends.cuda.matmul.entries_of", None)


def test_matmul_in_parts(pair, rng, monkeypatch):
    monkeypatch.setattr("pyfate_gpu.backends.cuda.matmul.DIGITS_AT_ONCE", 50)
    matrix = integers_to_words(rng.integers(-9, 9, (7, 40)))
    assert pair.same(pair.cuda.matmul(matrix, pair.a, 1), pair.reference.matmul(matrix, pair.b, 1))


@pytest.mark.parametrize("key_bits", [512, 1024])
def test_encrypts_as_the_cpu_does_with_the_same_exponents(emulated, rng, key_bits):
    """Canonical integers are identical, with the table and with full powers."""
    backend = CpuBackend()
    if not backend.availability().available:
        pytest.skip("the cpu backend does not run here")
    public, _ = generate_keypair(key_bits, allow_insecure_key_size=True)
    ours = CudaPublicEngine(public.numbers, emulated)
    theirs = backend.public_engine(public.numbers, backend.resolve(EngineOptions(threads=1)))
    plain = integers_to_words(rng.integers(-(2**62), 2**62, 34))
    assert public.numbers.blinding is not None
    bits = public.numbers.blinding.exponent_bits
    exponents = rng.integers(0, 2**64, (34, bits // 64 + 1), dtype=np.uint64)
    exponents[:, -1] &= np.uint64((2 << bits % 64) - 1)
    theirs.encrypt(plain)  # builds the table
    expected = theirs.context.encrypt(plain, exponents, 1)
    rows = ours.encrypt(plain, exponents)
    assert np.array_equal(ours.export_words(rows), theirs.export_words(expected))
    assert np.array_equal(
        ours.export_words(ours.blind(rows, exponents)),
        theirs.export_words(theirs.context.blind(expected, exponents, 1)),
    )
    full = CudaPublicEngine(type(public.numbers)(public.n), emulated)
    plain = plain[:3]
    r = rng.integers(1, 2**64, (3, key_bits // 64), dtype=np.uint64)
    r[:, -1] >>= np.uint64(1)
    assert np.array_equal(
        full.export_words(full.encrypt(plain, r)),
        theirs.export_words(theirs.context.encrypt_full(plain, r, 1)),
    )


@pytest.mark.parametrize("blinding", [True, False])
def test_decrypts_fresh_and_blinded_rows(emulated, keypair, plain_keypair, blinding):
    public, private = keypair if blinding else plain_keypair
    engine = CudaPublicEngine(public.numbers, emulated)
    values = [0, 1, -1, public.n // 2, -(public.n // 3), 12345]
    rows = engine.encrypt(integers_to_words(np.array(values, dtype=object)))
    own = CudaPrivateEngine(private._numbers, engine)
    expected = [value % public.n for value in values]
    for ciphertexts in (rows, engine.blind(rows), own.encrypt(integers_to_words(np.array(values)))):
        assert unsigned_to_integers(own.decrypt(ciphertexts)).tolist() == expected
    first, second = (engine.export_words(engine.encrypt(np.zeros((3, 1), np.int64))) for _ in "ab")
    assert len({row.tobytes() for row in [*first, *second]}) == 6


def test_decrypts_by_the_orders_of_short_subgroups(emulated, rng):
    public, private = generate_keypair(512, "paillier-short-subgroup", allow_insecure_key_size=True)
    engine = CudaPublicEngine(public.numbers, emulated)
    own = CudaPrivateEngine(private._numbers, engine)
    assert max(own._bits) < 256
    values = rng.integers(-(2**62), 2**62, 5)
    rows = engine.encrypt(integers_to_words(values))
    expected = [int(v) % public.n for v in values]
    assert unsigned_to_integers(own.decrypt(engine.blind(rows))).tolist() == expected
    full = CudaPublicEngine(type(public.numbers)(public.n), emulated)
    with pytest.raises(InvalidCiphertextError, match="no ciphertext of this key"):
        own.decrypt(full.encrypt(integers_to_words(values[:1])))


def test_decryption_refuses_what_is_no_ciphertext(emulated, keypair):
    public, private = keypair
    engine = CudaPublicEngine(public.numbers, emulated)
    p, _ = private._secret_factors()
    rows = engine.import_words(unsigned_to_words([p], 2 * engine.words))
    with pytest.raises(InvalidCiphertextError, match="no ciphertext of this key"):
        CudaPrivateEngine(private._numbers, engine).decrypt(rows)


def test_keys_between_the_sizes(emulated, rng):
    """520 bits go into 1024-bit kernels; primes of 260 bits into those for 512."""
    public, private = generate_keypair(520, allow_insecure_key_size=True)
    engine = CudaPublicEngine(public.numbers, emulated)
    values = rng.integers(-100, 100, 5)
    rows = engine.encrypt(integers_to_words(values))
    plain = CudaPrivateEngine(private._numbers, engine).decrypt(engine.add(rows, rows))
    assert unsigned_to_integers(plain).tolist() == [2 * int(v) % public.n for v in values]


def test_keys_above_the_sizes(emulated, keypair):
    numbers = type(keypair[0].numbers)((1 << 1100) + 1)
    with pytest.raises(BackendUnavailableError, match=r"moduli of 1101 bits.*up to 1024.*'cpu'"):
        CudaPublicEngine(numbers, emulated)


def gpu_with(arrays, index=0, **native):
    """A device that knows no more than it is told."""
    told = {"multiprocessors": lambda index: 132, "DeviceError": OSError}
    told |= {"sizes": lambda: {16: 100}, "shared_memory": lambda index: 100}
    return Device(SimpleNamespace(**told | native), arrays, index)


class CudaError(RuntimeError):
    pass


def cupy_that(**runtime):
    """As much of CuPy as tells errors and memory."""
    return SimpleNamespace(
        cuda=SimpleNamespace(
            Device=lambda index: nullcontext(),
            runtime=SimpleNamespace(
                CUDARuntimeError=CudaError, memGetInfo=lambda: (1 << 30, 1 << 33), **runtime
            ),
            driver=SimpleNamespace(CUDADriverError=CudaError),
        )
    )


def test_errors_that_come_late_are_ours_too():
    """A fault in a kernel shows in whatever CuPy does next."""
    gpu = gpu_with(cupy_that())
    with pytest.raises(BackendError, match=r"cuda:0 failed: cudaErrorIllegalAddress.*before"), gpu:
        raise CudaError("cudaErrorIllegalAddress: an illegal memory access was encountered")
    with pytest.raises(DeviceMemoryError, match=r"1\.0 of 8\.0 GiB free"), gpu:
        raise CudaError("cudaErrorMemoryAllocation: out of memory")
    with pytest.raises(DeviceMemoryError, match="of up to 1 GiB"), gpu:
        raise MemoryError
    with pytest.raises(ZeroDivisionError), gpu:
        raise ZeroDivisionError


def test_sizes_that_the_shared_memory_does_not_hold_are_left_out(monkeypatch):
    """As on sm_75, whose blocks have 64 KiB: the cpu backend takes longer keys."""
    sizes = {64: 49408, 96: 74112}
    assert gpu_with(None, sizes=lambda: sizes, shared_memory=lambda i: 65536).sizes == (64,)
    assert gpu_with(None, sizes=lambda: sizes, shared_memory=lambda i: 232448).sizes == (64, 96)


def test_a_table_takes_no_more_than_its_budget(emulated, monkeypatch, keypair):
    numbers = keypair[0].numbers
    assert CudaPublicEngine(numbers, emulated)._ready_table().rows.nbytes <= MEMORY // 16
    monkeypatch.setenv("PYFATE_GPU_CUDA_TABLE_MB", "1")
    environment.cache_clear()
    try:
        table = CudaPublicEngine(numbers, emulated)._ready_table()
        assert MEMORY // 16 < table.rows.nbytes <= 1 << 20
    finally:
        environment.cache_clear()


def test_no_rows_at_all(pair):
    engine, none = pair.cuda, np.zeros((0, 1), dtype=np.int64)
    rows = engine.encrypt(none)
    for empty in (rows, engine.add(rows, rows), engine.add_plain(rows, none), engine.blind(rows)):
        assert engine.export_words(empty).shape == (0, 2 * engine.words)


def test_secrets_are_overwritten_whatever_happens(emulated):
    kept = np.ones(4)
    erased = Erased()
    assert erased(kept) is kept
    with pytest.raises(ZeroDivisionError), erased:
        raise ZeroDivisionError
    assert not kept.any()


def test_decryption_leaves_nothing_that_tells_the_primes(emulated, keypair, monkeypatch):
    public, private = keypair
    engine = CudaPublicEngine(public.numbers, emulated)
    owner = CudaPrivateEngine(private._numbers, engine)
    c = engine.encrypt(integers_to_words(np.arange(3)))
    made = []
    for ring in owner._rings:
        new = ring.new
        monkeypatch.setattr(ring, "new", lambda rows, new=new: made.append(new(rows)) or made[-1])
    assert unsigned_to_integers(owner.decrypt(c)).tolist() == [0, 1, 2]
    assert len(made) == 6  # for each prime: entered rows, powers, the powers' table
    assert not any(array.any() for array in made)


def test_errors_of_the_device_are_ours(emulated):
    with pytest.raises(DeviceMemoryError, match=r"cuda:0 has no memory left.*fewer rows"), emulated:
        raise MemoryError
    with pytest.raises(BackendError, match="cuda:0 failed: illegal address"), emulated:
        raise emulated.native.DeviceError("illegal address")


def test_an_array_that_lies_elsewhere_is_refused(emulated):
    gpu = gpu_with(None, 1)
    array = SimpleNamespace(device=SimpleNamespace(id=1), data=SimpleNamespace(ptr=4096))
    assert gpu.address(array) == 4096
    array.device.id = 0
    with pytest.raises(DeviceMismatchError, match=r"lies on cuda:0, .* runs on cuda:1; move it"):
        gpu.address(array)
    with pytest.raises(DeviceMismatchError, match="lies on the host"):
        gpu.address(np.zeros(4))


def test_each_thread_enters_and_leaves_a_gpu_of_its_own():
    log = []
    entered = SimpleNamespace(
        __enter__=lambda: None, __exit__=lambda *error: log.append(threading.get_ident())
    )
    gpu = gpu_with(SimpleNamespace(cuda=SimpleNamespace(Device=lambda index: entered)))
    with gpu:
        thread = threading.Thread(target=gpu.__exit__, args=(None, None, None))
        thread.start()
        thread.join()
        assert log == []
    assert log == [threading.get_ident()]
