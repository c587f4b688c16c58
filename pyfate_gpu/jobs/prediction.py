# SPDX-License-Identifier: Apache-2.0
"""Predict by the halves of a finished job, each in its party's process; the guest gets the scores."""

from __future__ import annotations

import csv
import io
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyfate_gpu.data.labels import has_label
from pyfate_gpu.data.sources import Rows
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.estimators import find_estimator, make_estimator
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.jobs.alignment import align
from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.connection import at_work, check_job, common_terms, open_session
from pyfate_gpu.jobs.party import read_tables
from pyfate_gpu.jobs.result import HALF, RESULT, write_report
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.report import JobReport
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.storage.files import write_atomically

if TYPE_CHECKING:
    from pyfate_gpu.protocol.estimator import Estimator
    from pyfate_gpu.protocol.progress import FitReport
    from pyfate_gpu.typing import Floats

logger = logging.getLogger(__name__)

KIND = "predict"
PREDICTIONS = "predictions.csv"
REPORT = "prediction"


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
    model = make_estimator(configuration.model, configuration.parameters)
    check_job(configuration, model)
    with at_work(configuration, insecure=insecure):
        trained = ""
        if configuration.party != ARBITER:
            trained = trained_under(configuration)
            model = find_estimator(configuration.model).load(configuration.directory / HALF)
        tables = read_tables(configuration, model, (KIND,))
        with open_session(configuration, model.messages) as session:
            agree_on_terms(session, "prediction", common_terms(configuration))
            compare_halves(session, trained)
            tables = align(session, tables, configuration.alignment)
            progress = Progress(session, ())
            scores = _scores(model, session, tables.get(KIND))
            cost = progress.finish(getattr(model, "n_iter_", 0))
            labels, path = None, configuration.directory / f"{REPORT}.json"
            if scores is not None:  # before the labels, which may turn out unusable
                labels, path = tables[KIND].labels, configuration.directory / PREDICTIONS
                write_atomically(path, _as_csv(model, tables[KIND], scores).encode())
            write_report(configuration, REPORT, judge(model, cost, labels, scores))
    return path


def trained_under(configuration: PartyConfiguration) -> str:
    """Return the fingerprint of the key that this party's half was trained under.

    Raises
    ------
    ConfigurationError
        When nothing was trained in its directory.
    """
    path = configuration.directory / RESULT
    try:
        return str(json.loads(path.read_bytes())["report"]["key_fingerprint"])
    except (OSError, ValueError, TypeError, KeyError):
        raise ConfigurationError(f"{path} is no result of training: train first") from None


def compare_halves(session: Session, trained: str) -> None:
    """See to it that the halves of guest and hosts were trained together: under the same key.

    Raises
    ------
    ConfigurationError
        At the host whose half is of another training.
    """
    with session.task("halves"):
        if session.party == GUEST:
            session.send(session.hosts, "half", trained=trained)
        elif session.party != ARBITER and session.receive(GUEST, "half", trained=str) != trained:
            raise ConfigurationError(
                f"the halves of the guest and of {session.party} were not trained together: train again"
            )


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


def _as_csv(model: Estimator, rows: Rows, scores: Floats) -> str:
    """Return a row for each id: its scores and what they mean."""
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
    return text.getvalue()
