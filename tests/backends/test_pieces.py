# SPDX-License-Identifier: Apache-2.0
"""Engines whose rows lie in shards or in files: every operation gives the integers of the reference engine."""

from __future__ import annotations

import gc
import tracemalloc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.cpu.file_rows import FileRows
from pyfate_gpu.backends.cpu.out_of_core import OutOfCorePublicEngine
from pyfate_gpu.backends.matrices import CsrMatrix
from pyfate_gpu.backends.reference.engine import ReferenceBackend
from pyfate_gpu.backends.sharded import driver as sharded
from pyfate_gpu.backends.sharded.engine import ShardedPublicEngine
from pyfate_gpu.backends.sharded.holder import Holder
from pyfate_gpu.backends.sharded.private import DriverPrivateEngine
from pyfate_gpu.backends.sharded.workers import LocalWorkers, holder_of
from pyfate_gpu.backends.words import integers_to_words, unsigned_to_integers
from pyfate_gpu.errors import ConfigurationError, HostMemoryError, InvalidCiphertextError
from pyfate_gpu.protocol.batching import Division

ROWS = 40
CPU = CpuBackend()
OPTIONS = CPU.resolve(EngineOptions(threads=1))


@pytest.fixture(scope="module")
def reference(keypair):
    backend = ReferenceBackend()
    return backend.public_engine(keypair[0].numbers, backend.resolve(EngineOptions()))


@pytest.fixture
def shards(keypair, monkeypatch):
    """Three workers, the last one of another form of rows."""
    monkeypatch.setattr(sharded, "SMALL", 1)
    workers = LocalWorkers([CPU, CPU, ReferenceBackend()], OPTIONS, "threads")
    return ShardedPublicEngine(keypair[0].numbers, workers, "sharded")


@pytest.fixture
def mixed(keypair, monkeypatch):
    """Two workers of different instruction sets, where this processor has two."""
    monkeypatch.setattr(sharded, "SMALL", 1)
    workers = LocalWorkers([CPU, CPU], OPTIONS, "threads")
    workers._holders[1] = holder_of(CPU, CPU.resolve(EngineOptions(isa="portable", threads=1)))
    return ShardedPublicEngine(keypair[0].numbers, workers, "sharded")


@pytest.fixture
def alike(keypair, monkeypatch):
    """Three workers of the same form: rows travel as they are."""
    monkeypatch.setattr(sharded, "SMALL", 1)
    workers = LocalWorkers([CPU] * 3, OPTIONS, "threads")
    return ShardedPublicEngine(keypair[0].numbers, workers, "sharded")


@pytest.fixture
def files(keypair):
    """Arrays of more than seven rows lie in files, and windows are as long."""
    return OutOfCorePublicEngine(keypair[0].numbers, OPTIONS, 4 * 7 * 128)


