# SPDX-License-Identifier: Apache-2.0
"""Networks of PyTorch; what needs it is skipped without it, tests/homo/measure_network.py compares accuracies."""

import json

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.homo import HomoNetworkClassifier
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from tests.homo.test_jobs import Kept, job  # noqa: F401


@pytest.mark.parametrize(
    "wrong",
    [
        {"network": "linear"}, {"max_iter": 0}, {"learning_rate": 0.0}, {"proximal": -1.0}, {"value_bits": 1.5},
        {"hidden": "32"}, {"hidden": [0]}, {"seed": -1}, {"weighting": "loss"}, {"method": "trust"},
        {"early_stopping_rounds": 0},
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(wrong):
    with pytest.raises(ConfigurationError):
        HomoNetworkClassifier(**wrong).check()
    with pytest.raises(ConfigurationError, match="fit first"):
        HomoNetworkClassifier(network=lambda: None).predict([[1.0]])


@pytest.mark.torch
def test_clients_end_with_one_network():
    torch = pytest.importorskip("torch")
    X = np.random.default_rng(0).normal(size=(90, 4))
    y = np.where(X[:, 0] > X[:, 1], "up", "down")

    def model():
        network = lambda: torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))  # noqa: E731
        return HomoNetworkClassifier(
            network=network, classes=["down", "up"], max_iter=8, learning_rate=0.5
        )

    def client(rows):
        return lambda session: model().fit(X[rows], y[rows], session=session)

    server = lambda session: model().fit(session=session)  # noqa: E731
    found = simulate(server=server, clients=[client(slice(0, 30)), client(slice(30, 90))])
    first, second = found["client-0"], found["client-1"]
    assert (first.predict(X) == y).mean() > 0.9
    np.testing.assert_array_equal(first.decision_function(X), second.decision_function(X))
    assert first.network_[0].num_batches_tracked == 8 * (1 + 2)  # of both clients
    assert first.loss_history_[-1] < first.loss_history_[0]
    with pytest.raises(DataError):
        simulate(server=server, clients=[client(slice(0, 0)), client(slice(30, 90))])


KEY = {"method": "paillier", "key_bits": 512, "allow_insecure_key_size": True}
OPTIONS = {"hidden": (8,), "max_iter": 6, "learning_rate": 0.3, "random_state": 3, "value_bits": 20}


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(1)
    X = random.normal(size=(120, 3)) * [1.0, 50.0, 1e-3]
    return X, np.digitize(X[:, 0] + X[:, 1] / 50, [-0.7, 0.7])


def fit(rows, tested=None, begin=None, kept=None, **options):
    """The models of three clients."""
    X, y = rows

    def party(part=None):
        def run(session):
            if begin is not None:
                session.recovery = kept.setdefault(session.party.name, Kept())
                session.recovery.iteration = begin
            data = () if part is None else (X[part], y[part])
            judged = None if part is None else tested
            model = HomoNetworkClassifier(**OPTIONS | options)
            return model.fit(*data, session=session, validation=judged)

        return run

    further = {"arbiter": party()} if "key_bits" in options else {}
    clients = [party(part) for part in (slice(0, 30), slice(30, 50), slice(50, 120))]
    found = simulate(server=party(), clients=clients, **further)
    return [found[f"client-{number}"] for number in range(3)]


@pytest.mark.torch
@pytest.mark.parametrize("method", [{}, KEY, KEY | {"blind_key_server": True}])
def test_all_clients_have_the_network_whoever_adds_up(rows, method):
    pytest.importorskip("torch")
    models = fit(rows, standardize=True, batch_size=8, **method)
    X, y = rows
    for other in models[1:]:
        np.testing.assert_array_equal(other.decision_function(X), models[0].decision_function(X))
    assert (models[0].predict(X) == y).mean() > 0.7
    assert models[0].predict_proba(X).sum(axis=1) == pytest.approx(1)
    assert models[0].evaluate(y, models[0].decision_function(X))["accuracy"] > 0.7
    assert models[0].output_names() == [0, 1, 2]
    assert models[0].outputs_of(y) == 3
    assert models[0].result()["loss"] == models[0].loss_history_


