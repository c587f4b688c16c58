# SPDX-License-Identifier: Apache-2.0
"""Who takes part in a job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pyfate_gpu.errors import ConfigurationError

MAX_INDEX = 999_999


class Role(str, Enum):
    """What a party brings.

    The guest has labels, a host features, the arbiter the private key; a client has rows of its own, all
    columns of them, and the server adds up what clients send.
    """

    GUEST = "guest"
    HOST = "host"
    ARBITER = "arbiter"
    CLIENT = "client"
    SERVER = "server"


#: Roles that any number of parties may play, each with a number.
NUMBERED = (Role.HOST, Role.CLIENT)


@dataclass(frozen=True)
class Party:
    """One participant: its role, and its number among the hosts or clients.

    Parameters
    ----------
    role : Role
        The part it plays.
    index : int
        Number among the hosts or clients, from 0; always 0 for the other roles.

    Examples
    --------
    >>> from pyfate_gpu import Party, Role
    >>> Party(Role.HOST, 1).name
    'host-1'
    >>> Party.parse("guest").role is Role.GUEST
    True
    """

    role: Role
    index: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.role, Role):
            raise ConfigurationError(f"role is {self.role!r}; it must be one of {', '.join(Role)}")
        last = MAX_INDEX if self.role in NUMBERED else 0
        if type(self.index) is not int or not 0 <= self.index <= last:
            raise ConfigurationError(
                f"no party {self.role.value} number {self.index}: "
                "hosts and clients are numbered from 0, the others are one each"
            )

    @property
    def name(self) -> str:
        """Its name in messages, logs and errors: ``guest``, ``host-0``, ``arbiter``."""
        return f"{self.role.value}-{self.index}" if self.role in NUMBERED else self.role.value

    @classmethod
    def parse(cls, name: str) -> Party:
        """Return the party of that name.

        Raises
        ------
        ConfigurationError
            For any text that `name` never returns.
        """
        role, number = r"(guest|arbiter|server)", r"(host|client)-(0|[1-9][0-9]{0,5})"
        found = re.fullmatch(f"{role}|{number}", str(name))
        if found is None:
            raise ConfigurationError(
                f"no party is named {name!r}: names are guest, arbiter, host-0, host-1, ..., "
                "server, client-0, client-1, ..."
            )
        return cls(Role(found[1])) if found[1] else cls(Role(found[2]), int(found[3]))

    def __str__(self) -> str:
        return self.name


GUEST = Party(Role.GUEST)
ARBITER = Party(Role.ARBITER)
SERVER = Party(Role.SERVER)
