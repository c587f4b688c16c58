# SPDX-License-Identifier: Apache-2.0
"""Who takes part in a job."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pyfate_gpu.errors import ConfigurationError

MAX_INDEX = 999_999


class Role(str, Enum):
    """What a party brings: the guest labels, a host features, the arbiter the private key."""

    GUEST = "guest"
    HOST = "host"
    ARBITER = "arbiter"


@dataclass(frozen=True)
class Party:
    """One participant: its role, and its number among the hosts.

    Parameters
    ----------
    role : Role
        The part it plays.
    index : int
        Number among the hosts, from 0; always 0 for the guest and the arbiter.

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
        last = MAX_INDEX if self.role is Role.HOST else 0
        if type(self.index) is not int or not 0 <= self.index <= last:
            raise ConfigurationError(
                f"no party {self.role.value} number {self.index}: "
                "hosts are numbered from 0, guest and arbiter are one each"
            )

    @property
    def name(self) -> str:
        """Its name in messages, logs and errors: ``guest``, ``host-0``, ``arbiter``."""
        return f"host-{self.index}" if self.role is Role.HOST else self.role.value

    @classmethod
    def parse(cls, name: str) -> Party:
        """Return the party of that name.

        Raises
        ------
        ConfigurationError
            For any text that `name` never returns.
        """
        found = re.fullmatch(r"(guest|arbiter)|host-(0|[1-9][0-9]{0,5})", str(name))
        if found is None:
            raise ConfigurationError(
                f"no party is named {name!r}: names are guest, arbiter, host-0, host-1, ..."
            )
        return cls(Role(found[1])) if found[1] else cls(Role.HOST, int(found[2]))

    def __str__(self) -> str:
        return self.name


GUEST = Party(Role.GUEST)
ARBITER = Party(Role.ARBITER)
