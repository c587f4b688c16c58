# SPDX-License-Identifier: Apache-2.0
"""Tables that workers read where the files lie: the rows, features and products of a table read here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from pyfate_gpu.backends.base import EngineOptions
from pyfate_gpu.backends.cpu.engine import CpuBackend
from pyfate_gpu.backends.reference.engine import ReferenceBackend
from pyfate_gpu.backends.sharded import driver as sharded
from pyfate_gpu.backends.sharded.engine import ShardedPublicEngine
from pyfate_gpu.backends.sharded.holder import Holder
from pyfate_gpu.backends.sharded.tables import deal, read_at_workers
from pyfate_gpu.backends.sharded.workers import LocalWorkers
from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.data.data_sets import TablePart, parts_of
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.sources import DataSource, read_rows
from pyfate_gpu.data.tables import read_table
from pyfate_gpu.errors import ConfigurationError, DataError

ROWS = 90
CPU = CpuBackend()


@pytest.fixture
def workers(monkeypatch):
    monkeypatch.setattr(sharded, "SMALL", 1)
    return LocalWorkers([CPU] * 3, CPU.resolve(EngineOptions(threads=1)), "threads")


@pytest.fixture
def folder(tmp_path, rng):
    """Two Parquet files of several row groups, one of them in a folder, an Arrow file of record batches, and litter."""
    x = rng.normal(size=(ROWS, 3)) * [1, 1e200, 1] + [0, 0, 7]
    x[:, 2] = 7
    ids = [f"u{number:03d}" for number in rng.permutation(ROWS)]
    table = pa.table({"id": ids, "y": rng.integers(0, 2, ROWS), "w": rng.random(ROWS) + 0.5}
                     | {name: x[:, i] for i, name in enumerate("abc")})  # fmt: skip
    (tmp_path / "year=2026").mkdir()
    parquet.write_table(table[:40], tmp_path / "year=2026" / "0.parquet", row_group_size=15)
    parquet.write_table(table[40:60], tmp_path / "1.parquet", row_group_size=15)
    feather.write_feather(table[60:], tmp_path / "2.arrow", chunksize=11)
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / ".hidden.parquet").write_text("not one")
    parquet.write_table(table, tmp_path.parent / f"{tmp_path.name}-whole.parquet")
    return tmp_path


def here(folder):
    return read_rows(source(folder.parent / f"{folder.name}-whole.parquet"))


def source(path, **more):
    return DataSource(Path(path), label="y", weight="w", **more)


def features_of(features, workers):
    """The integers that workers hold, in the order of the rows."""
    parts = features._parts.parts
    return np.concatenate([workers._holders[p.worker]._held[p.number].integers for p in parts])


def test_rows_are_those_of_one_table(folder, workers):
    found, expected = read_at_workers(source(folder), workers), here(folder)
    assert list(found.ids) == list(expected.ids)
    assert found.names == expected.names
    np.testing.assert_array_equal(found.labels, expected.labels)
    np.testing.assert_array_equal(found.extras["sample_weight"], expected.extras["sample_weight"])
    assert len(found.values) == ROWS


@pytest.mark.parametrize("standardize", [True, False])
def test_features_are_those_of_one_table(folder, workers, standardize, rng):
    found, expected = read_at_workers(source(folder, columns=["a", "c"]), workers), here(folder)
    chosen = np.sort(rng.permutation(ROWS)[:50])
    values = expected.values[chosen][:, [0, 2]]
    columns = read_table(found.take(chosen).features).values
    pipelines = [
        FeaturePipeline.fit(v, standardize=standardize, clip=2.0) for v in (columns, values)
    ]
    np.testing.assert_allclose(pipelines[0].mean, pipelines[1].mean, rtol=1e-12)
    np.testing.assert_allclose(pipelines[0].scale, pipelines[1].scale, rtol=1e-12)
    features, wanted = (pipelines[1].transform(v) for v in (columns, values))
    np.testing.assert_array_equal(features_of(features, workers), wanted.integers)
    assert [part.rows for part in features._parts.parts] == [16, 17, 17]
    np.testing.assert_array_equal(
        features_of(features.with_ones(), workers), wanted.with_ones().integers
    )
    index = rng.permutation(50)[:21]
    np.testing.assert_array_equal(
        features_of(features.take(index), workers), wanted.take(index).integers
    )
    weights = rng.normal(size=(2, 2))
    np.testing.assert_array_equal(features.times(weights), wanted.times(weights))


def test_huge_columns_have_mean_and_deviation(folder, workers):
    found, expected = read_at_workers(source(folder), workers), here(folder)
    pipelines = [
        FeaturePipeline.fit(r.values, standardize=True, clip=None) for r in (found, expected)
    ]
    np.testing.assert_allclose(pipelines[0].scale, pipelines[1].scale, rtol=1e-12)
    assert pipelines[0].scale.tolist()[2] == 1.0


def test_products_of_placed_features(folder, workers, keypair):
    engine = ShardedPublicEngine(keypair[0].numbers, workers, "sharded")
    rows, expected = read_at_workers(source(folder, columns=["a"]), workers), here(folder)
    pipeline = FeaturePipeline.fit(rows.values, standardize=False, clip=None)
    placed = pipeline.transform(rows.values).at_workers(engine)
    backend = ReferenceBackend()
    reference = backend.public_engine(keypair[0].numbers, backend.resolve(EngineOptions()))
    c = engine.encrypt(integers_to_words(np.arange(ROWS)))
    same = reference.import_words(engine.export_words(c))
    words = pipeline.transform(expected.values[:, :1]).integers.T[..., np.newaxis]
    np.testing.assert_array_equal(
        engine.export_words(engine.matmul_placed(placed, True, c, 1)),
        reference.export_words(reference.matmul(np.ascontiguousarray(words), same, 1)),
    )


def test_features_never_come_to_the_driver(folder, workers, monkeypatch):
    """Of what workers return nothing is as large as a column, and rows go from worker to worker."""
    returned, wait = [], LocalWorkers.wait

    def watched(self, results):
        found = wait(self, results)
        returned.extend(each for each in found if isinstance(each, np.ndarray))
        return found

    monkeypatch.setattr(LocalWorkers, "wait", watched)
    rows = read_at_workers(source(folder, columns=["a", "c"]), workers).take(range(0, ROWS, 2))
    pipeline = FeaturePipeline.fit(rows.values, standardize=True, clip=None)
    features = pipeline.transform(rows.values)
    assert max(each.size for each in returned) == 2  # sums of two columns
    assert features.times(np.ones((2, 1))).shape == (45, 1)


def test_what_nobody_has_is_dropped(folder, workers):
    rows = read_at_workers(source(folder, columns=["a"]), workers)
    pipeline = FeaturePipeline.fit(rows.values, standardize=True, clip=None)
    for _ in range(5):
        features = pipeline.transform(rows.values).with_ones()
    features.times(np.ones((2, 1)))
    assert sum(len(holder._held) for holder in workers._holders) <= 3 + 3 + 3


def test_the_digest_tells_tables_apart(folder, workers, rng):
    rows = read_at_workers(source(folder), workers)
    fewer = LocalWorkers([CPU], CPU.resolve(EngineOptions(threads=1)), "one")
    digest = rows.digest()
    assert read_at_workers(source(folder), fewer).digest() == digest
    turned = Rows(
        rows.ids, rows.names, rows.values[rng.permutation(ROWS)], rows.labels, rows.extras
    )
    assert turned.digest() != digest
    assert rows.take(range(ROWS - 1)).digest() != digest


def test_each_worker_reads_what_its_machine_has(folder, workers, monkeypatch):
    """The first sees Parquet alone, the others Arrow alone."""
    look, dealt = Holder.look, []

    def seen(self, source):
        wanted = ".parquet" if self is workers._holders[0] else ".arrow"
        return [part for part in look(self, source) if part.path.endswith(wanted)]

    read = Holder.read
    monkeypatch.setattr(Holder, "look", seen)
    monkeypatch.setattr(
        Holder, "read", lambda self, n, s, parts: dealt.append(parts) or read(self, n, s, parts)
    )
    assert list(read_at_workers(source(folder), workers).ids) == list(here(folder).ids)
    assert sorted(sum(part.rows for part in parts) for parts in dealt) == [11, 19, 60]


def test_parts_are_dealt_out_once():
    a, b = (TablePart("a.parquet", (1, 1), unit, 10) for unit in range(2))
    other = TablePart("a.parquet", (1, 2), 0, 10)  # of that name on another machine
    assert deal([[a, b], [a, other], []]) == [[a, b], [other], []]


def test_single_files_and_nothing(folder, workers, tmp_path):
    path = folder / "2.arrow"
    assert [part.rows for part in parts_of(source(path))] == [11, 11, 8]
    assert len(read_at_workers(source(path), workers).ids) == 30
    with pytest.raises(DataError, match="no worker finds"):
        read_at_workers(source(tmp_path / "nowhere"), workers)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "x.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(DataError, match="no Parquet or Arrow file"):
        read_at_workers(source(tmp_path / "bad"), workers)


def write(path, **columns):
    parquet.write_table(pa.table(columns), path)


def test_bad_tables(workers, tmp_path):
    write(tmp_path / "0.parquet", id=["a", "b"], y=[0, 1], x=[1.0, 2.0])
    write(tmp_path / "1.parquet", id=["c", "b"], y=[0, 1], x=[1.0, None])
    plain = DataSource(tmp_path, label="y")
    with pytest.raises(DataError, match="1 ids are there more than once"):
        read_at_workers(plain, workers)
    write(tmp_path / "1.parquet", id=["c", "d"], y=[0, 1], x=[1.0, None])
    rows = read_at_workers(plain, workers)
    with pytest.raises(DataError, match="NaN or infinite values in 'x'"):
        read_table(rows.features)
    with pytest.raises(ConfigurationError, match="leave impute out"):
        FeaturePipeline.fit(rows.values, standardize=True, clip=None, impute="mean")
    write(tmp_path / "1.parquet", id=["c", "d"], y=["0", "yes"], x=[1.0, 2.0])
    with pytest.raises(DataError, match="numbers in some files and texts in others"):
        read_at_workers(plain, workers)
    write(tmp_path / "1.parquet", id=["c", "d"], y=[0, 1], z=[1.0, 2.0])
    with pytest.raises(DataError, match="other columns than the first"):
        read_at_workers(plain, workers)


def test_engines_elsewhere_and_what_needs_the_values_here(folder, workers, keypair):
    rows = read_at_workers(source(folder, columns=["a"]), workers)
    features = FeaturePipeline.fit(rows.values, standardize=True, clip=None).transform(rows.values)
    with pytest.raises(ConfigurationError, match="the same backend, workers and cluster"):
        keypair[0].place(features)
    for name in ("values", "integers"):
        with pytest.raises(ConfigurationError, match="packing='none'"):
            getattr(features, name)
