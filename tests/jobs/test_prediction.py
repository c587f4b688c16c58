# SPDX-License-Identifier: Apache-2.0
"""Predicting by saved halves, between processes: the guest gets what threads compute, and nobody else anything."""

from __future__ import annotations

import csv
import json
import re
import stat
from types import SimpleNamespace

import numpy as np
import pytest

from pyfate_gpu import HeteroLogisticRegression, HeteroPoissonRegression, simulate
from pyfate_gpu.data.sources import Rows
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.plaintext import fit_plaintext
from pyfate_gpu.jobs.estimate import shape_of
from pyfate_gpu.jobs.job import Job
from pyfate_gpu.jobs.launcher import run_job
from pyfate_gpu.jobs.party import read_tables
from pyfate_gpu.jobs.prediction import _as_csv, _scores, compare_halves, predict_party
from pyfate_gpu.learning.metrics import classification_metrics
from tests.jobs.conftest import PORTS, write_csv

NEW_ROWS = {
    "validation.guest": {"path": "guest.csv", "label": "y"},
    "validation.host-0": {"path": "host.csv", "id": "key"},
    "predict.guest": {"path": "new.csv", "label": "y"},
    "predict.host-0": {"path": "host.csv", "id": "key"},
}


def expected_scores(x, y, new):
    """Scores of the same job in one process."""

    def party(columns, labels=None):
        def run(session):
            model = HeteroLogisticRegression(
                max_iter=3, tol=0.0, key_bits=512, allow_insecure_key_size=True
            )
            chosen = None if columns is None else columns[new]
            model.fit(columns, labels, session=session)
            return model.decision_function(chosen, session=session)

        return run

    return simulate(guest=party(x[:, :2], y), hosts=[party(x[:, 2:])], arbiter=party(None))["guest"]


