# SPDX-License-Identifier: Apache-2.0
"""What parties settle before a task: that they want the same one."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from pyfate_gpu.errors import DisagreementError, ProtocolError
from pyfate_gpu.federation import Session

#: Raised whenever messages or their meaning change.
PROTOCOL_VERSION = 7

_ID_BYTES = 16
_ID = f"[0-9a-f]{{{2 * _ID_BYTES}}}"


def agree_on_terms(session: Session, task: str, terms: Mapping[str, Any]) -> None:
    """Compare what the leader wants with what this party was told to do; all then know the leader's id of the task.

    Raises
    ------
    DisagreementError
        Naming every difference, in the party that differs from the leader.
    """
    session.begin()
    mine = {"task": task, "protocol": PROTOCOL_VERSION, **terms}
    if session.party == session.leader:
        session.task_id = secrets.token_hex(_ID_BYTES)
        session.send(session.peers, "terms", terms=json.dumps(mine | {"id": session.task_id}))
    else:
        theirs = _read_terms(session)
        task_id = theirs.pop("id", None)
        names = [name for name in sorted({**mine, **theirs}) if mine.get(name) != theirs.get(name)]
        if names:
            pairs = [
                f"{name} {theirs.get(name)!r} there, {mine.get(name)!r} here" for name in names
            ]
            raise DisagreementError(
                f"{session.party} and the {session.leader} are set differently: {'; '.join(pairs)}"
            )
        if not isinstance(task_id, str) or not re.fullmatch(_ID, task_id):
            raise ProtocolError(f"the {session.leader} gave the task no id")
        session.task_id = task_id
    session.agree(task)


def _read_terms(session: Session) -> dict[str, Any]:
    try:
        terms = json.loads(session.receive(session.leader, "terms", terms=str))
    except (TypeError, ValueError, RecursionError):
        terms = None
    if not isinstance(terms, dict):
        raise ProtocolError(f"the terms of the {session.leader} are not a JSON object")
    return terms
