# SPDX-License-Identifier: Apache-2.0
"""Horizontal regressions against averages that are computed in the clear, and against solvers of all rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import roc_auc_score

from pyfate_gpu import HomoLinearRegression, HomoLogisticRegression, simulate
from pyfate_gpu.errors import ConfigurationError, DataError, DisagreementError, StorageError
from pyfate_gpu.homo.messages import MESSAGES
from pyfate_gpu.protocol.messages import SHARED, why_refuse
from tests.protocol.test_messages import delivered  # noqa: F401

KEY = {"key_bits": 512, "allow_insecure_key_size": True}
PAILLIER = {"method": "paillier", **KEY}


def train(kind, parts, validation=None, **parameters):
    """The models of all clients."""

    def client(X, y, *weights):
        def run(session):
            weighted = {"sample_weight": weights[0]} if weights else {}
            model = kind(**parameters)
            return model.fit(X, y, session=session, validation=validation, **weighted)

        return run

    def helper(session):
        return kind(**parameters).fit(session=session)

    further = {"arbiter": helper} if parameters.get("method") == "paillier" else {}
    clients = [client(*part) for part in parts]
    results = simulate(server=helper, clients=clients, **further)
    return [results[f"client-{number}"] for number in range(len(parts))]


def thirds(X, y, *sizes):
    ends = np.cumsum(sizes)
    return [(X[a:b], y[a:b]) for a, b in zip([0, *ends], ends, strict=False)]


@pytest.fixture(scope="module")
def breast():
    X, y = load_breast_cancer(return_X_y=True)
    order = np.random.default_rng(5).permutation(len(y))
    return X[order], y[order]


def averaged(parts, rounds, rate, batch, alpha, proximal=0.0, weights=None):
    """FedAvg in the clear, written out: standardise over all rows, descend at home, average."""
    X = np.vstack([x for x, _ in parts])
    center, scale = X.mean(axis=0), X.std(axis=0)
    local = [(np.hstack([(x - center) / scale, np.ones((len(x), 1))]), y) for x, y in parts]
    common = np.zeros(X.shape[1] + 1)
    randoms = [np.random.default_rng([3, number]) for number in range(len(parts))]
    shares = np.array([len(y) for _, y in parts] if weights is None else weights, dtype=float)
    decay = alpha * np.append(np.ones(X.shape[1]), 0)
    for _ in range(rounds):
        found = []
        for (x, y), random in zip(local, randoms, strict=True):
            w, order = common.copy(), random.permutation(len(y))
            for start in range(0, len(y), batch):
                some = order[start : start + batch]
                p = 1 / (1 + np.exp(-x[some] @ w))
                gradient = x[some].T @ (p - y[some]) / len(some) + decay * w
                w -= rate * (gradient + proximal * (w - common))
            found.append(w)
        common = shares @ np.array(found) / shares.sum()
    coef = common[:-1] / scale
    return coef, common[-1] - coef @ center


@pytest.mark.parametrize(
    ("parameters", "proximal", "weights"),
    [({}, 0.0, None), ({"proximal": 0.5}, 0.5, None), ({"weighting": "equal"}, 0.0, [1, 1, 1])],
    ids=["rows", "proximal", "equal"],
)
def test_federated_averaging_is_that_in_the_clear(breast, parameters, proximal, weights):
    X, y = breast
    parts = thirds(X, y, 50, 150, 250)
    models = train(
        HomoLogisticRegression, parts, max_iter=8, tol=0.0, random_state=3, learning_rate=0.05,
        value_bits=24, alpha=1e-3, **parameters,
    )  # fmt: skip
    coef, intercept = averaged(parts, 8, 0.05, 32, 1e-3, proximal, weights)
    model = models[0]
    scale = np.vstack([x for x, _ in parts]).std(axis=0)
    np.testing.assert_allclose(model.coef_[0] * scale, coef * scale, atol=2e-5)
    auc = [
        roc_auc_score(y[450:], s)
        for s in (model.decision_function(X[450:]), X[450:] @ coef + intercept)
    ]
    assert abs(auc[0] - auc[1]) < 1e-4
    for other in models[1:]:
        np.testing.assert_array_equal(other.coef_, model.coef_)
        np.testing.assert_array_equal(other.intercept_, model.intercept_)
    assert model.n_iter_ == 8
    assert len(model.loss_history_) == 8
    assert model.loss_history_[0] == pytest.approx(np.log(2), abs=1e-5)
    assert model.loss_history_[-1] < model.loss_history_[0]


@pytest.mark.parametrize("parameters", [{}, PAILLIER, PAILLIER | {"blind_key_server": True}])
def test_gradient_steps_are_those_of_all_rows(breast, parameters):
    """Whoever adds up: the model is that of one party with all rows, whatever falls to whom."""
    X, y = breast
    models = train(
        HomoLogisticRegression, thirds(X, y, 20, 200, 230), algorithm="gradient", max_iter=25,
        optimizer="sgd", learning_rate=1.0, alpha=1e-2, tol=0.0, value_bits=26, **parameters,
    )  # fmt: skip
    x = (X[:450] - X[:450].mean(axis=0)) / X[:450].std(axis=0)
    design, weights = np.hstack([x, np.ones((450, 1))]), np.zeros(31)
    for _ in range(25):
        residual = 1 / (1 + np.exp(-design @ weights)) - y[:450]
        weights -= design.T @ residual / 450 + 1e-2 * np.append(weights[:-1], 0)
    np.testing.assert_allclose(models[1].coef_[0] * X[:450].std(axis=0), weights[:-1], atol=1e-4)


def test_linear_regression_reaches_the_solver():
    X, y = load_diabetes(return_X_y=True)
    models = train(
        HomoLinearRegression, thirds(X, y, 42, 100, 300), algorithm="gradient", max_iter=120,
        optimizer="adam", learning_rate=0.3, alpha=1e-2, tol=0.0, value_bits=26,
    )  # fmt: skip
    z = (X - X.mean(axis=0)) / X.std(axis=0)
    ridge = Ridge(alpha=1e-2 * len(y)).fit(z, y)
    np.testing.assert_allclose(models[0].coef_[0] * X.std(axis=0), ridge.coef_, atol=0.15)
    scores = models[0].decision_function(X)
    assert np.abs(scores - ridge.predict(z)).max() < 0.6
    assert models[0].evaluate(y, scores)["r2"] > 0.5
    np.testing.assert_array_equal(models[0].predict(X), scores)


def test_many_classes_that_no_client_has_all_of():
    X, y = load_digits(return_X_y=True)
    order = np.argsort(y, kind="stable")  # a client has digits that others lack
    X, y = X[order], np.array([f"digit {label}" for label in y[order]])
    parts = [
        (X[rows], y[rows])
        for rows in (y < "digit 4", (y >= "digit 2") & (y < "digit 8"), y > "digit 5")
    ]
    model = train(
        HomoLogisticRegression, parts, algorithm="gradient", max_iter=30, standardize=False,
        learning_rate=0.02, alpha=0.0, tol=0.0,
    )[2]  # fmt: skip
    assert list(model.classes_) == sorted(set(y))
    scores = model.decision_function(X)
    assert scores.shape == (len(y), 10)
    assert model.evaluate(y, scores)["accuracy"] > 0.95
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1)
    assert model.output_names() == sorted(set(y))
    central = LogisticRegression(max_iter=1000).fit(X, y).score(X, y)
    assert (model.predict(X) == y).mean() > central - 0.05


def test_standardisation_is_that_of_all_rows():
    """Columns of very different size, a constant one, and one that some clients lack values of."""
    random = np.random.default_rng(2)
    X = random.normal(size=(300, 5)) * [1e-9, 1.0, 1e6, 0.0, 3.0] + [1e-9, -5, 1e6, 7, 0]
    X[:100, 4] = 0
    y = (X[:, 1] > -5).astype(int)
    seen = {}
    from pyfate_gpu.homo import regression

    class Spy(HomoLogisticRegression):
        def _in_units(self, weights, scale):
            seen["scale"] = scale
            return super()._in_units(weights, scale)

    train(Spy, thirds(X, y, 100, 50, 150), max_iter=1)
    np.testing.assert_allclose(seen["scale"].mean, X.mean(axis=0), rtol=1e-6, atol=1e-17)
    expected = np.where(np.arange(5) == 3, 1.0, X.std(axis=0))
    np.testing.assert_allclose(seen["scale"].deviation, expected, rtol=1e-5)
    assert regression.Scale is type(seen["scale"])


def test_early_stopping_keeps_the_best_and_reports_what_clients_measure(breast):
    X, y = breast
    tested = (X[450:], y[450:])
    model = train(
        HomoLogisticRegression, thirds(X, y, 30, 20, 40), tested, early_stopping_rounds=3,
        max_iter=20, learning_rate=2.0, local_epochs=5, tol=0.0, alpha=0.0, value_bits=24,
    )[0]  # fmt: skip
    losses = [each["loss"] for each in model.validation_history_]
    assert len(losses) == model.n_iter_ < 20
    assert np.argmin(losses) == len(losses) - 4
    found = model.evaluate(y[450:], model.decision_function(X[450:]))
    assert found["loss"] == pytest.approx(min(losses), abs=1e-3)
    assert found["accuracy"] == pytest.approx(
        model.validation_history_[np.argmin(losses)]["accuracy"], abs=1e-3
    )


def test_a_loss_that_begins_high_is_told_as_it_is():
    """Of ten classes, ln 10: what is clipped would pass for the best."""
    X, y = load_digits(return_X_y=True)
    model = train(
        HomoLogisticRegression, thirds(X, y, 300, 300), (X[600:700], y[600:700]), max_iter=6,
        early_stopping_rounds=3, learning_rate=0.1, value_bits=24,
    )[0]  # fmt: skip
    assert model.loss_history_[0] == pytest.approx(np.log(10), abs=1e-3)
    assert model.validation_history_[0]["loss"] == pytest.approx(np.log(10), abs=1e-3)
    losses = [each["loss"] for each in model.validation_history_]
    found = model.evaluate(y[600:700], model.decision_function(X[600:700]))
    assert found["loss"] == pytest.approx(min(losses), abs=1e-3)


def test_row_weights_count_within_a_client(breast):
    X, y = breast
    weights = np.random.default_rng(0).integers(0, 3, 100)
    options = {
        "algorithm": "gradient", "optimizer": "sgd", "max_iter": 5, "standardize": False,
        "learning_rate": 1e-4, "value_bits": 28, "tol": 0.0, "weighting": "equal",
    }  # fmt: skip
    weighted = train(HomoLogisticRegression, [(X[:100], y[:100], weights)] * 2, **options)[0]
    repeated = np.repeat(np.arange(100), weights)
    copied = train(HomoLogisticRegression, [(X[repeated], y[repeated])] * 2, **options)[0]
    np.testing.assert_allclose(weighted.coef_, copied.coef_, rtol=1e-4, atol=1e-8)


def test_training_stops_when_losses_rest(breast):
    X, y = breast
    model = train(
        HomoLogisticRegression,
        thirds(X, y, 100, 100),
        algorithm="gradient",
        tol=1e-2,
        value_bits=24,
    )[0]
    assert 2 <= model.n_iter_ < 50
    assert abs(model.loss_history_[-1] - model.loss_history_[-2]) <= 1e-2


@pytest.mark.parametrize("parameters", [{}, PAILLIER | {"blind_key_server": True}, PAILLIER])
def test_a_model_is_kept_and_predicts(breast, tmp_path, parameters):
    X, y = breast
    frame = pd.DataFrame(X).rename(columns=str)
    parts = [(frame[:60], y[:60]), (frame[60:200], y[60:200])]
    model = train(HomoLogisticRegression, parts, max_iter=2, **parameters)[1]
    model.save(tmp_path / "model")
    again = HomoLogisticRegression.load(tmp_path / "model")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert list(again.feature_names_in_) == list(frame.columns)
    assert again.get_params()["max_iter"] == 2
    with pytest.raises(DataError, match="HomoLogistic"):
        HomoLinearRegression.load(tmp_path / "model")
    with pytest.raises(StorageError):
        HomoLogisticRegression.load(tmp_path / "none")
    (tmp_path / "model").write_bytes(b"PK")
    with pytest.raises(DataError):
        HomoLogisticRegression.load(tmp_path / "model")
    result = model.result()
    assert result["coef"] == model.coef_.tolist()
    assert set(result["clipped"]) == {"change", "loss"}
    with pytest.raises(DataError, match="columns"):
        model.predict(X[:, :3])
    with pytest.raises(ConfigurationError, match="fit first"):
        HomoLogisticRegression().predict(X)
    with pytest.raises(ConfigurationError, match="no model"):
        HomoLogisticRegression().save(tmp_path / "other")


def test_what_clients_must_have_in_common(breast):
    X, y = breast
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    for parts, error in [
        ([(X[:50, :3], y[:50]), (X[50:, :4], y[50:])], DisagreementError),
        ([(frame[:50], y[:50]), (frame[["b", "a", "c"]][50:], y[50:])], DisagreementError),
        ([(X[:50], y[:50]), (X[50:], y[50:].astype(str))], DisagreementError),
        ([(X[:50], np.zeros(50, int)), (X[50:90], np.zeros(40, int))], DataError),
        ([(X[:50], y[:50] + 0.5), (X[50:], y[50:])], DataError),
        ([(X[:50], y[:49]), (X[50:], y[50:])], DataError),
        ([(X[:50], y[:50], np.ones(3)), (X[50:], y[50:])], DataError),
        ([(X[:50], y[:50], -np.ones(50)), (X[50:], y[50:])], DataError),
        ([(X[:50] * np.nan, y[:50]), (X[50:], y[50:])], DataError),
    ]:
        with pytest.raises(error):
            train(HomoLogisticRegression, parts, max_iter=1)

    def client(rows, **extra):
        return lambda s: HomoLogisticRegression().fit(X[rows], y[rows], session=s, **extra)

    clients = [client(slice(0, 50), validation=(X[:9], y[:9])), client(slice(50, 99))]
    with pytest.raises(DisagreementError, match="validation"):
        simulate(server=lambda s: HomoLogisticRegression().fit(session=s), clients=clients)
    with pytest.raises(ConfigurationError, match="no rows"):
        simulate(server=client(slice(0, 50)), clients=[client(slice(0, 50))] * 2)
    other = lambda s: HomoLogisticRegression(max_iter=3).fit(session=s)  # noqa: E731
    with pytest.raises(ConfigurationError, match="max_iter"):
        simulate(server=other, clients=[client(slice(0, 50))] * 2)
    paillier = lambda s: HomoLogisticRegression(**PAILLIER).fit(session=s)  # noqa: E731
    with pytest.raises(ConfigurationError, match="takes"):
        simulate(server=paillier, clients=[paillier] * 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"algorithm": "sum"}, {"method": "trust"}, {"max_iter": 0}, {"local_epochs": 1.5},
        {"batch_size": 0}, {"learning_rate": 0.0}, {"proximal": -1.0}, {"value_bits": 40},
        {"weighting": "loss"}, {"optimizer": "newton"}, {"tol": float("nan")}, {"callbacks": 3},
        {"min_clients": 0}, {"early_stopping_rounds": "2"}, {"scheme": "none"},
    ],
)  # fmt: skip
def test_parameters_that_make_no_sense(wrong):
    with pytest.raises(ConfigurationError):
        HomoLogisticRegression(**wrong).check()


@pytest.mark.parametrize("parameters", [{}, PAILLIER, PAILLIER | {"blind_key_server": True}])
def test_no_message_that_parties_send_is_refused(breast, delivered, parameters):  # noqa: F811
    X, y = breast
    train(HomoLogisticRegression, thirds(X, y, 40, 40), max_iter=1, **parameters)
    table = {**SHARED, **MESSAGES}
    assert len(delivered) > 10
    assert [why_refuse(address, to, table) for address, to in delivered] == [None] * len(delivered)
    names = {address.name.partition("/")[2] for address, _ in delivered}
    unsent = set(MESSAGES) - names
    masks = not parameters
    blind = "blind_key_server" in parameters
    assert unsent == (
        {"client_secret", "opened"}
        if masks
        else {"identity"} | (set() if blind else {"client_secret"})
    )


def test_what_the_server_receives_of_updates_is_uniform(breast, delivered, monkeypatch):  # noqa: F811
    """In a whole training: the vectors under masks, byte by byte."""
    from pyfate_gpu.federation.transports.memory import MemoryChannel
    from tests.homo.test_secrecy import check_uniform

    X, y = breast
    X = np.hstack([X] * 20)
    sent = []
    original = MemoryChannel._deliver

    def deliver(self, to, address, data):
        if to.name == "server" and address.name.endswith("/answer") and address.batch == 2:
            sent.append(bytes(data))
        original(self, to, address, data)

    monkeypatch.setattr(MemoryChannel, "_deliver", deliver)
    train(
        HomoLogisticRegression,
        thirds(X, y, 40, 40),
        max_iter=4,
        standardize=False,
        learning_rate=1e-6,
    )
    bodies = [np.frombuffer(data[-1800:-100], np.uint8) for data in sent]
    assert len(bodies) == 8
    check_uniform(np.concatenate(bodies))