@pytest.mark.slow
def test_a_trained_job_predicts_and_reports(small_job, rows, tmp_path):
    pytest.importorskip("private_set_intersection")
    pytest.importorskip("matplotlib", reason="pages take matplotlib")
    ids, x, y = rows
    new = slice(7, 19)
    path = small_job({**NEW_ROWS, "alignment": {"method": "psi"}, "job": {"report": True}})
    table = [[i, label, *row] for i, label, row in zip(ids, y, x[:, :2].tolist(), strict=True)][new]
    write_csv(tmp_path / "new.csv", ["id", "y", "a", "b"], [*table, ["stranger", 0, 0.0, 0.0]])
    run_job(Job.load(path), lambda line: None)
    out = tmp_path / "out"
    report = json.loads((out / "guest" / "report.json").read_text())
    assert [set(metrics) > {"auc", "ks"} for metrics in report["validation"]] == [True] * 3
    assert len(report["losses"]) == 3
    assert report["metrics"] == pytest.approx(report["validation"][-1], abs=1e-9)
    assert set(report["judged"]) == {"Confusion", "Calibration", "Lift"}
    page = (out / "guest" / "report.html").read_text()
    for text in ("Receiver operating", report["judged_on"], "Training rows", "loss with penalty"):
        assert text in page
    assert report["judged_on"].endswith(" validation rows")
    assert json.loads((out / "host-0" / "report.json").read_text())["losses"] == []
    assert (out / "arbiter" / "report.html").exists()
    assert not (out / "arbiter" / "half.model").exists()

    told = []
    run_job(Job.load(path), told.append, predict=True)
    log = "\n".join(told)
    assert "host-0: predicting 12 rows" in log
    assert re.search(r"guest: done in [\d.]+ s: predicted [01]: \d+ \(", log)
    with (out / "guest" / "predictions.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert found.pop() == {**dict.fromkeys(found[0], ""), "id": "stranger"}
    assert [row["id"] for row in found] == ids[new]
    scores = expected_scores(x, y, new)
    np.testing.assert_allclose([float(row["score"]) for row in found], scores, atol=1e-9)
    assert [int(row["prediction"]) for row in found] == (scores > 0).astype(int).tolist()
    assert float(found[0]["probability 0"]) + float(found[0]["probability 1"]) == pytest.approx(1)
    assert stat.S_IMODE((out / "guest" / "predictions.csv").stat().st_mode) == 0o600
    assert not (out / "host-0" / "predictions.csv").exists()
    report = json.loads((out / "guest" / "prediction.json").read_text())
    wanted = classification_metrics(y[new], scores)
    assert {name: report["metrics"][name] for name in wanted} == pytest.approx(wanted)
    page = (out / "guest" / "prediction.html").read_text()
    for text in ("Receiver operating", "Calibration", "Lift", "Confusion", "ks", "ids left out"):
        assert text in page
    assert report["about"]["job"] == "small"
    assert (report["about"]["rows"], report["about"]["ids left out"]) == (12, 1)
    positive = int((scores > 0).sum())
    counts = {label: n for label, n in ((0, 12 - positive), (1, positive)) if n}
    assert report["about"]["predicted"] == {
        str(label): f"{n} ({n / 12:.1%})" for label, n in counts.items()
    }
    assert "small, guest: prediction, HeteroLogisticRegression" in page
    assert report["units"]["guest"].keys() == {"a", "b"}
    assert "small, guest: HeteroLogisticRegression" in (out / "guest" / "report.html").read_text()
    assert "max_iter is 3" in (out / "guest" / "report.html").read_text()
    assert json.loads((out / "host-0" / "prediction.json").read_text())["metrics"] == {}


def test_what_is_missing_is_named(small_job, tmp_path):
    path = small_job()
    with pytest.raises(ConfigurationError, match=r"no rows to predict: add \[predict.guest\]"):
        run_job(Job.load(path), lambda line: None, predict=True)
    guest = Job.load(small_job(NEW_ROWS)).configurations(PORTS)[GUEST]
    with pytest.raises(ConfigurationError, match=r"there is no .*half.model: train first"):
        predict_party(guest)
    (tmp_path / "out" / "guest").mkdir(parents=True)
    (tmp_path / "out" / "guest" / "half.model").write_text("x")
    with pytest.raises(DataError, match=r"half.model is no pyfate-gpu model"):
        predict_party(guest)


def test_halves_belong_together(caplog):
    def party(training):
        return lambda session: compare_halves(session, SimpleNamespace(training_=training))

    a, b = "a" * 32, "b" * 32
    simulate(guest=party(a), hosts=[party(a)] * 2, arbiter=party(""))
    assert not caplog.records
    wrong = (
        ([a, b], "guest and host-0 have aaaaaaaa, host-1 has bbbbbbbb"),
        (["", ""], "guest has aaaaaaaa, host-0 and host-1 have one without a fingerprint"),
    )
    for hosts, text in wrong:
        with pytest.raises(ConfigurationError, match=text):
            simulate(guest=party(a), hosts=list(map(party, hosts)), arbiter=party(""))
    simulate(guest=party(""), hosts=[party("")], arbiter=party(""))
    assert "whether they belong together is not known" in caplog.text


def test_columns_of_several_classes():
    model = HeteroLogisticRegression()
    model._half = SimpleNamespace(weights=np.empty((0, 3)))
    model.classes_ = np.array(["x", "y", "z"])
    rows = Rows(["u", "v"], (), np.empty((2, 0)), None)
    lines = _as_csv(model, rows, np.array([[0.0, 0.0, 1.0], [2.0, 0.0, 0.0]])).splitlines()
    assert lines[0] == (
        "id,score x,score y,score z,prediction,probability x,probability y,probability z"
    )
    assert lines[1].split(",")[:5] == ["u", "0.0", "0.0", "1.0", "z"]
    assert sum(map(float, lines[2].split(",")[5:])) == pytest.approx(1)


def test_counts_are_means():
    model = HeteroPoissonRegression()
    model._half = SimpleNamespace(weights=np.empty((0, 1)))
    text = _as_csv(model, Rows(["u"], (), np.empty((1, 0)), None), np.array([0.0]))
    assert text == "id,score,prediction\nu,0.0,1.0\n"


def predict_counts(exposure):
    """The guest's scores by a model of weight 0, for two rows of such an exposure."""

    def party(label=None):
        def run(session):
            model = HeteroPoissonRegression(max_iter=1, key_bits=512, allow_insecure_key_size=True)
            if session.party == ARBITER:
                model.fit(session=session)
                return model.score_rows(session=session)
            x = np.arange(4.0).reshape(-1, 1)
            model.fit(x, label, session=session)
            model._half.weights[:] = 0.0
            extras = {} if label is None else {"exposure": np.array([1.0, exposure])}
            rows = Rows(["u", "v"], ("a",), x[:2], None, extras)
            return _scores(model, session, rows)

        return run

    found = simulate(guest=party([1, 0, 2, 1]), hosts=[party()], arbiter=party())
    return found["guest"]


@pytest.mark.parametrize(
    ("exposure", "text"),
    [
        (0.0, "an exposure is 0: exposures are above 0"),
        (-1.0, "an exposure is -1"),
        (np.nan, "exposure holds missing, NaN"),
    ],
)
def test_exposures_of_rows_to_predict_are_checked(exposure, text):
    with pytest.raises(DataError, match=text):
        predict_counts(exposure)


def test_exposures_of_rows_to_predict_count():
    assert predict_counts(np.e) == pytest.approx([0.0, 1.0])


@pytest.mark.slow
@pytest.mark.parametrize("known", ["some", "none", "of another kind"])
def test_predictions_take_no_labels(small_job, rows, tmp_path, known):
    """Rows with a label are judged; where none can be, the predictions are the result all the same."""
    ids, x, y = rows
    path = small_job(NEW_ROWS)
    labels = {
        "some": ["" if row % 3 == 0 else label for row, label in enumerate(y)],
        "none": ["NA"] * len(ids),
        "of another kind": ["late"] * len(ids),
    }[known]
    table = [[i, label, *row] for i, label, row in zip(ids, labels, x[:, :2], strict=True)]
    write_csv(tmp_path / "new.csv", ["id", "y", "a", "b"], table)
    run_job(Job.load(path), lambda line: None)
    said = []
    run_job(Job.load(path), said.append, predict=True)
    out = tmp_path / "out" / "guest"
    with (out / "predictions.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["id"] for row in found] == ids
    report = json.loads((out / "prediction.json").read_text())
    if known != "some":
        assert (report["metrics"], report["roc"]) == ({}, {})
    else:
        there = np.arange(len(ids)) % 3 != 0
        scores = np.array([float(row["score"]) for row in found])
        wanted = classification_metrics(y[there], scores[there])
        assert {name: report["metrics"][name] for name in wanted} == pytest.approx(wanted)
    log = "\n".join(said)
    judged = {"some": 26, "none": 0, "of another kind": 40}[known]
    assert f"metrics are of the {judged} of 40 rows that have labels" in log
    assert ("there are no metrics: y[0] is none of the 2 classes" in log) == (
        known == "of another kind"
    )


@pytest.mark.slow
@pytest.mark.parametrize("intercept", [True, False])
def test_a_table_of_ids_and_labels_alone(small_job, rows, tmp_path, intercept):
    """The columns of the host are all there is; rows to predict need no labels then, nor columns."""
    ids, x, y = rows
    write_csv(tmp_path / "labels.csv", ["id", "y"], zip(ids, y, strict=True))
    write_csv(tmp_path / "new.csv", ["id"], [[i] for i in ids])
    changes = {
        "model": {"fit_intercept": intercept},
        "data.guest": {"path": "labels.csv", "label": "y"},
        "predict.guest": {"path": "new.csv"},
        "predict.host-0": {"path": "host.csv", "id": "key"},
    }
    path = small_job(changes)
    shape = shape_of(Job.load(path))
    assert shape.columns == {"guest": 0, "host-0": 3}
    model = make_estimator("logistic", {"fit_intercept": intercept, "optimizer": "sgd"})
    assert model.workload(shape).steps["guest"]["multiply"] == len(ids) * (1 + intercept)
    for predict in (False, True):
        run_job(Job.load(path), lambda line: None, predict=predict)
    out = tmp_path / "out" / "guest"
    result = json.loads((out / "result.json").read_text())
    assert (result["coef"], result["columns"], result["features"]) == ([], [], [])
    settings = make_estimator("logistic", result["parameters"]).settings()
    plain = fit_plaintext([np.empty((len(ids), 0)), x[:, 2:]], y.astype(float), settings)
    with (out / "predictions.csv").open(newline="") as file:
        scores = [float(row["score"]) for row in csv.DictReader(file)]
    np.testing.assert_allclose(scores, plain.scores, atol=1e-6)


def test_further_tables_have_the_columns_trained_on(small_job):
    """Not the labels, though predicting needs none and a file may have them, nor what else is in it."""
    chosen = {"data.guest": {"columns": ["b"]}, "predict.guest": {"path": "guest.csv"}}
    guest = Job.load(small_job(NEW_ROWS | chosen)).configurations(PORTS)[GUEST]
    model = HeteroLogisticRegression()
    found = read_tables(guest, model, ("data", "validation"))
    assert [rows.names for rows in found.values()] == [("b",), ("b",)]
    model.feature_names_in_ = np.array(["b", "a"], dtype=object)
    assert read_tables(guest, model, ("predict",))["predict"].names == ("b", "a")
