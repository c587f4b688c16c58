# SPDX-License-Identifier: Apache-2.0
"""One party of a job, from its configuration to its result."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pyfate_gpu.backends import workers
from pyfate_gpu.backends.sharded.tables import read_at_workers
from pyfate_gpu.data.sources import DataSource, Rows, read_rows
from pyfate_gpu.errors import ConfigurationError, DisagreementError
from pyfate_gpu.estimators import make_estimator
from pyfate_gpu.federation import Party, Role, Session
from pyfate_gpu.federation.roles import ARBITER, GUEST, SERVER
from pyfate_gpu.jobs.alignment import align, rows_alone
from pyfate_gpu.jobs.chain import make_steps, messages_of, prepare
from pyfate_gpu.jobs.checkpoints import Checkpoints, agree_on_iteration
from pyfate_gpu.jobs.configuration import ALONE, KINDS, SAME, PartyConfiguration
from pyfate_gpu.jobs.connection import (
    at_work,
    check_job,
    common_terms,
    keeper_of,
    open_session,
    telling,
)
from pyfate_gpu.jobs.judgement import judge_tables, tell_of_classes
from pyfate_gpu.jobs.result import write_result
from pyfate_gpu.protocol.terms import agree_on_terms

if TYPE_CHECKING:
    from pyfate_gpu.jobs.alignment_keeper import AlignmentKeeper
    from pyfate_gpu.protocol.estimator import Estimator

logger = logging.getLogger(__name__)


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
    with telling(configuration, insecure=insecure):
        model = make_estimator(configuration.model, configuration.parameters)
        check_job(configuration, model)
        steps = make_steps(configuration.steps)
        model.check_steps(steps)
        _check_recovery(configuration, model)
        _check_sources(configuration, model)
    with (
        at_work(configuration, insecure=insecure),
        open_session(configuration, messages_of(model, steps)) as (session, channel),
    ):
        tables = read_tables(configuration, model, ("data", "validation", ALONE))
        judge_tables(configuration.party, (*steps, model)[0], tables)
        checkpoints = checkpoints_of(configuration, model, tables)
        channel.connect()
        agree_on_terms(session, "job", _terms(configuration, model))
        compare_tables(session, tables)
        in_table = len(tables["data"].ids) if "data" in tables else 0
        keeper = keeper_of(configuration, tables)
        tables = _aligned(session, tables, configuration, model, keeper)
        tables = prepare(session, configuration, steps, tables, model)
        if "data" in tables:
            tell_of_classes(configuration.party, model, tables["data"], tables.get(ALONE))
        if checkpoints is not None:
            checkpoints.check_rows(tables)
            agree_on_iteration(session, checkpoints)
        model.fit_rows(session, tables.get("data"), tables.get("validation"), tables.get(ALONE))
        path = write_result(configuration, session, model, tables, in_table)
        if checkpoints is not None:
            _wait_for_all(session)  # whoever is killed before needs the others' checkpoints
            checkpoints.clear()
        if keeper is not None:
            keeper.clear()
    return path


def _aligned(
    session: Session,
    tables: Mapping[str, Rows],
    configuration: PartyConfiguration,
    model: Estimator,
    keeper: AlignmentKeeper | None,
) -> dict[str, Rows]:
    """Return the rows that all have and, where the model takes them, this party's others."""
    joint = {kind: rows for kind, rows in tables.items() if kind != ALONE}
    found = align(session, joint, configuration.alignment, keeper)
    if model.takes_rows_alone and "data" in found:
        alone = tables.get(ALONE) or rows_alone(tables["data"], found["data"])
        if alone is not None:
            logger.info("%s: %d rows of its own stay here", session.party, len(alone.ids))
            found[ALONE] = alone
    return found


def compare_tables(session: Session, tables: Mapping[str, Rows]) -> None:
    """See to it that guest and hosts have tables for the same purposes.

    Raises
    ------
    DisagreementError
        At the guest, naming who lacks which.
    """
    with session.task("tables"):
        mine = [kind for kind in tables if kind != ALONE]
        if session.party.role is Role.HOST:
            session.send(GUEST, "tables", kinds=",".join(mine))
        elif session.party == GUEST:
            kinds: dict[Party, list[str]] = {GUEST: mine}
            for host in session.hosts:
                kinds[host] = session.receive(host, "tables", kinds=str).split(",")
            for kind in KINDS:
                lacking = [party.name for party, has in kinds.items() if kind not in has]
                having = [party.name for party, has in kinds.items() if kind in has]
                if lacking and having:
                    raise DisagreementError(
                        f"{' and '.join(lacking)} {_verb('lack', lacking)} [{kind}], {' and '.join(having)} "
                        f"{_verb('have', having)} it: all of guest and hosts have such a table or none"
                    )


def _verb(plural: str, subjects: Sequence[str]) -> str:
    """Return a verb as so many subjects take it."""
    return plural if len(subjects) > 1 else {"lack": "lacks", "have": "has"}[plural]


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
    if configuration.party not in (ARBITER, SERVER) and sources[kinds[0]] is None:
        raise ConfigurationError(
            f"{configuration.party} lacks [{kinds[0]}]: guest and hosts, or clients, have data, arbiter and server none"
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
    return read_at_workers(source, workers()) if source.at_workers else read_rows(source)


def _check_recovery(configuration: PartyConfiguration, model: Estimator) -> None:
    if configuration.checkpoint_every and (reason := model.why_no_checkpoints()):
        raise ConfigurationError(reason)


def _check_sources(configuration: PartyConfiguration, model: Estimator) -> None:
    if configuration.alone is not None:
        if not model.takes_rows_alone:
            raise ConfigurationError(
                f"[{ALONE}] has rows that no other party has; {type(model).__name__} trains on rows that all have: "
                "leave it out"
            )
        if configuration.alignment != SAME:
            raise ConfigurationError(
                f"[{ALONE}] has rows that no other party has: with [alignment] method = "
                f'"{configuration.alignment}" these are found among [data], leave it out'
            )
        model.check_source(configuration.alone)
    for kind in ("data", "validation"):
        source = getattr(configuration, kind)
        if source is not None:
            model.check_source(source)
            if source.at_workers and configuration.steps:
                raise ConfigurationError(
                    f"[{kind}] lies at workers, where no step prepares its columns: leave at_workers or the steps out"
                )
        labelled = configuration.party.role in (Role.GUEST, Role.CLIENT)
        if labelled and source is not None and source.label is None:
            raise ConfigurationError(
                f"[{kind}] of the {configuration.party.role.value} lacks label: name the column that has the labels"
            )


def checkpoints_of(
    configuration: PartyConfiguration, model: Estimator, tables: Mapping[str, Rows]
) -> Checkpoints | None:
    """Return the checkpoints of this party, job and tables, checked; None where there shall be none.

    Raises
    ------
    ConfigurationError
        When those in its directory are of another job.
    """
    if not configuration.checkpoint_every:
        return None
    terms = {
        **_terms(configuration, model),
        "parameters": model.get_params(),
        "party": configuration.party.name,
        "prepared": [[step.model, step.parameters] for step in configuration.steps],
    }
    fingerprint = hashlib.sha256(json.dumps(terms, sort_keys=True, default=str).encode())
    for kind, rows in tables.items():
        fingerprint.update(kind.encode() + rows.digest())
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


def _terms(configuration: PartyConfiguration, model: Estimator) -> dict[str, object]:
    every = {"checkpoint_every": configuration.checkpoint_every}
    return model.terms() | common_terms(configuration) | every
