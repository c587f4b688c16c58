# SPDX-License-Identifier: Apache-2.0
"""What prepares columns before the model of a job sees them: steps, each done once, its halves kept.

Each step works on what the one before gave, between the parties that have data; an arbiter takes no part. Its half,
report and result are in a folder of its own. A job that is begun again goes on after the last step that all parties
have of one fit, on the same rows.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.rows import NamedColumns, Rows
from pyfate_gpu.errors import ConfigurationError, PyFateError
from pyfate_gpu.estimators import find_estimator, make_estimator
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.jobs.configuration import PartyConfiguration, StepChoice
from pyfate_gpu.jobs.result import HALF, write_result
from pyfate_gpu.storage.files import write_atomically

if TYPE_CHECKING:
    from pyfate_gpu.protocol.estimator import Estimator
    from pyfate_gpu.protocol.messages import Messages

logger = logging.getLogger(__name__)

#: Of a step's folder: what it was fitted to.
_FITTED_TO = "rows.json"


def make_steps(steps: Sequence[StepChoice]) -> list[Estimator]:
    """Return the estimators of steps, checked.

    Raises
    ------
    ConfigurationError
        When there is no such estimator, a parameter makes no sense, or it says nothing of columns.
    """
    found = []
    for step in steps:
        model = make_estimator(step.model, step.parameters)
        if not hasattr(model, "transform") and not hasattr(model, "importances"):
            raise ConfigurationError(
                f"[[step]] has type {step.model!r}, which gives no columns and no importances of them: it takes one "
                "that does, such as iv, selection or trees; what is trained on them is [model]"
            )
        found.append(model)
    return found


def messages_of(model: Estimator, steps: Sequence[Estimator]) -> Messages:
    """Return the messages of a model and of the steps before it; those of the same name may go where either goes."""
    found = dict(model.messages)
    for step in steps:
        for name, (senders, recipients) in step.messages.items():
            known = found.get(name, (frozenset(), frozenset()))
            found[name] = (known[0] | senders, known[1] | recipients)
    return found


def prepare(
    session: Session,
    configuration: PartyConfiguration,
    steps: Sequence[Estimator],
    tables: Mapping[str, Rows],
    model: Estimator | None = None,
) -> dict[str, Rows]:
    """Do all steps, or take up those that are done, and return the tables with the columns that come of them.

    The model that is trained on these, where there is one, hears of the fitted steps.

    Raises
    ------
    ConfigurationError, DataError, ProtocolError
        As the steps do.
    """
    found = dict(tables)
    owners = [party for party in session.parties if party.role in (Role.GUEST, Role.HOST)]
    if session.party not in owners:
        return found
    done: list[Estimator] = []
    for number, step in enumerate(steps, 1):
        own = _configuration_of(configuration, number)
        among = session.among(owners, number)
        step.follow_steps(done, found["data"].names)
        after = [getattr(each, "training_", "") for each in done if not hasattr(each, "transform")]
        fitted = _take_up(among, own, found, after)
        if fitted is None:
            fitted = step.fit_rows(among, found["data"], found.get("validation"))
            own.directory.mkdir(exist_ok=True, mode=0o700)
            write_result(own, among, fitted, found, task=f"step {number}")
            note = json.dumps({"rows": _fingerprint(own, found, after)})
            write_atomically(own.directory / _FITTED_TO, note.encode())
        done.append(fitted)
        found = transform_all([fitted], found)
        logger.info("%s: step %d, %s, leaves %s", session.party, number, own.model, _columns(found))
    if model is not None and "data" in found:
        model.follow_steps(done, found["data"].names)
    return found


def load_steps(configuration: PartyConfiguration) -> list[Estimator]:
    """Return this party's halves of all steps.

    Raises
    ------
    ConfigurationError
        When a step was not done in its directory.
    """
    found = []
    for number in range(1, len(configuration.steps) + 1):
        own = _configuration_of(configuration, number)
        path = own.directory / HALF
        if not path.exists():
            raise ConfigurationError(f"there is no {path}: train first, or put the half there")
        found.append(find_estimator(own.model).load(path))
    return found


def transform_all(steps: Sequence[Estimator], tables: Mapping[str, Rows]) -> dict[str, Rows]:
    """Return tables with the columns that fitted steps make of theirs; some only say how much these matter."""
    found = dict(tables)
    for step in (each for each in steps if hasattr(each, "transform")):
        found = {kind: _transformed(step, rows) for kind, rows in found.items()}
    return found


def _transformed(step: Any, rows: Rows) -> Rows:
    columns = step.transform(rows.features)
    if isinstance(columns, NamedColumns):
        return replace(rows, names=columns.columns, values=columns.values)
    names = tuple(str(name) for name in step.get_feature_names_out())
    return replace(rows, names=names, values=np.asarray(columns, dtype=np.float64))


def _configuration_of(configuration: PartyConfiguration, number: int) -> PartyConfiguration:
    step = configuration.steps[number - 1]
    folder = configuration.directory / f"step-{number}"
    return replace(
        configuration, model=step.model, parameters=step.parameters, steps=(), directory=folder
    )


def _take_up(
    session: Session, own: PartyConfiguration, tables: Mapping[str, Rows], after: Sequence[str]
) -> Estimator | None:
    """Return this party's half of a step that all have done in one fit, on these rows; None to do it."""
    half = _load(own, tables, after)
    mine = "" if half is None else str(getattr(half, "training_", ""))
    with session.task("step"):
        if session.party == GUEST:
            theirs = {session.receive(host, "step_done", training=str) for host in session.hosts}
            kept = bool(mine) and theirs == {mine}
            session.send(session.hosts, "step_kept", kept=kept)
        else:
            session.send(GUEST, "step_done", training=mine)
            kept = session.receive(GUEST, "step_kept", kept=bool)
    return half if kept else None


def _load(
    own: PartyConfiguration, tables: Mapping[str, Rows], after: Sequence[str]
) -> Estimator | None:
    try:
        note = json.loads((own.directory / _FITTED_TO).read_bytes())
        if note != {"rows": _fingerprint(own, tables, after)}:
            return None
        return find_estimator(own.model).load(own.directory / HALF)
    except (OSError, ValueError, PyFateError):
        return None  # it is done again


def _fingerprint(own: PartyConfiguration, tables: Mapping[str, Rows], after: Sequence[str]) -> str:
    """Return a hash of parameters, tables and importances' trainings: the step is another one when any of them is."""
    terms = [own.model, own.parameters, own.party.name, *after]
    found = hashlib.sha256(json.dumps(terms, sort_keys=True, default=str).encode())
    for kind, rows in tables.items():
        found.update(kind.encode() + rows.digest())
    return found.hexdigest()


def _columns(tables: Mapping[str, Rows]) -> str:
    count = len(tables["data"].names)
    return f"{count} column{'s' * (count != 1)}"
