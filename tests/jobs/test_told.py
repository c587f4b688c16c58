# SPDX-License-Identifier: Apache-2.0
"""What training tells, whatever the model: how far it is, how good, why it ended, which iteration is kept."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from pyfate_gpu import (
    HeteroBoostedTreesClassifier,
    HeteroLogisticRegression,
    HeteroSSHELogisticRegression,
    simulate,
)
from pyfate_gpu.protocol.report import JobReport

KEY = {"key_bits": 512, "allow_insecure_key_size": True}


def train(kind, labels_of_validation, **options):
    rng = np.random.default_rng(3)
    x, tested = rng.normal(size=(60, 4)), rng.normal(size=(20, 4)) * 3
    y = (x.sum(axis=1) > 0).astype(int)
    judged = labels_of_validation(tested.sum(axis=1) > 0).astype(int)

    def party(half=None, *labels):
        def run(session):
            if half is None:
                return kind(**KEY, **options).fit(session=session)
            rows = (tested[:, half], judged) if labels else tested[:, half]
            return kind(**KEY, **options).fit(x[:, half], *labels, session=session, validation=rows)

        return run

    arbiter = {"arbiter": party()} if kind is HeteroLogisticRegression else {}
    return simulate(guest=party(slice(2), y), hosts=[party(slice(2, 4))], **arbiter)


CASES = [
    (HeteroLogisticRegression, "max_iter", {"tol": 0.0}),
    (HeteroLogisticRegression, "max_iter", {"tol": 0.0, "optimizer": "sgd", "learning_rate": 0.5}),
    (HeteroSSHELogisticRegression, "max_iter", {"tol": 0.0}),
    (HeteroBoostedTreesClassifier, "n_estimators", {}),
]


@pytest.mark.parametrize(("kind", "most", "options"), CASES, ids=str)
def test_training_to_the_last_iteration(kind, most, options, caplog):
    caplog.set_level(logging.INFO)
    found = train(kind, lambda labels: labels, **{most: 3}, **options)
    report = found["guest"].report_
    assert (report.ended, report.kept) == (f"{most} is 3", 3)
    assert found["host-0"].report_.ended == "the guest ended it"
    (last,) = [m for m in caplog.messages if m.startswith("guest: iteration 3 of 3, loss ")]
    assert "log_loss" in last
    assert (
        f"guest: training ended after iteration 3: {most} is 3; iteration 3 is kept"
        in caplog.messages
    )
    page = JobReport.of([found["guest"]])
    assert page.validation[report.kept - 1] == found["guest"].validation_history_[-1]


@pytest.mark.parametrize(("kind", "most", "options"), CASES[1:], ids=str)
def test_training_that_makes_validation_rows_worse(kind, most, options):
    found = train(
        kind, np.logical_not, **{most: 8, "early_stopping_rounds": 2}, **options
    )  # the wrong way round
    guest = found["guest"]
    losses = [metrics["log_loss"] for metrics in guest.validation_history_]
    best = int(np.argmin(losses)) + 1
    assert guest.report_.ended == "validation rows were judged no better for 2 iterations"
    assert guest.report_.kept == best == len(losses) - 2
    report = JobReport.of([guest])
    assert report.parties[0].kept == best


def test_legends_of_reports_cover_no_line():
    figure = pytest.importorskip("matplotlib.figure", reason="pages take matplotlib")
    from pyfate_gpu.protocol.report_page import _draw_validation

    for scale in (1.0, 100.0):  # the second has an axis of its own
        history = [{"rmse": scale * (5 - i) / 5, "r2": i / 5, "d2": 0.1} for i in range(5)]
        canvas = figure.Figure(layout="constrained")
        axes = canvas.add_subplot()
        report = JobReport("X", {}, [], [], history)
        _draw_validation(axes, report)
        canvas.draw_without_rendering()
        legend = axes.get_legend().get_window_extent()
        assert not any(legend.overlaps(each.get_window_extent()) for each in canvas.axes)
        assert len(axes.get_legend().get_texts()) == 3
