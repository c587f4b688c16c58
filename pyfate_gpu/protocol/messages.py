# SPDX-License-Identifier: Apache-2.0
"""Which messages there are, from whom to whom; anything else is refused on arrival.

Here are those of every job; an algorithm declares its own as `Estimator.messages`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pyfate_gpu.federation import Party, Role
from pyfate_gpu.federation.mailbox import Address

#: Senders and recipients of each message, by the part of its name after the task.
Messages = Mapping[str, tuple[frozenset[Role], frozenset[Role]]]

GUEST_ROLE = frozenset({Role.GUEST})
HOST_ROLE = frozenset({Role.HOST})
ARBITER_ROLE = frozenset({Role.ARBITER})
DATA_ROLES = GUEST_ROLE | HOST_ROLE
ALL_ROLES = frozenset(Role)
LEADERS = frozenset({Role.GUEST, Role.SERVER})
FOLLOWERS = ALL_ROLES - LEADERS

SHARED: Messages = {
    "terms": (LEADERS, ALL_ROLES),
    "public_key": (ALL_ROLES, ALL_ROLES),
    "tables": (HOST_ROLE, GUEST_ROLE),
    "id_count": (DATA_ROLES, DATA_ROLES | ARBITER_ROLE),
    "exchange_from": (ARBITER_ROLE, DATA_ROLES),
    "blinded_ids": (DATA_ROLES, DATA_ROLES | ARBITER_ROLE),
    "common_ids": (ARBITER_ROLE | GUEST_ROLE, DATA_ROLES),
    "ids": (GUEST_ROLE, HOST_ROLE),
    "half": (HOST_ROLE, GUEST_ROLE),
    "sum_secret": (HOST_ROLE, HOST_ROLE),
    "step_done": (HOST_ROLE, GUEST_ROLE),
    "step_kept": (GUEST_ROLE, HOST_ROLE),
    "checkpoints": (FOLLOWERS, LEADERS),
    "resume": (LEADERS, ALL_ROLES),
    "done": (FOLLOWERS, LEADERS),
    "all_done": (LEADERS, ALL_ROLES),
}
_NAME = re.compile(r"[a-z]+-[1-9][0-9]{0,8}/([a-z_]+)")


def why_refuse(address: Address, recipient: Party, messages: Messages = SHARED) -> str | None:
    """Return what is wrong with a message, None if it is one of `messages` and may come.

    Examples
    --------
    >>> from pyfate_gpu import Party
    >>> from pyfate_gpu.federation.mailbox import Address
    >>> from pyfate_gpu.protocol.messages import why_refuse
    >>> guest, host = Party.parse("guest"), Party.parse("host-0")
    >>> why_refuse(Address(guest, "align-1/ids", 0, 0), host)
    >>> why_refuse(Address(host, "align-1/ids", 0, 0), guest)
    'ids goes from guest to host'
    """
    found = _NAME.fullmatch(address.name)
    if found is None or found[1] not in messages:
        return "there is no such message"
    senders, recipients = messages[found[1]]
    if address.sender.role in senders and recipient.role in recipients:
        return None
    return f"{found[1]} goes from {_names(senders)} to {_names(recipients)}"


def _names(roles: frozenset[Role]) -> str:
    return " or ".join(role.value for role in Role if role in roles)
