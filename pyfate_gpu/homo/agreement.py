# SPDX-License-Identifier: Apache-2.0
"""What clients have in common before they train: columns, classes, the order of magnitude of their rows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from pyfate_gpu.errors import DisagreementError, ProtocolError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.roles import SERVER


@dataclass(frozen=True)
class Common:
    """What the server tells everybody.

    Parameters
    ----------
    columns : int
    classes : list
        All classes that some client has, sorted; empty where labels are no classes.
    row_bits : int
        No client has 2 to this power of rows, or more.
    validation : bool
        Whether all clients have validation rows.
    """

    columns: int
    classes: list[Any]
    row_bits: int
    validation: bool


def agree(session: Session, mine: dict[str, Any] | None) -> Common:
    """Compare what clients have, at the server.

    Parameters
    ----------
    mine : dict
        Columns and their names, classes, bits of the number of rows, and whether there are validation rows; at
        clients.

    Raises
    ------
    DisagreementError
        When clients have other columns than the first, or only some have validation rows.
    """
    if session.party.role is Role.CLIENT:
        session.send(SERVER, "shape", data=json.dumps(mine))
    if session.party != SERVER:
        return Common(**_read(session, SERVER, "agreed"))
    told = [_read(session, client, "shape") for client in session.clients]
    first = told[0]
    for client, each in zip(session.clients, told, strict=True):
        if (each["columns"], each["names"]) != (first["columns"], first["names"]):
            raise DisagreementError(
                f"{client} has other columns than {session.clients[0]}: give every client the same ones, in the same "
                "order and by the same names"
            )
    tested = {each["validation"] for each in told}
    if len(tested) > 1:
        raise DisagreementError("some clients have validation rows and some have none")
    found = Common(
        first["columns"],
        _union([each["classes"] for each in told]),
        max(each["row_bits"] for each in told),
        first["validation"],
    )
    session.send(session.peers, "agreed", data=json.dumps(vars(found)))
    return found


def _union(listed: list[list[Any]]) -> list[Any]:
    try:
        return sorted({each for classes in listed for each in classes})
    except TypeError:
        raise DisagreementError(
            "classes are numbers at some clients and texts at others: name them alike"
        ) from None


def _read(session: Session, sender: Any, name: str) -> dict[str, Any]:
    """A JSON object with the members that there have to be."""
    text = session.receive(sender, name, data=str)
    try:
        found = json.loads(text)
        good = (
            type(found["columns"]) is int and isinstance(found["classes"], list)
            and type(found["row_bits"]) is int and 0 < found["row_bits"] < 40
            and type(found["validation"]) is bool
            and (name == "agreed" or isinstance(found["names"], list | None))
            and all(type(each) in (int, float, str) for each in found["classes"])
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, RecursionError):
        good = False
    if not good:
        raise ProtocolError(f"what {sender} says of its rows is not of this form")
    return dict(found)
