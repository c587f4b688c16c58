# SPDX-License-Identifier: Apache-2.0
"""Arrays larger than the device pass through it in pieces, with the results of the reference."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import pytest

from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cuda.device import ARRAY_SHARE
from pyfate_gpu.backends.cuda.engine import CudaPrivateEngine
from pyfate_gpu.backends.cuda.streamed import HostRows, StreamedPublicEngine
from pyfate_gpu.backends.matrices import CsrMatrix
from pyfate_gpu.backends.reference.engine import ReferenceBackend
from pyfate_gpu.backends.words import integers_to_words, unsigned_to_integers
from pyfate_gpu.errors import DeviceMemoryError
from tests.cuda.emulated_device import EmulatedDevice

ROWS, LIMIT = 40, 7
ROW_BYTES = 512 // 8 * 2


@pytest.fixture
def small(wide, monkeypatch):
    """A device that keeps arrays of 7 rows; a call takes no more than a few of them."""
    device = EmulatedDevice(wide)
    bytes_ = ARRAY_SHARE * LIMIT * ROW_BYTES
    monkeypatch.setattr(device, "memory", lambda: (bytes_, bytes_))
    return device


@pytest.fixture
def engine(small, keypair, monkeypatch):
    engine = StreamedPublicEngine(keypair[0].numbers, small)
    engine.encrypt(np.zeros((1, 1), dtype=np.int64))  # builds the table
    new = engine.ring.new

    def bounded(rows):
        assert rows <= 128 * LIMIT, "parts and windows of so many rows are the largest"
        return new(rows)

    monkeypatch.setattr(engine.ring, "new", bounded)
    return engine


@pytest.fixture
def reference(keypair):
    backend = ReferenceBackend()
    return backend.public_engine(keypair[0].numbers, backend.resolve(EngineOptions()))


@pytest.fixture
def both(engine, reference, rng):
    """The same 40 ciphertexts in both engines."""
    words = reference.export_words(
        reference.encrypt(integers_to_words(rng.integers(-1000, 1000, ROWS)))
    )
    a = engine.import_words(words)
    assert isinstance(a, HostRows)
    return a, reference.import_words(words)


@pytest.fixture
def same(engine, reference):
    def same(ours, theirs) -> bool:
        assert isinstance(ours, HostRows) == (len(ours) > LIMIT)
        return np.array_equal(engine.export_words(ours), reference.export_words(theirs))

    return same


@pytest.mark.parametrize("rows", [50, 3])
def test_elementwise(engine, reference, both, same, rng, rows):
    a, b = both
    left, right = (rng.integers(0, ROWS, rows) for _ in range(2))
    words = integers_to_words(rng.integers(-99, 99, 5))
    index = rng.integers(0, 5, rows)
    assert same(engine.add(a, a, left, right), reference.add(b, b, left, right))
    for verb in ("add_plain", "scale"):
        ours, theirs = getattr(engine, verb), getattr(reference, verb)
        assert same(ours(a, words, left, index), theirs(b, words, left, index))
    chosen, expected = engine.take(a, left), reference.take(b, left)
    assert same(chosen, expected)
    assert same(engine.negate(chosen), reference.negate(expected))
    assert same(
        engine.concatenate([chosen, chosen[:1]]),
        reference.concatenate([expected, expected[:1]]),
    )


def test_without_an_index(engine, reference, both, same, rng):
    a, b = both
    words = integers_to_words(rng.integers(-99, 99, ROWS))
    assert same(engine.add(a, a), reference.add(b, b))
    assert same(engine.add_plain(a, words), reference.add_plain(b, words))
    assert same(engine.scale(a, words), reference.scale(b, words))
    every = np.zeros(ROWS, dtype=np.int64)
    assert same(engine.scale(a, words[:1]), reference.scale(b, words[:1], None, every))


def test_encrypt_blind_decrypt(engine, keypair, rng):
    values = rng.integers(-99, 99, 2 * LIMIT)
    c = engine.encrypt(integers_to_words(values))
    assert isinstance(c, HostRows)
    owner = CudaPrivateEngine(keypair[1]._numbers, engine)
    for rows in (c, engine.blind(c), c[:0]):
        expected = [int(v) % keypair[0].n for v in values[: len(rows)]]
        assert unsigned_to_integers(owner.decrypt(rows)).tolist() == expected


def test_randomness_is_not_repeated_from_piece_to_piece(engine):
    words = engine.export_words(engine.encrypt(np.zeros((3 * LIMIT, 1), dtype=np.int64)))
    assert len({row.tobytes() for row in words}) == 3 * LIMIT


@pytest.mark.parametrize(
    "lengths", [[100], [0, 1, 30, 0, 7, 8, 0], [1] * 20, [0] * 20, [60, 2, 0, 60], []]
)
@pytest.mark.parametrize("on_device", [False, True])
def test_segment_sum(engine, reference, both, same, rng, lengths, on_device):
    a, b = both
    if on_device:
        a, b = (e.take(rows, np.arange(5)) for e, rows in ((engine, a), (reference, b)))
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int64)
    index = rng.integers(0, len(a), offsets[-1])
    assert same(engine.segment_sum(a, index, offsets), reference.segment_sum(b, index, offsets))


@pytest.mark.parametrize(("outputs", "columns"), [(2, 1), (3, 4), (20, 1), (1, 20)])
def test_matmul(engine, reference, both, same, rng, outputs, columns):
    a, b = both
    inner = ROWS // columns
    matrix = integers_to_words(rng.integers(-9, 9, (outputs, inner)))
    assert same(engine.matmul(matrix, a, columns), reference.matmul(matrix, b, columns))


def test_a_placed_matrix(engine, reference, both, same, rng):
    a, b = both
    matrix = integers_to_words(rng.integers(-9, 9, (ROWS, ROWS)))
    placed, held = engine.place(matrix), reference.place(matrix)
    for transposed in (False, True):
        found = engine.matmul_placed(placed, transposed, a, 1)
        assert same(found, reference.matmul_placed(held, transposed, b, 1))


def test_matmul_of_a_sparse_matrix(engine, reference, both, same):
    data = integers_to_words(np.array([2**70, -5, -(2**69), 1], dtype=object))
    indptr = np.array([0, 2, 2, 3, *[4] * 16])
    matrix = CsrMatrix((19, ROWS), indptr, np.array([3, 17, 39, 0], dtype=np.int64), data)
    a, b = both
    assert same(engine.matmul(matrix, a, 1), reference.matmul(matrix, b, 1))


class Stream:
    """As of CuPy: entered as often as one likes."""

    def __init__(self, device, number):
        self.device, self.number = device, number

    def __enter__(self):
        self.before, self.device.current = self.device.current, self.number

    def __exit__(self, *error):
        self.device.current = self.before


class TakesNotes(EmulatedDevice):
    """The small device, noting what is enqueued where, and when the host waits."""

    def __init__(self, native, notes):
        super().__init__(native)
        self.notes, self.current = notes, "its own"

    def memory(self):
        return (ARRAY_SHARE * LIMIT * ROW_BYTES,) * 2

    @contextmanager
    def streams(self, count):
        yield [Stream(self, i) for i in range(count)]
        self.notes.append(("join", self.current))

    def copy_in(self, host):
        self.notes.append(("in", self.current))
        return super().copy_in(host)

    def copy_out(self, limbs, host):
        self.notes.append(("out", self.current))
        super().copy_out(limbs, host)

    def wait(self):
        self.notes.append(("wait", self.current))


def test_one_piece_is_copied_while_another_is_computed(wide, keypair, both, reference):
    """Pieces take turns in two streams, and the host waits for nothing until all are enqueued."""
    notes = []
    engine = StreamedPublicEngine(keypair[0].numbers, TakesNotes(wide, notes))
    a, b = both
    del notes[:]
    total = engine.add(a, a)
    pieces = -(-ROWS // (LIMIT // 2))
    assert notes == [
        *(note for i in range(pieces) for note in [("in", i % 2)] * 2 + [("out", i % 2)]),
        ("join", "its own"),
        ("wait", "its own"),
    ]
    del notes[:]
    words = engine.export_words(total)
    assert notes[:4] == [("in", 0), ("out", 0), ("in", 1), ("out", 1)]
    assert np.array_equal(words, reference.export_words(reference.add(b, b)))


def test_memory_that_runs_out_is_named_and_harms_nothing(engine, both, same, monkeypatch):
    a, b = both

    def full(rows):
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(engine.ring, "new", full)
        with pytest.raises(DeviceMemoryError, match=r"no memory left .*arrays of up to .* GiB"):
            engine.add(a, a)
    assert same(a, b)
