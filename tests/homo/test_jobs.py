# SPDX-License-Identifier: Apache-2.0
"""Jobs of clients and a server, as processes over mutual TLS; and what becomes of one that was cut short."""

import copy
import csv
import json

import numpy as np
import pytest

from pyfate_gpu import HomoBoostedTreesClassifier, HomoLogisticRegression, simulate
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import ARBITER, SERVER, Party
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.storage.toml import dump_toml

MODEL = {"type": "homo_logistic", "max_iter": 3, "tol": 0.0, "random_state": 1, "value_bits": 24}


@pytest.fixture
def job(tmp_path):
    """Write tables of three clients and ``job.toml``; return its path for changes by table."""
    random = np.random.default_rng(8)
    X = random.normal(size=(90, 3))
    y = (X @ [1.0, -2.0, 0.5] > 0).astype(int)
    parts = np.split(np.arange(90), [20, 50])
    for number, rows in enumerate(parts):
        with (tmp_path / f"{number}.csv").open("w", newline="") as file:
            lines = [[f"u{row}", int(y[row]), *map(repr, X[row].tolist())] for row in rows]
            csv.writer(file).writerows([["id", "y", "a", "b", "c"], *lines])

    def write(changes=None, clients=3, model=MODEL):
        tables = {
            "job": {"name": "small", "directory": "out", "timeout": 300.0, "peer_timeout": 60.0, "report": False},
            "model": model,
            "engine": {"backend": "cpu", "threads": 1},
        }  # fmt: skip
        for number in range(clients):
            source = {"path": f"{number}.csv", "label": "y"}
            tables[f"data.client-{number}"] = source
            tables[f"predict.client-{number}"] = source
        for name, table in (changes or {}).items():
            tables[name] = {**tables.get(name, {}), **table}
        path = tmp_path / "job.toml"
        path.write_text(dump_toml(tables))
        return path

    write.parts = [(X[rows], y[rows]) for rows in parts]
    return write


def test_processes_train_and_each_client_predicts(job, tmp_path):
    loaded = Job.load(job())
    assert [party.name for party in loaded.parties] == [
        "client-0",
        "client-1",
        "client-2",
        "server",
    ]
    run_job(loaded, lambda line: None)
    results = [
        json.loads((tmp_path / "out" / f"client-{i}" / "result.json").read_text()) for i in range(3)
    ]
    assert results[0]["coef"] == results[1]["coef"] == results[2]["coef"]
    assert results[0]["columns"] == ["a", "b", "c"]
    server = json.loads((tmp_path / "out" / "server" / "result.json").read_text())
    assert "coef" not in server
    assert server["iterations"] == 3

    def client(X, y):
        parameters = {name: value for name, value in MODEL.items() if name != "type"}
        return lambda session: HomoLogisticRegression(**parameters).fit(X, y, session=session)

    parameters = {name: value for name, value in MODEL.items() if name != "type"}
    here = simulate(
        server=lambda session: HomoLogisticRegression(**parameters).fit(session=session),
        clients=[client(*part) for part in job.parts],
    )
    np.testing.assert_allclose(results[0]["coef"], here["client-0"].coef_, atol=1e-4)
    run_job(loaded, lambda line: None, predict=True)
    with (tmp_path / "out" / "client-1" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 30
    expected = here["client-1"].predict(job.parts[1][0])
    assert np.mean([int(row["prediction"]) for row in rows] == expected) > 0.95


def test_processes_grow_trees(job, tmp_path):
    model = {
        "type": "homo_trees_classifier",
        "n_estimators": 3,
        "max_depth": 2,
        "min_samples_leaf": 2,
    }
    loaded = Job.load(job(model=model))
    run_job(loaded, lambda line: None)
    results = [
        json.loads((tmp_path / "out" / f"client-{i}" / "result.json").read_text()) for i in range(3)
    ]
    assert results[0]["importances"] == results[1]["importances"] == results[2]["importances"]
    assert results[0]["loss"] == results[1]["loss"]
    assert len(results[0]["loss"]) == 3
    run_job(loaded, lambda line: None, predict=True)
    X = job.parts[2][0]

    def client(*part):
        parameters = {name: value for name, value in model.items() if name != "type"}
        return lambda s: HomoBoostedTreesClassifier(**parameters).fit(*part, session=s)

    here = simulate(server=client(), clients=[client(*part) for part in job.parts])["client-0"]
    with (tmp_path / "out" / "client-2" / "predictions.csv").open() as file:
        found = [int(row["prediction"]) for row in csv.DictReader(file)]
    assert found == here.predict(X).tolist()


def test_who_takes_part(job):
    paillier = {"method": "paillier", "key_bits": 512, "allow_insecure_key_size": True}
    parties = Job.load(job({"model": paillier})).parties
    assert parties[-2:] == (SERVER, ARBITER)
    ports = range(7001, 7006)
    configurations = Job.load(job({"model": paillier})).configurations(ports)
    assert configurations[SERVER].data is None
    assert configurations[Party.parse("client-2")].data is not None


@pytest.mark.parametrize(
    ("changes", "clients", "text"),
    [
        ({}, 1, "client-0"), ({"data.client-7": {"path": "0.csv"}}, 2, "without gaps"),
        ({"data.guest": {"path": "0.csv"}}, 2, "client-0"),
    ],
)  # fmt: skip
def test_jobs_that_are_none(job, changes, clients, text):
    with pytest.raises(ConfigurationError, match=text):
        Job.load(job(changes, clients))


class Kept:
    """The state of a party, in memory."""

    def __init__(self):
        self.iteration, self.states = 0, {}

    def is_due(self, iteration):
        return True

    def save(self, iteration, state):
        self.states[iteration] = copy.deepcopy(state)

    def load(self):
        return copy.deepcopy(self.states[self.iteration])


@pytest.mark.parametrize(
    "parameters",
    [{}, {"algorithm": "gradient", "learning_rate": 0.3}, {"early_stopping_rounds": 2}],
    ids=["average", "gradient", "stopping"],
)
def test_a_training_goes_on_from_checkpoints(job, parameters):
    """With nothing drawn by chance but roundings, as near as they are."""
    options = {"max_iter": 6, "tol": 0.0, "batch_size": None, "value_bits": 28} | parameters
    kept = {}
    tested = (job.parts[2][0], job.parts[2][1]) if "early_stopping_rounds" in parameters else None

    def party(begin, X=None, y=None, iterations=6):
        def run(session):
            recovery = kept.setdefault(session.party.name, Kept()) if begin is not None else None
            if recovery is not None:
                recovery.iteration = begin
                session.recovery = recovery
            model = HomoLogisticRegression(**options | {"max_iter": iterations})
            validation = None if X is None else tested
            return model.fit(X, y, session=session, validation=validation)

        return run

    def train(begin, iterations=6):
        clients = [party(begin, *part, iterations) for part in job.parts]
        return simulate(server=party(begin, iterations=iterations), clients=clients)["client-1"]

    whole = train(None)
    train(0, 4)
    resumed = train(3)
    np.testing.assert_allclose(resumed.coef_, whole.coef_, atol=1e-5)
    assert resumed.n_iter_ == whole.n_iter_
    np.testing.assert_allclose(resumed.loss_history_, whole.loss_history_, atol=1e-4)
