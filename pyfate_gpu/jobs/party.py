# SPDX-License-Identifier: Apache-2.0
"""One party of a job, from its configuration to its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyfate_gpu.data.sources import DataSource, Rows, read_rows
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.jobs.alignment import align
from pyfate_gpu.jobs.checkpoints import Checkpoints, agree_on_iteration
from pyfate_gpu.jobs.configuration import PartyConfiguration
from pyfate_gpu.jobs.connection import at_work, check_job, common_terms, open_session
from pyfate_gpu.jobs.result import write_result
from pyfate_gpu.protocol.terms import agree_on_terms

if TYPE_CHECKING:
    from pyfate_gpu.protocol.estimator import Estimator


def run_party(configuration: PartyConfiguration, *, insecure: bool = False) -> Path:
    """Train as one party of a job and return the file that its result was written to.

    Parameters
    ----------
    configuration : PartyConfiguration
        What to do, where, with whom.
    insecure : bool
        Talk without encryption, on this machine only.

    Raises
    ------
    ConfigurationError, DataError
        When the configuration or the data cannot be used, or differ from other parties'.
    ProtocolError
        When another party stopped, vanished, or did not keep to the protocol.
    """
    model = make_estimator(configuration.model, configuration.parameters)
    check_job(configuration, model)
    _check_recovery(configuration, model)
    _check_labels(configuration)
    with at_work(configuration, insecure=insecure):
        tables = read_tables(configuration, model, ("data", "validation"))
        with open_session(configuration, model.messages) as session:
            agree_on_terms(session, "job", _terms(configuration))
            tables = align(session, tables, configuration.alignment)
            checkpoints = checkpoints_of(configuration, model, tables)
            if checkpoints is not None:
                agree_on_iteration(session, checkpoints)
            model.fit_rows(session, tables.get("data"), tables.get("validation"))
            path = write_result(configuration, session, model, tables.get("data"))
            if checkpoints is not None:
                _wait_for_all(session)  # whoever is killed before needs the others' checkpoints
                checkpoints.clear()
    return path


def read_tables(
    configuration: PartyConfiguration, model: Estimator, kinds: Sequence[str]
) -> dict[str, Rows]:
    """Return the tables of a party that its file names; the first of `kinds` has to be there.

    Where a table's columns are not named they are those of the fitted model, or else of the first table.

    Raises
    ------
    ConfigurationError, DataError
        When it is not, or one of them cannot be used.
    """
    sources = {kind: getattr(configuration, kind) for kind in kinds}
    if configuration.party != ARBITER and sources[kinds[0]] is None:
        raise ConfigurationError(
            f"{configuration.party} lacks [{kinds[0]}]: guest and hosts have data, the arbiter none"
        )
    found: dict[str, Rows] = {}
    names = getattr(model, "feature_names_in_", None)
    for kind, source in sources.items():
        if source is not None:
            found[kind] = _read(source, model, names)
            names = found[kind].names
    return found


def _read(source: DataSource, model: Estimator, names: Sequence[str] | None) -> Rows:
    if names is not None and source.columns is None:
        source = replace(source, columns=list(names))
    model.check_source(source)
    return read_rows(source)


def _check_recovery(configuration: PartyConfiguration, model: Estimator) -> None:
    if configuration.checkpoint_every and (reason := model.why_no_checkpoints()):
        raise ConfigurationError(reason)


def _check_labels(configuration: PartyConfiguration) -> None:
    for kind in ("data", "validation"):
        source = getattr(configuration, kind)
        if configuration.party == GUEST and source is not None and source.label is None:
            raise ConfigurationError(
                f"[{kind}] of the guest lacks label: name the column that has the labels"
            )


def checkpoints_of(
    configuration: PartyConfiguration, model: Estimator, tables: Mapping[str, Rows]
) -> Checkpoints | None:
    """Return the checkpoints of this party, job and rows, checked; None where there shall be none.

    Raises
    ------
    ConfigurationError
        When those in its directory are of another job.
    """
    if not configuration.checkpoint_every:
        return None
    terms = {
        **_terms(configuration),
        "parameters": model.get_params(),
        "party": configuration.party.name,
    }
    fingerprint = hashlib.sha256(json.dumps(terms, sort_keys=True, default=str).encode())
    for kind, rows in tables.items():
        fingerprint.update(json.dumps([kind, rows.ids, rows.names]).encode())
        fingerprint.update(rows.values.tobytes())
        fingerprint.update(repr({k: v.tolist() for k, v in rows.extras.items()}).encode())
        fingerprint.update(repr(None if rows.labels is None else rows.labels.tolist()).encode())
    folder = configuration.directory / "checkpoints"
    found = Checkpoints(folder, configuration.checkpoint_every, fingerprint.hexdigest())
    found.check()
    return found


def _wait_for_all(session: Session) -> None:
    """Return when every party has got this far."""
    with session.task("end"):
        if session.party == session.leader:
            for peer in session.peers:
                session.receive(peer, "done", done=bool)
            session.send(session.peers, "all_done", done=True)
        else:
            session.send(session.leader, "done", done=True)
            session.receive(session.leader, "all_done", done=bool)


def _terms(configuration: PartyConfiguration) -> dict[str, object]:
    return common_terms(configuration) | {"checkpoint_every": configuration.checkpoint_every}
