# SPDX-License-Identifier: Apache-2.0
"""Sums over rows at many workers: a tree of partial results, and no call beyond its edges."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.reference.engine import ReferenceBackend
from pyfate_gpu.backends.sharded import driver
from pyfate_gpu.backends.sharded.engine import ShardedPublicEngine
from pyfate_gpu.backends.sharded.plan import children, parent
from pyfate_gpu.backends.sharded.shards import Shards
from pyfate_gpu.backends.sharded.workers import LocalWorkers
from pyfate_gpu.backends.words import integers_to_words

CPU = CpuBackend()
OPTIONS = CPU.resolve(EngineOptions(threads=1))
ROWS = 60


class CountedWorkers(LocalWorkers):
    """Workers that note what they are told."""

    def __init__(self, backends) -> None:
        super().__init__(backends, OPTIONS, "counted")
        self.told: list[tuple[int, str]] = []

    def call(self, worker, method, *operands):
        self.told.append((worker, method))
        return super().call(worker, method, *operands)


@pytest.fixture
def make(keypair, monkeypatch):
    monkeypatch.setattr(driver, "SMALL", 1)

    def make(*backends):
        return ShardedPublicEngine(keypair[0].numbers, CountedWorkers(backends), "sharded")

    return make


@pytest.fixture
def reference(keypair):
    backend = ReferenceBackend()
    return backend.public_engine(keypair[0].numbers, backend.resolve(EngineOptions()))


def segments(rng, bins):
    index = rng.integers(0, bins, ROWS)
    offsets = np.append(0, np.cumsum(np.bincount(index, minlength=bins)))
    return np.argsort(index, kind="stable"), offsets.astype(np.int64)


def same_as(reference, engine, rows, index, offsets):
    """Whether sums by segment are those of the reference engine."""
    expected = reference.segment_sum(
        reference.import_words(engine.export_words(rows)), index, offsets
    )
    found = engine.export_words(engine.segment_sum(rows, index, offsets))
    return bool((found == reference.export_words(expected)).all())


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("form", ["alike", "mixed"])
def test_sums_of_many_workers(make, reference, rng, count, form):
    others = [CPU] * (count - 1)
    engine = make(*others, CPU if form == "alike" else ReferenceBackend())
    c = engine.encrypt(integers_to_words(rng.integers(-1000, 1000, ROWS)))
    assert same_as(reference, engine, c, *segments(rng, 3))
    assert same_as(reference, engine, c, np.arange(ROWS), np.array([0, ROWS]))


def test_parts_at_one_worker_are_added_up_there(make, reference, rng):
    engine = make(CPU, CPU)
    a, b = (engine.encrypt(integers_to_words(rng.integers(0, 99, ROWS // 2))) for _ in range(2))
    both = Shards([*a.parts, *b.parts])
    assert [part.worker for part in both.parts] == [0, 1, 0, 1]
    assert same_as(reference, engine, both, *segments(rng, 3))


def test_every_place_but_the_first_gives_once():
    for count in range(1, 70):
        taken = [other for place in range(count) for other in children(place, count)]
        assert sorted(taken) == list(range(1, count))
        assert all(place in children(parent(place), count) for place in range(1, count))


@pytest.mark.parametrize(("count", "calls"), [(1, 1), (2, 3), (4, 6)])
def test_a_histogram_costs_a_call_a_worker_and_one_for_each_that_adds(
    make, rng, count, calls, monkeypatch
):
    """What the last one left is dropped with these calls, and with none of its own."""
    monkeypatch.setattr(driver, "SMALL", ROWS // 4)
    engine = make(*[CPU] * count)
    c = engine.encrypt(integers_to_words(rng.integers(0, 99, ROWS)))
    index, offsets = segments(rng, 3)
    assert len(c.parts) == count
    for _ in range(3):
        engine.workers.told.clear()
        result = engine.segment_sum(c, index, offsets)
        gc.collect()
        assert len(engine.workers.told) == calls
    assert [part.worker for part in result.parts] == [0]


def test_workers_that_are_told_nothing_drop_too(make, rng):
    engine = make(CPU, CPU)
    engine.encrypt(integers_to_words(rng.integers(0, 99, ROWS)))
    gc.collect()
    engine.encrypt(integers_to_words(np.ones(1, dtype=np.int64)))  # at the first worker alone
    engine.workers.wait([engine.workers.call(worker, "drop", []) for worker in range(2)])
    assert [len(holder._held) for holder in engine.workers._holders] == [1, 0]
