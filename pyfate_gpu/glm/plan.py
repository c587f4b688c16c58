# SPDX-License-Identifier: Apache-2.0
"""How much there is to do: shapes of hosts' data to the guest, the guest's plan to everybody."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pyfate_gpu.errors import DisagreementError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.packing import ClassSlots, check_rows
from pyfate_gpu.glm.row_slots import RowSlots, row_bits_of, why_terms_forbid
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.protocol.keys import receive_key
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.protocol.training import check_together

Packing = ClassSlots | RowSlots


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
    standardized : bool
        Whether its columns are standardised, by these rows: then their norm has a public bound.
    training : str
        Fingerprint of the training that its weights come from, where it has some.
    """

    rows: int
    columns: int
    validation: int = 0
    warm: bool = False
    standardized: bool = False
    training: str = ""


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
    row_bits : int
        Where rows share ciphertexts, there are at most ``2**row_bits`` of them; 0 where they do not.
    warm : bool
        Whether all parties begin with the weights of an earlier fit.
    """

    columns: dict[str, int]
    outputs: int
    batches: int
    validation: int
    row_bits: int = 0
    warm: bool = False

    def packing(self, settings: Settings, rows: int | None = None) -> Packing:
        """Return how rows and outputs share ciphertexts, by what the terms allow and the plan says.

        Parameters
        ----------
        rows : int, optional
            How many there are, for who knows: all but the arbiter.

        Raises
        ------
        ProtocolError
            When the guest plans what the terms or these rows do not allow.
        ConfigurationError
            When slots have no room for so many rows.
        """
        parties = len(self.columns)
        if not self.row_bits:
            packing = settings.class_slots(parties, self.outputs)
            check_rows(rows or 0, packing)
            return packing
        reason = why_terms_forbid(
            settings, parties=parties, outputs=self.outputs, row_bits=self.row_bits
        )
        if rows is not None and row_bits_of(rows) != self.row_bits:
            reason = reason or f"it counts up to 2^{self.row_bits} rows, there are {rows}"
        if reason:
            raise ProtocolError(f"the guest packs rows, which cannot be: {reason}")
        found = RowSlots.of(key_bits=settings.key_bits, parties=parties, row_bits=self.row_bits)
        assert found is not None  # or the terms had forbidden it
        return found


def connect(session: Session, task: str, settings: Settings) -> None:
    """Agree on what is to be done and take the arbiter's key: how guest and hosts begin a task."""
    agree_on_terms(session, task, settings.terms())
    receive_key(
        session,
        settings.key_bits,
        scheme=settings.scheme,
        allow_insecure_key_size=settings.allow_insecure_key_size,
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
        standardized=shape.standardized,
        training=shape.training,
    )


def collect_shapes(session: Session) -> dict[Party, Shape]:
    """Return the shape of each host's data."""
    return {
        host: Shape(
            *session.receive(
                host,
                "shape",
                rows=int,
                columns=int,
                validation=int,
                warm=bool,
                standardized=bool,
                training=str,
            )
        )
        for host in session.hosts
    }


def compare_shapes(own: Shape, shapes: Mapping[Party, Shape]) -> dict[str, int]:
    """Return the columns of each party, by its name, having checked that all hosts fit the guest's data.

    Raises
    ------
    DisagreementError
        When a host has other rows, begins otherwise, or has weights of another training.
    """
    columns = {GUEST.name: own.columns}
    for host, shape in shapes.items():
        for what, here, there in (
            ("rows", own.rows, shape.rows),
            ("validation rows", own.validation, shape.validation),
        ):
            if here != there:
                raise DisagreementError(
                    f"guest has {here} {what}, {host} has {there}: "
                    "give every party the same rows in the same order"
                )
        if own.warm != shape.warm:
            warm, cold = ("guest", host) if own.warm else (host, "guest")
            raise DisagreementError(
                f"{warm} begins with the weights of an earlier fit, {cold} has none: "
                "set warm_start=False, or load the missing half"
            )
        columns[host.name] = shape.columns
    if own.warm:
        check_together({GUEST: own.training} | {host: s.training for host, s in shapes.items()})
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
        row_bits=plan.row_bits,
        warm=plan.warm,
    )


def receive_plan(session: Session) -> Plan:
    """Return the guest's plan.

    Raises
    ------
    ProtocolError
        When it names other parties than there are, or counts that make no sense.
    """
    text, outputs, batches, validation, row_bits, warm = session.receive(
        GUEST,
        "plan",
        columns=str,
        outputs=int,
        batches=int,
        validation=int,
        row_bits=int,
        warm=bool,
    )
    if outputs < 1 or batches < 1 or validation < 0 or row_bits < 0:
        raise ProtocolError(
            f"the guest announced {outputs} outputs, {batches} batches, {validation} validation rows, rows of "
            f"{row_bits} bits"
        )
    return Plan(_read_columns(text, session), outputs, batches, validation, row_bits, warm)


def _read_columns(text: str, session: Session) -> dict[str, int]:
    try:
        columns = json.loads(text)
    except (ValueError, RecursionError):
        columns = None
    wanted = {party.name for party in (GUEST, *session.hosts)}
    if (
        not isinstance(columns, dict)
        or set(columns) != wanted
        or not all(type(count) is int and count >= 0 for count in columns.values())
        or not all(columns[host.name] for host in session.hosts)
    ):
        raise ProtocolError(f"the guest announced {text!r} for the columns of {sorted(wanted)}")
    return columns
