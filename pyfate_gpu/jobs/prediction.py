# SPDX-License-Identifier: Apache-2.0
"""Predict by the halves of a finished job, each in its party's process; the guest gets the scores."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.labels import has_label
from pyfate_gpu.data.sources import Rows
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.estimators import find_estimator, make_estimator
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import ARBITER, SERVER
from pyfate_gpu.jobs.alignment import align
from pyfate_gpu.jobs.chain import load_steps, transform_all
from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.connection import (
    at_work,
    check_job,
    common_terms,
    keeper_of,
    open_session,
    telling,
)
from pyfate_gpu.jobs.judgement import judge_tables
from pyfate_gpu.jobs.party import read_tables
from pyfate_gpu.jobs.result import HALF, about_job, write_report
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.report import JobReport
from pyfate_gpu.protocol.report_page import PREDICTION, said
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.protocol.training import compare_trainings
from pyfate_gpu.storage.files import write_atomically

if TYPE_CHECKING:
    from pyfate_gpu.protocol.estimator import Estimator
    from pyfate_gpu.protocol.progress import FitReport
    from pyfate_gpu.typing import Floats

logger = logging.getLogger(__name__)

KIND = "predict"
PREDICTIONS = "predictions.csv"
REPORT = "prediction"
#: What `predicted` finds, by name.
_OUTCOMES = ("predicted", "predictions")


def predict_party(configuration: PartyConfiguration, *, insecure: bool = False) -> Path:
    """Take part in a prediction and return the file that tells what came of it: at the guest, the predictions.

    Parameters
    ----------
    configuration : PartyConfiguration
        As for training, with rows to predict.
    insecure : bool
        Talk without encryption, on this machine only.

    Raises
    ------
    ConfigurationError, DataError
        When there is no half of a model, halves are of different jobs, or the rows cannot be used.
    ProtocolError
        When another party stopped, vanished, or did not keep to the protocol.
    """
    with telling(configuration, insecure=insecure):
        model = make_estimator(configuration.model, configuration.parameters)
        check_job(configuration, model)
        steps: list[Estimator] = []
        if configuration.party not in (ARBITER, SERVER):
            model, steps = load_half(configuration), load_steps(configuration)
    with (
        at_work(configuration, insecure=insecure),
        open_session(configuration, model.messages) as (session, channel),
    ):
        first = (*steps, model)[0]
        tables = (
            {}
            if _asks_nothing(configuration, model)
            else read_tables(configuration, first, (KIND,))
        )
        judge_tables(configuration.party, first, tables)
        channel.connect()
        agree_on_terms(session, "prediction", model.terms() | common_terms(configuration))
        for half in (*steps, model) if steps else [model] * (1 + len(configuration.steps)):
            compare_halves(session, half)
        ids = tables[KIND].ids if KIND in tables else []
        keeper = keeper_of(configuration, tables, f"alignment-{KIND}")
        if model.predicts_for is Role.GUEST:
            tables = align(session, tables, configuration.alignment, keeper)
        tables = transform_all(steps, tables)
        progress = Progress(session, ())
        if KIND in tables:
            logger.info("%s: predicting %d rows", session.party, len(tables[KIND].ids))
        scores = _scores(model, session, tables.get(KIND))
        cost = progress.finish(getattr(model, "n_iter_", 0))
        labels, path = None, configuration.directory / f"{REPORT}.json"
        if scores is not None:  # before the labels, which may turn out unusable
            labels, path = tables[KIND].labels, configuration.directory / PREDICTIONS
            left_out = sorted(set(ids) - set(tables[KIND].ids))
            write_atomically(path, _as_csv(model, tables[KIND], scores, left_out).encode())
        about = about_job(configuration, model, tables.get(KIND), len(ids))
        report = judge(model, cost, labels, scores)
        if scores is not None:
            about |= predicted(model, scores)
            words = "; ".join(f"{name} {said(about[name])}" for name in about if name in _OUTCOMES)
            logger.info("%s: done in %.1f s: %s", session.party, cost.seconds, words)
        write_report(configuration, REPORT, replace(report, about={"task": PREDICTION} | about))
        if keeper is not None:
            keeper.clear()
    return path


def _asks_nothing(configuration: PartyConfiguration, model: Estimator) -> bool:
    """Return whether this party only helps a host to scores of the host's own rows.

    Raises
    ------
    ConfigurationError
        When it has rows to predict all the same.
    """
    if model.predicts_for is Role.GUEST or configuration.party.role is model.predicts_for:
        return False
    if configuration.predict is not None:
        raise ConfigurationError(
            f"{configuration.party} has [{KIND}], {type(model).__name__} predicts rows of the host alone: leave it out"
        )
    return True


def load_half(configuration: PartyConfiguration) -> Estimator:
    """Return this party's half of the model.

    Raises
    ------
    ConfigurationError
        When nothing was trained in its directory.
    StorageError, DataError
        When the file cannot be read, or is no half of such a model.
    """
    path = configuration.directory / HALF
    if not path.exists():
        raise ConfigurationError(f"there is no {path}: train first, or put the half there")
    model = find_estimator(configuration.model).load(path)
    chosen = configuration.parameters
    return model.set_params(**{n: chosen[n] for n in model.prediction_parameters if n in chosen})


def compare_halves(session: Session, model: Estimator) -> None:
    """See to it that the halves of guest and hosts were trained together, before anything takes time.

    Raises
    ------
    ConfigurationError
        At the guest, naming who has a half of which training.
    """
    with session.task("halves"):
        compare_trainings(session, getattr(model, "training_", ""))


def predicted(model: Estimator, scores: Floats) -> dict[str, Any]:
    """Return what a report says of predictions whose labels nobody has: how many of each class, or their range."""
    meaning = model.interpret(np.asarray(scores))
    found = meaning["prediction"]
    if "probability" in meaning:
        values, counts = np.unique(found, return_counts=True)
        shares = zip(values.tolist(), counts.tolist(), strict=True)
        return {"predicted": {str(k): f"{n} ({n / len(found):.1%})" for k, n in shares}}
    if not found.size:
        return {}
    low, mean, high = (f"{f(found):.6g}" for f in (np.min, np.mean, np.max))
    return {"predictions": f"{low} to {high}, mean {mean}"}


def judge(model: Estimator, cost: FitReport, labels: Any, scores: Floats | None) -> JobReport:
    """Return the report of a prediction, with metrics as far as there are labels to judge by.

    Predictions are there all the same, so labels that are missing or do not fit the model end nothing.
    """
    if labels is not None and scores is not None:
        present = int(has_label(labels).sum())
        logger.info("metrics are of the %d of %d rows that have labels", present, len(labels))
    try:
        return JobReport.of_prediction(model, cost, labels, scores)
    except DataError as error:
        logger.warning("there are no metrics: %s", error)
        return JobReport.of_prediction(model, cost)


def _scores(model: Estimator, session: Session, rows: Rows | None) -> Floats | None:
    if rows is None:
        return model.score_rows(session=session)
    return model.score_rows(rows.features, session=session, options=rows.extras)


def _as_csv(model: Estimator, rows: Rows, scores: Floats, left_out: Sequence[str] = ()) -> str:
    """Return a row for each id: its scores and what they mean, nothing of ids that some party lacks."""
    columns: dict[str, Any] = {"id": rows.ids}
    for name, values in {"score": scores, **model.interpret(scores)}.items():
        if values.ndim == 1:
            columns[name] = values.tolist()
        else:
            named = zip(model.output_names(), values.T.tolist(), strict=True)
            columns |= {f"{name} {output}": column for output, column in named}
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    writer.writerows([name, *[""] * (len(columns) - 1)] for name in left_out)
    return text.getvalue()
