# SPDX-License-Identifier: Apache-2.0
"""What parties settle before a task: that they want the same one, under which key, on which rows."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyfate_gpu.errors import ConfigurationError, InsecureKeyError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.he import PublicKey

logger = logging.getLogger(__name__)

#: Raised whenever messages or their meaning change.
PROTOCOL_VERSION = 2


def agree_on_terms(session: Session, task: str, terms: Mapping[str, Any]) -> None:
    """Compare what the guest wants with what this party was told to do.

    Raises
    ------
    ConfigurationError
        Naming every difference, in the party that differs from the guest.
    """
    session.begin()
    mine = {"task": task, "protocol": PROTOCOL_VERSION, **terms}
    if session.party == GUEST:
        session.send(session.peers, "terms", terms=json.dumps(mine))
    else:
        theirs = _read_terms(session)
        names = [name for name in sorted({**mine, **theirs}) if mine.get(name) != theirs.get(name)]
        if names:
            pairs = [
                f"{name} {theirs.get(name)!r} there, {mine.get(name)!r} here" for name in names
            ]
            raise ConfigurationError(
                f"{session.party} and the guest are set differently: {'; '.join(pairs)}"
            )
    session.agree(task)


def _read_terms(session: Session) -> dict[str, Any]:
    try:
        terms = json.loads(session.receive(GUEST, "terms", terms=str))
    except (TypeError, ValueError):
        terms = None
    if not isinstance(terms, dict):
        raise ProtocolError("the guest's terms are not a JSON object")
    return terms


def announce_key(session: Session, public_key: PublicKey) -> None:
    """Send the arbiter's public key to everybody."""
    session.public_key = public_key
    session.send(session.peers, "public_key", n=public_key.n, h=public_key.h or 0)


def receive_key(session: Session, key_bits: int, *, allow_insecure_key_size: bool) -> None:
    """Take the arbiter's public key; the one already known is kept with its tables.

    Raises
    ------
    InsecureKeyError
        When the key is shorter than agreed.
    InvalidKeyError
        When the numbers are no key.
    """
    n, h = session.receive(ARBITER, "public_key", n=int, h=int)
    if n.bit_length() < key_bits:
        raise InsecureKeyError(
            f"the arbiter announced a key of {n.bit_length()} bits, {key_bits} were agreed"
        )
    if session.public_key is None or session.public_key.n != n:
        session.public_key = PublicKey(
            n, h or None, allow_insecure_key_size=allow_insecure_key_size
        )
    logger.info("%s works with %r", session.party, session.public_key)


@dataclass(frozen=True)
class Shape:
    """What a host tells the guest of its data.

    Parameters
    ----------
    rows, columns : int
        Of the features.
    validation : int
        Rows of the validation data, 0 without.
    warm : bool
        Whether it begins with the weights of an earlier fit.
    """

    rows: int
    columns: int
    validation: int = 0
    warm: bool = False


@dataclass(frozen=True)
class Plan:
    """What everybody is told before training: how much there is to do.

    Parameters
    ----------
    columns : dict
        How many columns each party with data has, the guest's with its intercept, by name.
    outputs : int
        Scores of a row: the classes, where there are more than two; otherwise 1.
    batches : int
        How many in an iteration.
    validation : int
        Rows of the validation data.
    """

    columns: dict[str, int]
    outputs: int
    batches: int
    validation: int


def connect(session: Session, task: str, settings: Settings) -> None:
    """Agree on what is to be done and take the arbiter's key: how guest and hosts begin a task."""
    agree_on_terms(session, task, settings.terms())
    receive_key(
        session, settings.key_bits, allow_insecure_key_size=settings.allow_insecure_key_size
    )


def report_shape(session: Session, shape: Shape) -> None:
    """Tell the guest the shape of this host's data."""
    session.send(
        GUEST,
        "shape",
        rows=shape.rows,
        columns=shape.columns,
        validation=shape.validation,
        warm=shape.warm,
    )


def collect_columns(session: Session, own: Shape) -> dict[str, int]:
    """Return the columns of each party, having checked that all hosts fit the guest's data.

    Raises
    ------
    ConfigurationError
        When a host has other rows, or begins otherwise.
    """
    columns = {session.party.name: own.columns}
    for host in session.hosts:
        shape = Shape(
            *session.receive(host, "shape", rows=int, columns=int, validation=int, warm=bool)
        )
        for what, here, there in (
            ("rows", own.rows, shape.rows),
            ("validation rows", own.validation, shape.validation),
        ):
            if here != there:
                raise ConfigurationError(
                    f"guest has {here} {what}, {host} has {there}: "
                    "give every party the same rows in the same order"
                )
        if own.warm != shape.warm:
            warm, cold = ("guest", host) if own.warm else (host, "guest")
            raise ConfigurationError(
                f"{warm} begins with the weights of an earlier fit, {cold} has none: "
                "set warm_start=False, or load the missing half"
            )
        columns[host.name] = shape.columns
    return columns


def announce_plan(session: Session, plan: Plan) -> None:
    """Send the plan to everybody: hosts check it, the arbiter decrypts no more than it says."""
    session.send(
        session.peers,
        "plan",
        columns=json.dumps(plan.columns),
        outputs=plan.outputs,
        batches=plan.batches,
        validation=plan.validation,
    )


def receive_plan(session: Session) -> Plan:
    """Return the guest's plan.

    Raises
    ------
    ProtocolError
        When it names other parties than there are, or counts that make no sense.
    """
    text, outputs, batches, validation = session.receive(
        GUEST, "plan", columns=str, outputs=int, batches=int, validation=int
    )
    if outputs < 1 or batches < 1 or validation < 0:
        raise ProtocolError(
            f"the guest announced {outputs} outputs, {batches} batches, {validation} validation rows"
        )
    return Plan(_read_columns(text, session), outputs, batches, validation)


def _read_columns(text: str, session: Session) -> dict[str, int]:
    try:
        columns = json.loads(text)
    except ValueError:
        columns = None
    wanted = {party.name for party in (GUEST, *session.hosts)}
    if (
        not isinstance(columns, dict)
        or set(columns) != wanted
        or not all(type(count) is int and count > 0 for count in columns.values())
    ):
        raise ProtocolError(f"the guest announced {text!r} for the columns of {sorted(wanted)}")
    return columns
