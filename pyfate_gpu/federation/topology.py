# SPDX-License-Identifier: Apache-2.0
"""Which roles a job has, and how many parties may play each.

A new topology is one constant here and a place in `TOPOLOGIES`; an algorithm names those that it runs under.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import Party, Role


@dataclass(frozen=True)
class Topology:
    """Roles and the least and the most parties of each.

    Parameters
    ----------
    name : str
        In words, for errors.
    roles : tuple of (Role, int, int or None)
        Each role that has to be there, the least number of its parties and the most, None for any.

    Examples
    --------
    >>> from pyfate_gpu.federation.roles import ARBITER, GUEST, Party
    >>> from pyfate_gpu.federation.topology import GUEST_AND_HOSTS, WITH_ARBITER
    >>> parties = (GUEST, Party.parse("host-0"), ARBITER)
    >>> WITH_ARBITER.admits(parties), GUEST_AND_HOSTS.admits(parties)
    (True, False)
    """

    name: str
    roles: tuple[tuple[Role, int, int | None], ...]

    def admits(self, parties: Iterable[Party]) -> bool:
        """Whether the parties play these roles and no others, in such numbers."""
        counts = Counter(party.role for party in parties)
        return set(counts) == {role for role, _, _ in self.roles} and all(
            least <= counts[role] and (most is None or counts[role] <= most)
            for role, least, most in self.roles
        )


_ONE = (1, 1)
WITH_ARBITER = Topology(
    "one guest, one arbiter and hosts",
    ((Role.GUEST, *_ONE), (Role.HOST, 1, None), (Role.ARBITER, *_ONE)),
)
TWO_PARTIES = Topology("one guest and one host", ((Role.GUEST, *_ONE), (Role.HOST, *_ONE)))
GUEST_AND_HOSTS = Topology("one guest and hosts", ((Role.GUEST, *_ONE), (Role.HOST, 1, None)))
CLIENTS_AND_SERVER = Topology(
    "one server and two or more clients", ((Role.SERVER, *_ONE), (Role.CLIENT, 2, None))
)
CLIENTS_SERVER_AND_ARBITER = Topology(
    "one server, one arbiter and two or more clients",
    ((Role.SERVER, *_ONE), (Role.ARBITER, *_ONE), (Role.CLIENT, 2, None)),
)

#: Which a session may have; two parties are a guest and hosts too.
TOPOLOGIES = (WITH_ARBITER, GUEST_AND_HOSTS, CLIENTS_AND_SERVER, CLIENTS_SERVER_AND_ARBITER)


def check_parties(party: Party, peers: Collection[Party]) -> tuple[Party, ...]:
    """Return all parties, in the order of roles and numbers.

    Raises
    ------
    ConfigurationError
        Unless they are those of a topology, each named once, and numbered from 0 without gaps.
    """
    everybody = sorted({party, *peers}, key=lambda each: (list(Role).index(each.role), each.index))
    numbered = Counter(each.role for each in everybody)
    gaps = any(each.index >= numbered[each.role] for each in everybody)
    known = any(topology.admits(everybody) for topology in TOPOLOGIES)
    if len(everybody) != len(peers) + 1 or gaps or not known:
        raise ConfigurationError(
            f"{party} with peers {', '.join(map(str, peers)) or 'none'} is no federation: it takes "
            f"{'; or '.join(topology.name for topology in TOPOLOGIES)}; numbered from 0, each named once"
        )
    return tuple(everybody)


def check_topology(parties: Collection[Party], topologies: Sequence[Topology], what: str) -> None:
    """Refuse parties among whom `what`, an algorithm, cannot run.

    Raises
    ------
    ConfigurationError
        When they are of none of `topologies`.
    """
    if not any(topology.admits(parties) for topology in topologies):
        raise ConfigurationError(
            f"{what} takes {'; or '.join(topology.name for topology in topologies)}; this job has "
            f"{', '.join(map(str, parties))}"
        )
