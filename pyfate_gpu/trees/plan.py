# SPDX-License-Identifier: Apache-2.0
"""How much there is to do: shapes of hosts' data to the guest, the guest's plan to the hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pyfate_gpu.errors import DisagreementError, ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.protocol.keys import receive_key
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.protocol.training import check_together
from pyfate_gpu.trees.settings import Settings

#: Outputs of a row: beyond it no key has room.
MOST_OUTPUTS = 1 << 12


@dataclass(frozen=True)
class Shape:
    """What a host tells the guest of its data.

    Parameters
    ----------
    rows, validation : int
        To train with, and to judge by.
    candidates : int
        Splits that its columns allow; 0 before a prediction.
    training : str
        Fingerprint of the training that its splits come from, where it has some.
    """

    rows: int
    validation: int = 0
    candidates: int = 0
    training: str = ""


def connect_host(session: Session, task: str, settings: Settings, *, key: bool) -> None:
    """Agree on what is to be done, and take the guest's key where something is encrypted."""
    agree_on_terms(session, task, settings.terms())
    if key:
        receive_key(
            session,
            settings.key_bits,
            scheme=settings.scheme,
            allow_insecure_key_size=settings.allow_insecure_key_size,
            owner=GUEST,
        )


def report_shape(session: Session, shape: Shape) -> None:
    """Tell the guest the shape of this host's data."""
    session.send(
        GUEST,
        "shape",
        rows=shape.rows,
        validation=shape.validation,
        candidates=shape.candidates,
        training=shape.training,
    )


def collect_shapes(session: Session) -> dict[Party, Shape]:
    """Return the shape of each host's data."""
    return {
        host: Shape(
            *session.receive(host, "shape", rows=int, validation=int, candidates=int, training=str)
        )
        for host in session.hosts
    }


def compare_shapes(own: Shape, shapes: Mapping[Party, Shape]) -> None:
    """See to it that all hosts have the guest's rows, and the halves that its trees were made with.

    Raises
    ------
    DisagreementError
        Naming the host and both numbers, or who has the half of which training.
    ProtocolError
        When a host has a number of candidates below 0.
    """
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
        if shape.candidates < 0:
            raise ProtocolError(f"{host} announced {shape.candidates} candidates")
    trainings = {GUEST: own.training} | {host: shape.training for host, shape in shapes.items()}
    if any(trainings.values()):
        check_together(trainings)


def announce_plan(session: Session, outputs: int, *, packed: bool) -> None:
    """Tell hosts how many outputs a row has, and whether rows share ciphertexts."""
    session.send(session.hosts, "plan", outputs=outputs, packed=packed)


def receive_plan(session: Session, settings: Settings) -> tuple[int, bool]:
    """Return how many outputs a row has, and whether rows share ciphertexts.

    Raises
    ------
    ProtocolError
        When that makes no sense, or is not what the parties agreed on.
    """
    outputs, packed = session.receive(GUEST, "plan", outputs=int, packed=bool)
    if not 1 <= outputs <= MOST_OUTPUTS:
        raise ProtocolError(f"the guest announced {outputs} outputs")
    if settings.row_packing != "auto" and packed != (settings.row_packing == "rows"):
        raise ProtocolError(
            f"the guest announced packed={packed}, all parties agreed on packing={settings.row_packing!r}"
        )
    return outputs, packed
