# SPDX-License-Identifier: Apache-2.0
"""Reports: complete as JSON, whole as a page, and nothing of a party that was not given."""

from __future__ import annotations

import json
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import auc

from pyfate_gpu import HeteroLinearRegression
from pyfate_gpu.errors import ConfigurationError, StorageError
from pyfate_gpu.learning.metrics import classification_metrics
from pyfate_gpu.protocol.report import ROC_POINTS, JobReport


@pytest.fixture
def trained(federate, logistic, toy):
    """Three parties of a job with validation rows, and the scores of all rows."""
    guest = pd.DataFrame(toy.guest, columns=["age", "<b> $x", "debt"])
    validation = [(guest.iloc[:20], toy.labels[:20]), toy.hosts[0][:20]]
    return federate(
        logistic(),
        guest,
        toy.labels,
        toy.hosts[:1],
        validation=validation,
        predict="decision_function",
    )


@pytest.fixture
def report(trained, toy):
    models = [trained.guest, *trained.hosts, trained.arbiter]
    return JobReport.of(models, toy.labels, trained.predicted)


def test_json_has_everything(report, trained, toy):
    found = json.loads(report.to_json())
    assert (found["format"], found["version"]) == ("pyfate-gpu report", 1)
    assert found["estimator"] == "HeteroLogisticRegression"
    assert found["losses"] == trained.guest.loss_history_
    assert found["validation"] == trained.guest.validation_history_
    expected = classification_metrics(toy.labels, trained.predicted)
    assert expected.items() <= found["metrics"].items()
    assert [party["party"] for party in found["parties"]] == ["guest", "host-0", "arbiter"]
    assert found["parties"][0]["key_bits"] == 512
    assert (
        found["parties"][1]["usage"]["sent"]["forward"] > 2 * 60 * 128
    )  # the first pass sends none
    assert list(found["weights"]) == ["guest", "host-0"]
    assert found["weights"]["guest"]["age"] == [trained.guest.coef_[0]]
    assert found["weights"]["host-0"]["column 3"] == [trained.hosts[0].coef_[3]]
    assert found["parameters"]["max_iter"] == 3
    roc = found["roc"]
    area = auc(roc["false_positives"], roc["true_positives"])
    assert area == pytest.approx(found["metrics"]["auc"], abs=0.02)
    assert len(roc["true_positives"]) <= ROC_POINTS


def test_the_page_is_whole(report, tmp_path):
    pytest.importorskip("matplotlib", reason="pages take matplotlib")
    report.save(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<figure>") == 8
    assert "<b>" not in page  # names of columns are text
    assert "http" not in page.replace("http://www.w3.org/", "")  # nothing is loaded from anywhere
    start = page.index("<svg")
    ElementTree.fromstring(page[start : page.index("</svg>", start) + 6])
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(report.to_json())
    with pytest.raises(StorageError, match="cannot write to"):
        report.save(tmp_path / "missing")


def test_a_party_reports_its_own_part(trained):
    pytest.importorskip("matplotlib", reason="pages take matplotlib")
    from pyfate_gpu.protocol.report_page import render

    host = JobReport.of(trained.hosts)
    assert not host.losses
    assert not host.metrics
    assert list(host.weights) == ["host-0"]
    assert render(host).count("<figure>") == 3
    assert render(JobReport.of([trained.arbiter])).count("<figure>") == 2
    with pytest.raises(ConfigurationError, match="labels and scores are the guest's"):
        JobReport.of(trained.hosts, [1], np.ones(1))


@pytest.mark.parametrize("optimizer", ["newton", "sgd"])
def test_scores_of_validation_rows_are_of_the_weights_that_are_kept(
    federate, logistic, toy, rng, optimizer
):
    others = rng.integers(0, 2, 20)  # labels that mean nothing: soon it gets worse
    validation = [(toy.guest[:20] * 3, others), toy.hosts[0][:20] * 3]
    model = logistic(max_iter=12, optimizer=optimizer, learning_rate=0.5, early_stopping_rounds=2)
    guest = federate(model, toy.guest, toy.labels, toy.hosts[:1], validation=validation).guest
    losses = [metrics["log_loss"] for metrics in guest.validation_history_]
    assert int(np.argmin(losses)) + 1 < len(losses)
    report = JobReport.of([guest], others, guest.validation_scores_, judged_on="20 validation rows")
    assert report.metrics["log_loss"] == pytest.approx(min(losses), abs=1e-9)
    assert (
        sum(
            sum(n for n in row.values() if isinstance(n, int)) for row in report.judged["Confusion"]
        )
        == 20
    )


def test_linear_models_know_validation_scores_in_the_unit_of_targets(federate, linear, toy):
    y = 1e4 + 1e3 * toy.y
    validation = [(toy.guest[:20], y[:20]), toy.hosts[0][:20]]
    outcome = federate(
        linear(), toy.guest, y, toy.hosts[:1], validation=validation, predict="predict"
    )
    found = outcome.guest.validation_scores_
    np.testing.assert_allclose(found, outcome.predicted[:20], rtol=1e-6)


def test_classes_and_counts_have_reports_too(federate, logistic, toy):
    pytest.importorskip("matplotlib", reason="pages take matplotlib")
    from pyfate_gpu.protocol.report_page import render

    labels = np.digitize(toy.y, [-1.0, 1.0])
    outcome = federate(logistic(), toy.guest, labels, toy.hosts[:1], predict="decision_function")
    report = JobReport.of([outcome.guest], labels, outcome.predicted)
    assert list(report.metrics) == ["log_loss", "accuracy", "f1"]
    assert not report.roc
    assert render(report).count("<figure>") == 4


def test_a_report_takes_fitted_models():
    with pytest.raises(ConfigurationError, match="takes models that were fitted"):
        JobReport.of([HeteroLinearRegression()])


def test_without_matplotlib_there_is_json(report, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'matplotlib>="):
        report.save(tmp_path)
    assert not list(tmp_path.iterdir())
    assert json.loads(report.to_json())