@pytest.mark.torch
def test_an_average_is_that_in_the_clear(rows):
    torch = pytest.importorskip("torch")
    X, y = (rows[0] / [1.0, 50.0, 1e-3]).astype(np.float32), rows[1]
    options = {"max_iter": 1, "batch_size": 200, "value_bits": 28, "local_epochs": 2}
    model = fit((X, y), **options)[0]
    begun = fit((X, y), **options | {"learning_rate": 1e-30})[0]
    expected = {
        name: torch.zeros_like(value) for name, value in begun.network_.state_dict().items()
    }
    for part in (slice(0, 30), slice(30, 50), slice(50, 120)):
        own = torch.nn.Sequential(torch.nn.Linear(3, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
        own.load_state_dict(begun.network_.state_dict())
        optimizer = torch.optim.SGD(own.parameters(), lr=0.3)
        for _ in range(2):
            optimizer.zero_grad()
            scores = own(torch.from_numpy(X[part]))
            torch.nn.functional.cross_entropy(scores, torch.from_numpy(y[part])).backward()
            optimizer.step()
        for name, value in own.state_dict().items():
            expected[name] += value * (len(y[part]) / len(y))
    for name, value in model.network_.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name].numpy(), atol=1e-5)


@pytest.mark.torch
def test_training_stops_early_and_keeps_the_best(rows):
    pytest.importorskip("torch")
    X, y = rows
    tested = (X[:40], np.random.default_rng(0).permutation(y[:40]))
    model = fit(
        rows, tested, standardize=True, early_stopping_rounds=2, max_iter=30, learning_rate=1.0
    )[1]
    losses = [each["loss"] for each in model.validation_history_]
    assert len(losses) == model.n_iter_ < 30
    assert np.argmin(losses) == len(losses) - 3
    found = model.evaluate(tested[1], model.decision_function(X[:40]))
    assert found["loss"] == pytest.approx(min(losses), abs=1e-2)


@pytest.mark.torch
def test_a_training_goes_on_from_checkpoints(rows):
    """Near enough: roundings are drawn by chance, and batches from where the resumed process begins."""
    pytest.importorskip("torch")
    options = {"standardize": True, "value_bits": 28, "batch_size": 200, "max_iter": 5}
    kept = {}
    whole = fit(rows, **options)[2]
    fit(rows, begin=0, kept=kept, **options | {"max_iter": 4})
    resumed = fit(rows, begin=2, kept=kept, **options)[2]
    assert resumed.n_iter_ == whole.n_iter_ == 5
    np.testing.assert_allclose(resumed.loss_history_, whole.loss_history_, atol=1e-4)
    scores = [model.decision_function(rows[0]) for model in (resumed, whole)]
    np.testing.assert_allclose(*scores, atol=1e-3)


@pytest.mark.torch
def test_a_model_is_kept(rows, tmp_path):
    torch = pytest.importorskip("torch")
    X, y = rows
    model = fit((X, np.array(["a", "b", "c"])[y]), standardize=True, max_iter=2)[0]
    model.save(tmp_path / "model")
    again = HomoNetworkClassifier.load(tmp_path / "model")
    np.testing.assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert set(again.predict(X)) <= {"a", "b", "c"}
    with pytest.raises(DataError):
        model.predict(X[:, :2])
    with pytest.raises(DataError, match="network"):
        HomoNetworkClassifier.load(tmp_path / "model", network=lambda: torch.nn.Linear(3, 3))
    own = fit(rows, max_iter=1, network=lambda: torch.nn.Linear(3, 3))[0]
    own.save(tmp_path / "own")
    found = HomoNetworkClassifier.load(tmp_path / "own", network=lambda: torch.nn.Linear(3, 3))
    np.testing.assert_array_equal(found.decision_function(X), own.decision_function(X))
    with pytest.raises(DataError, match="shape"):
        HomoNetworkClassifier.load(tmp_path / "own", network=lambda: torch.nn.Linear(3, 2))
    with pytest.raises(ConfigurationError, match="no model"):
        HomoNetworkClassifier().save(tmp_path / "none")


@pytest.mark.torch
def test_processes_train_a_network(job, tmp_path):  # noqa: F811
    pytest.importorskip("torch")
    model = {"type": "homo_network", "max_iter": 3, "hidden": [4], "learning_rate": 0.5}
    loaded = Job.load(job(model=model))
    run_job(loaded, lambda line: None)
    results = [
        json.loads((tmp_path / "out" / f"client-{i}" / "result.json").read_text()) for i in range(3)
    ]
    assert results[0]["loss"] == results[1]["loss"] == results[2]["loss"]
    run_job(loaded, lambda line: None, predict=True)
    text = (tmp_path / "out" / "client-1" / "predictions.csv").read_text()
    assert len(text.splitlines()) == 31
