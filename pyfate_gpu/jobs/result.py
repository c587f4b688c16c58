# SPDX-License-Identifier: Apache-2.0
"""What a party keeps of a finished job: its half of the model, how it came about, a report."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyfate_gpu import __version__
from pyfate_gpu.data.sources import Rows
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.jobs.configuration import ALONE, PartyConfiguration
from pyfate_gpu.jobs.judgement import count_all
from pyfate_gpu.protocol.report import JobReport
from pyfate_gpu.protocol.report_page import TRAINING
from pyfate_gpu.storage.files import write_atomically

if TYPE_CHECKING:
    from pyfate_gpu.protocol.estimator import Estimator

logger = logging.getLogger(__name__)

FORMAT = "pyfate-gpu result"
VERSION = 1
RESULT = "result.json"
HALF = "half.model"
REPORT = "report"


def write_result(
    configuration: PartyConfiguration,
    session: Session,
    model: Estimator,
    tables: Mapping[str, Rows],
    in_table: int | None = None,
    task: str = TRAINING,
) -> Path:
    """Write a party's half of the model, its report and, last, its result; return the latter's file.

    Parameters
    ----------
    tables : mapping of Rows
        Those trained with and judged by, as far as this party has some.
    in_table : int, optional
        Rows of the table that it had before alignment.
    task : str
        What this was, for people.

    Raises
    ------
    StorageError
        When one of them cannot be written.
    """
    rows = tables.get("data")
    if rows is not None:
        model.save(configuration.directory / HALF)
    alone = tables.get(ALONE)
    about = {"task": task} | about_job(configuration, model, rows, in_table, alone)
    report = replace(_report_of(model, tables.get("validation")), about=about)
    write_report(configuration, REPORT, report)
    path = configuration.directory / RESULT
    result = result_of(configuration, session, model, rows)
    write_atomically(path, (json.dumps(result, indent=1) + "\n").encode())
    return path


def _report_of(model: Estimator, tested: Rows | None) -> JobReport:
    """Return the report of a fitted model, judged by validation rows where their scores are known."""
    scores = getattr(model, "validation_scores_", None)
    if scores is None or tested is None or tested.labels is None:
        return JobReport.of([model])
    judged_on = f"{len(tested.ids):,} validation rows"
    return JobReport.of([model], tested.labels, scores, judged_on=judged_on)


def about_job(
    configuration: PartyConfiguration,
    model: Estimator,
    rows: Rows | None,
    in_table: int | None,
    alone: Rows | None = None,
) -> dict[str, Any]:
    """Return what a report says of its job, in the order to be shown."""
    about: dict[str, Any] = {
        "job": configuration.job,
        "party": configuration.party.name,
        "date": datetime.now(timezone.utc).isoformat(sep=" ", timespec="minutes"),
        "release": __version__,
    }
    if rows is not None:
        about["rows"] = len(rows.ids)
        if alone is not None:
            about["rows of its own"] = len(alone.ids)
        if in_table is not None and not model.takes_rows_alone:
            about |= {"ids in the table": in_table, "ids left out": in_table - len(rows.ids)}
        about["columns"] = len(rows.names)
        counts = count_all(model, rows, alone)
        total = sum(counts.values())
        if counts:
            about["classes"] = {str(k): f"{n} ({n / total:.1%})" for k, n in counts.items()}
    return about


def write_report(configuration: PartyConfiguration, name: str, report: JobReport) -> None:
    """Write a report as JSON, and as a page where that is wanted and matplotlib is there.

    Raises
    ------
    StorageError
        When it cannot be written.
    """
    write_atomically(configuration.directory / f"{name}.json", report.to_json().encode())
    if not configuration.report:
        return
    try:
        page = report.to_html()
    except ConfigurationError as error:  # no reason to lose a finished job
        logger.info("%s: %s", configuration.party, error)
        return
    write_atomically(configuration.directory / f"{name}.html", page.encode())


def result_of(
    configuration: PartyConfiguration, session: Session, model: Estimator, rows: Rows | None
) -> dict[str, Any]:
    """Return the result as JSON takes it; weights are exact."""
    found: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "release": __version__,
        "job": configuration.job,
        "party": session.party.name,
        "model": configuration.model,
        "parameters": configuration.parameters,
        **model.result(),
    }
    if rows is not None:
        found["columns"] = list(rows.names)
    return found