@pytest.fixture(params=["shards", "alike", "mixed", "files"])
def engine(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def both(engine, reference, rng):
    """The same 40 ciphertexts in both engines."""
    words = reference.export_words(
        reference.encrypt(integers_to_words(rng.integers(-1000, 1000, ROWS)))
    )
    return engine.import_words(words), reference.import_words(words)


def same(engine, reference, found, expected):
    np.testing.assert_array_equal(engine.export_words(found), reference.export_words(expected))
    assert engine.count(found) == reference.count(expected)


def plain(rng, *shape):
    return integers_to_words(rng.integers(-(1 << 40), 1 << 40, shape))


@pytest.mark.parametrize("length", [0, 1, 7, 8, 100])
def test_take_and_concatenate(engine, reference, both, rng, length):
    a, b = both
    index = rng.integers(0, ROWS, length)
    same(engine, reference, engine.take(a, index), reference.take(b, index))
    parts = [engine.take(a, index), a, engine.take(a, index[:1]), engine.take(a, index[:0])]
    others = [reference.take(b, index), b, reference.take(b, index[:1])]
    same(engine, reference, engine.concatenate(parts), reference.concatenate(others))


def test_row_by_row(engine, reference, both, rng):
    a, b = both
    index, other = rng.integers(0, ROWS, 75), rng.integers(0, ROWS, 75)
    numbers = plain(rng, ROWS)
    same(engine, reference, engine.add(a, a), reference.add(b, b))
    same(engine, reference, engine.add(a, a, index, other), reference.add(b, b, index, other))
    few, few_too = engine.take(a, index[:1]), reference.take(b, index[:1])
    nothing = np.zeros(ROWS, dtype=np.int64)
    same(
        engine,
        reference,
        engine.add(a, few, None, nothing),
        reference.add(b, few_too, None, nothing),
    )
    same(engine, reference, engine.add_plain(a, numbers), reference.add_plain(b, numbers))
    same(
        engine,
        reference,
        engine.add_plain(a, numbers[:3], index, other % 3),
        reference.add_plain(b, numbers[:3], index, other % 3),
    )
    same(engine, reference, engine.negate(a), reference.negate(b))
    same(engine, reference, engine.scale(a, numbers), reference.scale(b, numbers))
    same(
        engine,
        reference,
        engine.scale(a, numbers, index, other),
        reference.scale(b, numbers, index, other),
    )


@pytest.mark.parametrize(
    ("outputs", "columns"), [(3, 1), (20, 1), (50, 1), (3, 4), (25, 4), (0, 2)]
)
def test_products(engine, reference, both, rng, outputs, columns):
    a, b = both
    terms = ROWS // columns
    dense = plain(rng, outputs, terms)
    dense[rng.random((outputs, terms)) < 0.3] = 0
    expected = reference.matmul(dense, b, columns)
    same(engine, reference, engine.matmul(dense, a, columns), expected)
    there = np.argwhere(dense[..., 0] != 0)
    counts = np.bincount(there[:, 0], minlength=outputs)
    indptr = np.append(0, np.cumsum(counts)).astype(np.int64)
    csr = CsrMatrix((outputs, terms), indptr, there[:, 1].copy(), dense[there[:, 0], there[:, 1]])
    same(engine, reference, engine.matmul(csr, a, columns), expected)
    placed = engine.place(dense)
    same(engine, reference, engine.matmul_placed(placed, False, a, columns), expected)
    results, results_too = engine.matmul_placed(placed, False, a, columns), expected
    same(
        engine,
        reference,
        engine.matmul_placed(placed, True, results, columns),
        reference.matmul(np.ascontiguousarray(dense.transpose(1, 0, 2)), results_too, columns),
    )


@settings(
    suppress_health_check=[*settings().suppress_health_check, HealthCheck.function_scoped_fixture]
)
@given(lengths=st.lists(st.integers(0, 30), max_size=30), seed=st.integers(0, 1 << 30))
def test_segments(alike, files, reference, keypair, lengths, seed):
    rng = np.random.default_rng(seed)
    words = reference.export_words(reference.encrypt(plain(rng, ROWS)))
    offsets = np.append(0, np.cumsum(lengths)).astype(np.int64)
    index = rng.integers(0, ROWS, int(offsets[-1]))
    expected = reference.segment_sum(reference.import_words(words), index, offsets)
    for engine in (alike, files):
        same(
            engine,
            reference,
            engine.segment_sum(engine.import_words(words), index, offsets),
            expected,
        )


@pytest.mark.parametrize("steps", [1, 3])
def test_horner(alike, files, reference, rng, steps):
    words = reference.export_words(reference.encrypt(plain(rng, ROWS)))
    numbers = rng.integers(0, ROWS, (ROWS, steps))
    expected = reference.horner(reference.import_words(words), numbers, 40)
    for engine in (alike, files):
        same(engine, reference, engine.horner(engine.import_words(words), numbers, 40), expected)


def test_fresh_and_blinded_ciphertexts(engine, keypair, reference, rng):
    private = ReferenceBackend().private_engine(keypair[1]._numbers, reference)
    values = rng.integers(-1000, 1000, ROWS)

    def decrypted(rows):
        residues = private.decrypt(reference.import_words(engine.export_words(rows)))
        return [
            value - keypair[0].n if value > 1000 else value
            for value in unsigned_to_integers(residues)
        ]

    first = engine.encrypt(integers_to_words(values))
    blinded = engine.blind(first)
    assert decrypted(first) == decrypted(blinded) == values.tolist()
    together = np.concatenate([engine.export_words(first), engine.export_words(blinded)])
    assert len(np.unique(together, axis=0)) == 2 * ROWS


def test_rows_that_do_not_move_stay_parts(alike, rng):
    a = alike.encrypt(plain(rng, ROWS))
    before = [part.number for part in a.parts]
    assert [part.number for part in alike.take(a, np.arange(ROWS)).parts] == before
    assert [part.worker for part in a.parts] == [0, 1, 2]


def test_forms_of_rows_are_never_mixed(mixed, alike, rng):
    """Rows of different instruction sets travel as canonical words, those of the same as they are."""
    forms = {holder._engines[mixed._key].engine_id for holder in mixed.workers._holders}
    assert mixed._canonical == (len(forms) > 1)
    assert not alike._canonical


def test_workers_forget_what_nobody_has(alike, rng):
    holders = alike.workers._holders
    a = alike.encrypt(plain(rng, ROWS))
    for _ in range(5):
        a = alike.add(a, a)
    b = alike.encrypt(plain(rng, 1))
    alike.workers.wait([alike.workers.call(worker, "drop", []) for worker in range(3)])
    assert sum(len(holder._held) for holder in holders) <= len(a.parts) + len(b.parts) + 6
    assert b is not None


def test_workers_forget_keys_that_nobody_has(alike, keypair):
    workers = alike.workers
    ShardedPublicEngine(keypair[0].numbers, workers, "sharded")
    gc.collect()
    ShardedPublicEngine(keypair[0].numbers, workers, "sharded")
    gc.collect()
    again = ShardedPublicEngine(keypair[0].numbers, workers, "sharded")
    assert all(set(h._engines) == {alike._key, again._key} for h in workers._holders)


def test_workers_forget_results_of_keys_that_nobody_has(alike, keypair, rng):
    workers = alike.workers
    engine = ShardedPublicEngine(keypair[0].numbers, workers, "sharded")
    rows = engine.encrypt(plain(rng, ROWS))
    assert [len(holder._held) for holder in workers._holders] == [1, 1, 1]
    del engine, rows
    gc.collect()
    a = alike.encrypt(plain(rng, ROWS))
    assert [set(h._held) for h in workers._holders] == [{part.number} for part in a.parts]


def test_a_workers_error_is_the_drivers(alike, keypair):
    words = np.zeros((ROWS, 16), dtype=np.uint64)
    words[:, 0] = 1
    factor = int(keypair[1]._numbers.p)
    words[30] = np.frombuffer(factor.to_bytes(128, "little"), dtype=np.uint64)
    rows = alike.import_words(words)
    with pytest.raises(InvalidCiphertextError, match="shares a factor with n"):
        alike.negate(rows)
    assert alike.count(alike.add(rows, rows)) == ROWS


def test_the_driver_decrypts_a_few_at_a_time(alike, keypair, monkeypatch, rng):
    here = CPU.public_engine(keypair[0].numbers, OPTIONS)
    private = DriverPrivateEngine(alike, here, CPU.private_engine(keypair[1]._numbers, here))
    monkeypatch.setattr(sharded, "BROUGHT", 4)
    values = rng.integers(0, 1000, ROWS)
    rows = private.encrypt(integers_to_words(values))
    assert unsigned_to_integers(private.decrypt(rows)).tolist() == values.tolist()


MANY = 4096


@pytest.mark.parametrize("by", ["export", "driver", "workers"])
def test_the_driver_takes_little_more_than_the_result(keypair, monkeypatch, rng, by):
    """Results are written where they are to be, and pieces are let go of: at most 1.2 results at any time."""
    monkeypatch.setattr(sharded, "BROUGHT", MANY // 128)
    public, private = keypair[0].numbers, keypair[1]._numbers
    engine = ShardedPublicEngine(public, LocalWorkers([CPU, CPU], OPTIONS, "threads"), "sharded")
    values = rng.integers(0, 1000, MANY)
    rows = engine.encrypt(integers_to_words(values))
    if by == "driver":
        here = CPU.public_engine(public, OPTIONS)
        call = DriverPrivateEngine(engine, here, CPU.private_engine(private, here)).decrypt
    elif by == "workers":
        engine.adopt_key(private)
        call = engine.decrypt_there
    else:
        call = engine.export_words
    call(rows)
    tracemalloc.start()
    try:
        result = call(rows)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert result.nbytes <= most <= 1.2 * result.nbytes
    if by != "export":
        assert unsigned_to_integers(result).tolist() == values.tolist()


def test_long_arrays_lie_in_files_that_are_gone(files, rng, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    a = files.encrypt(plain(rng, ROWS))
    assert isinstance(a, FileRows)
    assert not isinstance(files.encrypt(plain(rng, 7)), FileRows)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_said(files, rng, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with pytest.raises(HostMemoryError, match=r"no room for .* MiB.*PYFATE_GPU_MEMORY_FOLDER"):
        files.encrypt(plain(rng, ROWS))


def test_a_folder_that_is_none_is_said(files, rng, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with pytest.raises(ConfigurationError, match="PYFATE_GPU_MEMORY_FOLDER"):
        files.encrypt(plain(rng, ROWS))


def test_batches_by_chance_move_next_to_nothing_and_other_choices_say_that_they_shuffle(
    alike, rng, caplog
):
    caplog.set_level("INFO", logger="pyfate_gpu")
    c = alike.encrypt(integers_to_words(np.arange(300)))
    moved = []
    give = Holder.give
    counting = lambda self, key, number, index=None, canonical=False: (  # noqa: E731
        moved.append(len(index)) or give(self, key, number, index, canonical)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Holder, "give", counting)
        for batch in Division(300, 100, anew=True, random_state=1).draw():
            alike.take(c, batch.rows)
        assert sum(moved) <= 6 * 3
        assert not caplog.records
        alike.take(c, rng.permutation(300))
    assert sum(moved) > 100
    (record,) = caplog.records
    assert "a choice of 300 rows shuffles" in record.getMessage()
