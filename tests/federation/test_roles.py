# SPDX-License-Identifier: Apache-2.0
"""Names of parties."""

from __future__ import annotations

import pytest

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role


@pytest.mark.parametrize("party", [GUEST, ARBITER, Party(Role.HOST), Party(Role.HOST, 12)])
def test_names_are_read_back(party):
    assert Party.parse(party.name) == party
    assert str(party) == party.name


@pytest.mark.parametrize(
    "name", ["", "Guest", "host", "host-", "host-01", "host--1", "guest-0", None, 5]
)
def test_other_names_are_refused(name):
    with pytest.raises(ConfigurationError, match="names are guest, arbiter, host-0"):
        Party.parse(name)


@pytest.mark.parametrize(
    ("role", "index"), [(Role.GUEST, 1), (Role.ARBITER, 2), (Role.HOST, -1), (Role.HOST, 1.5)]
)
def test_only_hosts_and_clients_are_numbered(role, index):
    with pytest.raises(ConfigurationError, match="hosts and clients are numbered from 0"):
        Party(role, index)


def test_a_role_is_no_text():
    with pytest.raises(ConfigurationError, match="role is 'guest'"):
        Party("guest")
