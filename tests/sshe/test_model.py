# SPDX-License-Identifier: Apache-2.0
"""What each party keeps, predicts by, saves, and is told beforehand of the cost."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pytest

from pyfate_gpu import HeteroSSHELinearRegression, HeteroSSHELogisticRegression, simulate
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.protocol.report import JobReport
from pyfate_gpu.storage.archive import pack, unpack
from tests.sshe.oracle import prepared


def scores_of(found, toy):
    weights = found.weights()
    X = np.hstack([prepared(toy.guest, 2.0), np.ones((60, 1)), prepared(toy.host, 2.0)])
    return X @ weights


def test_predictions_by_known_weights_are_exact(pair, logistic, toy):
    found = pair(logistic(), toy.guest, toy.classes, toy.host, predict="decision_function")
    np.testing.assert_allclose(found.predicted, scores_of(found, toy), rtol=1e-12)


def test_predictions_on_shares_are_those_of_known_weights(pair, logistic, toy):
    known = pair(logistic(learning_rate=0.3), toy.guest, toy.classes, toy.host)
    hidden = pair(
        logistic(learning_rate=0.3, reveal="nobody"), toy.guest, toy.classes, toy.host, predict="decision_function"
    )  # fmt: skip
    np.testing.assert_allclose(hidden.predicted, scores_of(known, toy), atol=1e-6)
    for model in (hidden.guest, hidden.host):
        assert not hasattr(model, "coef_")
        assert not hasattr(model, "intercept_")
        assert "coef" not in model.result()


def test_targets_predicted_on_shares_are_in_their_unit(pair, linear, toy):
    params = {"learning_rate": 0.1, "max_iter": 60, "alpha": 0.0}
    found = pair(
        linear(reveal="nobody", **params), toy.guest, toy.targets, toy.host, predict="predict"
    )
    residual = found.predicted - toy.targets
    assert residual.std() < 0.3 * toy.targets.std()
    assert abs(residual.mean()) < 1.0


@pytest.mark.parametrize("reveal", ["owners", "nobody"])
def test_halves_are_saved_and_predict_again(pair, logistic, toy, tmp_path, reveal):
    labels = np.where(toy.classes > 0, "yes", "no")
    found = pair(
        logistic(reveal=reveal, impute="mean"), toy.guest, labels, toy.host, predict="decision_function"
    )  # fmt: skip
    for name, model in (("guest", found.guest), ("host", found.host)):
        model.save(tmp_path / name)

    def party(name, X):
        def run(session):
            model = HeteroSSHELogisticRegression.load(tmp_path / name)
            return model.decision_function(X, session=session), model

        return run

    again = simulate(guest=party("guest", toy.guest), hosts=[party("host", toy.host)])
    scores, model = again["guest"]
    np.testing.assert_allclose(scores, found.predicted, atol=1e-6)
    assert again["host-0"][0] is None
    assert model.classes_.tolist() == ["no", "yes"]
    assert (
        model.interpret(scores)["prediction"].tolist() == np.where(scores > 0, "yes", "no").tolist()
    )
    assert model.evaluate(labels, scores)["auc"] > 0.9


def test_files_that_are_no_halves(pair, logistic, toy, tmp_path):
    found = pair(logistic(), toy.guest, toy.classes, toy.host)
    path = tmp_path / "half"
    found.guest.save(path)
    with pytest.raises(
        DataError, match="holds a HeteroSSHELogisticRegression: load it by that class"
    ):
        HeteroSSHELinearRegression.load(path)
    header, arrays = unpack(path.read_bytes(), "model.json", "pyfate-gpu shared model", 1)
    for change in (
        {"bits": 70}, {"peer_bits": True}, {"intercept": 1}, {"clip": -1.0}, {"names": ["a"]}, {"n_iter": "3"},
        {"targets": {"mean": 0.0}}, {"targets": {"mean": float(0), "exponent": 10**6}}, {"params": []},
    ):  # fmt: skip
        path.write_bytes(pack("model.json", json.dumps(header | change), arrays))
        with pytest.raises(DataError, match="it is damaged or of another release"):
            HeteroSSHELogisticRegression.load(path)
    for name, array in (
        ("weights", arrays["weights"][:-1]), ("scale", np.zeros(2)), ("mean", arrays["mean"] * np.nan),
        ("classes", np.array([1, 1])),
    ):  # fmt: skip
        path.write_bytes(pack("model.json", json.dumps(header), arrays | {name: array}))
        with pytest.raises(DataError, match="it is damaged or of another release"):
            HeteroSSHELogisticRegression.load(path)
    short = {key: value for key, value in arrays.items() if key != "weights"}
    shares = {"own_share": np.zeros((2, 2)), "other_share": np.zeros((3, 2))}
    path.write_bytes(pack("model.json", json.dumps(header), short | shares))
    with pytest.raises(DataError, match="do not fit together"):
        HeteroSSHELogisticRegression.load(path)


def test_a_report_shows_what_was_opened(pair, logistic, toy):
    for reveal, weights in (("owners", {"guest", "host-0"}), ("nobody", set())):
        found = pair(
            logistic(reveal=reveal), toy.guest, toy.classes, toy.host, predict="decision_function"
        )
        report = JobReport.of([found.guest, found.host], toy.classes, found.predicted)
        assert set(report.weights) == weights
        assert len(report.losses) == 3
        assert report.metrics["auc"] > 0.9
        assert json.loads(report.to_json())["parties"][0]["packing"] == "results"


@pytest.mark.parametrize(
    ("params", "weighted", "validation"),
    [
        ({}, False, False),
        ({"link": "cubic", "batch_size": 25}, False, True),
        ({"link": "cubic", "loss_every": 3, "batch_size": 20}, True, False),
        ({"squeeze": False, "key_bits": 768}, True, False),
        ({"fit_intercept": False, "key_bits": 1024}, False, False),
    ],
    ids=str,
)
def test_operations_are_those_of_the_workload(pair, logistic, toy, params, weighted, validation):
    model = logistic(max_iter=2, **params)
    data = {"sample_weight": toy.classes + 1.0} if weighted else {}
    if validation:
        data["validation"] = ((toy.guest[:9], toy.classes[:9]), toy.host[:9])
    found = pair(model, toy.guest, toy.classes, toy.host, **data)
    from pyfate_gpu.sshe.workload import iteration

    shape = JobShape(60, {"guest": 2, "host-0": 3}, validation=9 * validation, weighted=weighted)
    for name, fitted in (("guest", found.guest), ("host-0", found.host)):
        wanted = Counter()
        for number in (1, 2):
            wanted.update(iteration(shape, model.settings(), number)[name])
        assert fitted.report_.usage.operations == {k: v for k, v in wanted.items() if v}


def test_several_outputs_have_no_workload(logistic):
    with pytest.raises(ConfigurationError, match="takes one"):
        logistic().workload(JobShape(60, {"guest": 2, "host-0": 3}, outputs=3))


def test_columns_keep_their_names(pair, logistic, toy):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(toy.guest, columns=["a", "b"])
    found = pair(logistic(), X, toy.classes, toy.host)
    assert found.guest.get_feature_names_out().tolist() == ["a", "b"]
    assert found.host.get_feature_names_out().tolist() == ["column 0", "column 1", "column 2"]
    assert found.guest.result()["features"] == ["a", "b"]
