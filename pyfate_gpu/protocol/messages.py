# SPDX-License-Identifier: Apache-2.0
"""Which messages there are, from whom to whom; anything else is refused on arrival.

A test looks for messages in the sources that are not in this table.
"""

from __future__ import annotations

import re

from pyfate_gpu.federation import Party, Role
from pyfate_gpu.federation.mailbox import Address

_GUEST, _HOST, _ARBITER = {Role.GUEST}, {Role.HOST}, {Role.ARBITER}
_ALL = _GUEST | _HOST | _ARBITER
_DATA = _GUEST | _HOST

#: Senders and recipients of each message, by the part of its name after the task.
MESSAGES: dict[str, tuple[set[Role], set[Role]]] = {
    "terms": (_GUEST, _ALL),
    "id_count": (_DATA, _ALL),
    "blinded_ids": (_DATA, _ALL),
    "common_ids": (_ARBITER, _DATA),
    "ids": (_GUEST, _HOST),
    "half": (_GUEST, _HOST),
    "checkpoints": (_HOST | _ARBITER, _GUEST),
    "resume": (_GUEST, _ALL),
    "public_key": (_ARBITER, _ALL),
    "shape": (_HOST, _GUEST),
    "plan": (_GUEST, _ALL),
    "decryptions": (_GUEST, _ARBITER),
    "batches": (_GUEST, _HOST),
    "targets": (_GUEST, _HOST),
    "forward": (_HOST, _GUEST),
    "residual": (_GUEST, _HOST),
    "loss_share": (_HOST, _GUEST),
    "masked_gradient": (_DATA, _ARBITER),
    "residues_gradient": (_ARBITER, _DATA),
    "rows": (_DATA, _ARBITER),
    "gradient": (_DATA, _ARBITER),
    "step": (_ARBITER, _DATA),
    "masked_loss": (_GUEST, _ARBITER),
    "residues_loss": (_ARBITER, _GUEST),
    "settled": (_HOST, _GUEST),
    "validation": (_HOST, _GUEST),
    "masked_validation": (_GUEST, _ARBITER),
    "residues_validation": (_ARBITER, _GUEST),
    "scores": (_HOST, _GUEST),
    "masked_scores": (_GUEST, _ARBITER),
    "residues_scores": (_ARBITER, _GUEST),
    "proceed": (_GUEST, _ALL),
    "done": (_HOST | _ARBITER, _GUEST),
    "all_done": (_GUEST, _ALL),
}
_NAME = re.compile(r"[a-z]+-[1-9][0-9]{0,8}/([a-z_]+)")


def why_refuse(address: Address, recipient: Party) -> str | None:
    """Return what is wrong with a message, None if it is one that may come.

    Examples
    --------
    >>> from pyfate_gpu import Party
    >>> from pyfate_gpu.federation.mailbox import Address
    >>> from pyfate_gpu.protocol.messages import why_refuse
    >>> guest, host = Party.parse("guest"), Party.parse("host-0")
    >>> why_refuse(Address(guest, "fit-1/residual", 3, 0), host)
    >>> why_refuse(Address(host, "fit-1/residual", 3, 0), guest)
    'residual goes from guest to host'
    """
    found = _NAME.fullmatch(address.name)
    if found is None or found[1] not in MESSAGES:
        return "there is no such message"
    senders, recipients = MESSAGES[found[1]]
    if address.sender.role in senders and recipient.role in recipients:
        return None
    return f"{found[1]} goes from {_names(senders)} to {_names(recipients)}"


def _names(roles: set[Role]) -> str:
    return " or ".join(role.value for role in Role if role in roles)
