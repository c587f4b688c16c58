# SPDX-License-Identifier: Apache-2.0
"""Tables that stay at the workers of a Ray cluster: jobs train and predict on them, other models refuse them."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from pyfate_gpu import (
    HeteroLogisticRegression,
    simulate,
    use_backend,
)
from pyfate_gpu.backends import workers as workers_of_choice
from pyfate_gpu.backends.ray.backend import RayBackend
from pyfate_gpu.backends.sharded.tables import read_at_workers
from pyfate_gpu.data.sources import DataSource, read_rows
from pyfate_gpu.errors import (
    BackendUnavailableError,
    ConfigurationError,
)
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.jobs import launcher
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.party import run_party
from pyfate_gpu.jobs.ports import reserved_ports
from pyfate_gpu.storage.toml import dump_toml

pytestmark = pytest.mark.skipif(
    not RayBackend().availability().available, reason="Ray has no release for this machine"
)


@pytest.fixture
def two():
    with use_backend("ray", workers=2):
        yield


def test_a_job_whose_tables_stay_at_the_workers(two, tmp_path, rng):
    """Weights of a job over Parquet files that workers read, by common ids, are those of tables read by the parties."""
    ids, x = (
        np.array([f"u{number:04d}" for number in rng.permutation(400)]),
        rng.normal(size=(400, 5)),
    )
    y = (x.sum(axis=1) > 0).astype(int)
    for name, columns, rows in (("guest", {"y": y, "a": x[:, 0], "b": x[:, 1]}, slice(0, 350)),
                                ("host-0", {c: x[:, 2 + i] for i, c in enumerate("cde")}, slice(50, 400))):  # fmt: skip
        (tmp_path / name).mkdir()
        table = pa.table({"id": ids, **columns})[rows]
        parquet.write_table(table[:200], tmp_path / name / "0.parquet", row_group_size=70)
        parquet.write_table(table[200:], tmp_path / name / "1.parquet")
    weights = [_weights(tmp_path, at_workers) for at_workers in (True, False)]
    np.testing.assert_allclose(*weights, atol=1e-9)


def _weights(folder, at_workers):
    tables = {
        "job": {"name": "big", "directory": f"out-{at_workers}", "report": False, "checkpoint_every": 2},
        "alignment": {"method": "psi"},
        "model": {"type": "logistic", "max_iter": 3, "tol": 0.0, "key_bits": 512, "packing": "none",
                  "optimizer": "adam", "batch_size": 150, "shuffle": True, "random_state": 1,
                  "allow_insecure_key_size": True},
        "data.guest": {"path": "guest", "format": "parquet", "label": "y", "at_workers": at_workers},
        "data.host-0": {"path": "host-0", "format": "parquet", "at_workers": at_workers},
    }  # fmt: skip
    path = folder / f"job-{at_workers}.toml"
    path.write_text(dump_toml(tables))
    job = Job.load(path)
    job.directory.mkdir()
    launcher._certify(job)
    with reserved_ports(3) as ports, ThreadPoolExecutor(3) as pool:
        parties = job.configurations(ports).values()
        for done in [pool.submit(run_party, party) for party in parties]:
            done.result()
    results = [job.directory / party / "result.json" for party in ("guest", "host-0")]
    return np.concatenate([json.loads(result.read_text())["coef"] for result in results])


@pytest.fixture
def tables_of_two(tmp_path, rng):
    """Guest's and host's rows, as a function of whether workers read them."""
    x = rng.normal(size=(200, 4))
    ids = [f"u{number:03d}" for number in range(200)]
    guest = {"id": ids, "y": (x.sum(axis=1) > 0).astype(int), "a": x[:, 0], "b": x[:, 1]}
    parquet.write_table(pa.table(guest), tmp_path / "guest.parquet", row_group_size=60)
    host = {"id": ids, "c": x[:, 2], "d": x[:, 3]}
    parquet.write_table(pa.table(host), tmp_path / "host.parquet", row_group_size=60)
    sources = (
        DataSource(tmp_path / "guest.parquet", label="y"),
        DataSource(tmp_path / "host.parquet"),
    )

    def read(at_workers):
        everybody = workers_of_choice()
        return [read_at_workers(s, everybody) if at_workers else read_rows(s) for s in sources]

    return read


def scores(guest, host, **params):
    """Of the rows that were trained on, which are those of validation, too."""

    def model():
        plain = {"packing": "none", "optimizer": "adam"} | params
        return HeteroLogisticRegression(
            max_iter=2, key_bits=512, allow_insecure_key_size=True, **plain
        )

    def at_guest(session):
        judged = (guest.features, guest.labels)
        fitted = model().fit(*judged, session=session, validation=judged)
        return fitted.decision_function(guest.features, session=session)

    def at_host(session):
        fitted = model().fit(host.features, session=session, validation=host.features)
        return fitted.decision_function(host.features, session=session)

    def at_arbiter(session):
        return model().fit(session=session).decision_function(session=session)

    return simulate(guest=at_guest, hosts=[at_host], arbiter=at_arbiter)["guest"]


def test_scores_of_tables_at_workers(two, tables_of_two):
    np.testing.assert_allclose(
        scores(*tables_of_two(True)), scores(*tables_of_two(False)), atol=1e-9
    )


@pytest.mark.parametrize("params", [{"packing": "rows"}, {"optimizer": "newton"}], ids=str)
def test_what_needs_the_features_here(two, tables_of_two, params):
    with pytest.raises(
        ConfigurationError, match="features that lie at workers take packing='none'"
    ):
        scores(*tables_of_two(True), **params)


def test_other_models_take_no_tables_at_workers(tmp_path):
    with pytest.raises(ConfigurationError, match="leave at_workers out"):
        make_estimator("boosted_trees_classifier", {}).check_source(
            DataSource(tmp_path, at_workers=True)
        )


def test_other_backends_read_no_tables_at_workers():
    with (
        use_backend("cpu"),
        pytest.raises(BackendUnavailableError, match="no workers to read tables"),
    ):
        workers_of_choice()
