# SPDX-License-Identifier: Apache-2.0
"""Which parties make up a job, in simulation and in processes, and which algorithm takes them."""

from __future__ import annotations

import pytest

from pyfate_gpu import HeteroLogisticRegression, Party, simulate
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.topology import (
    CLIENTS_AND_SERVER,
    GUEST_AND_HOSTS,
    TWO_PARTIES,
    WITH_ARBITER,
    check_parties,
    check_topology,
)


def parties(text):
    return tuple(Party.parse(name) for name in text.split())


@pytest.mark.parametrize(
    ("text", "topologies"),
    [
        ("guest host-0 arbiter", {WITH_ARBITER}),
        ("guest host-0 host-1 arbiter", {WITH_ARBITER}),
        ("guest host-0", {TWO_PARTIES, GUEST_AND_HOSTS}),
        ("guest host-0 host-1", {GUEST_AND_HOSTS}),
        ("client-0 client-1 server", {CLIENTS_AND_SERVER}),
    ],
)
def test_parties_are_of_a_topology(text, topologies):
    found = parties(text)
    assert check_parties(found[0], found[1:]) == found
    assert check_parties(found[-1], found[:-1]) == found
    every = {WITH_ARBITER, TWO_PARTIES, GUEST_AND_HOSTS, CLIENTS_AND_SERVER}
    assert {topology for topology in every if topology.admits(found)} == topologies


@pytest.mark.parametrize(
    "text",
    [
        "guest",
        "host-0 host-1",
        "guest arbiter",
        "guest host-1",
        "client-0 server",
        "guest host-0 server",
    ],
)
def test_others_are_refused(text):
    found = parties(text)
    with pytest.raises(ConfigurationError, match="is no federation: it takes one guest"):
        check_parties(found[0], found[1:])


def test_an_algorithm_says_which_parties_it_takes():
    with pytest.raises(
        ConfigurationError, match="X takes one guest and one host; this job has guest"
    ):
        check_topology(parties("guest host-0 arbiter"), [TWO_PARTIES], "X")


def test_parties_talk_without_an_arbiter():
    def guest(session):
        session.send(session.hosts, "greeting", text="hello")
        return session.parties

    def host(session):
        return session.receive(Party.parse("guest"), "greeting", text=str)

    found = simulate(guest=guest, hosts=[host])
    assert found == {"guest": parties("guest host-0"), "host-0": "hello"}


def test_clients_talk_to_a_server():
    server = Party.parse("server")

    def client(session):
        session.send(server, "count", count=session.party.index + 1)

    def add_up(session):
        return sum(session.receive(client, "count", count=int) for client in session.clients)

    assert simulate(server=add_up, clients=[client, client, client])["server"] == 6


def test_a_regression_without_an_arbiter_is_refused(rng):
    x = rng.normal(size=(20, 2))

    def party(*data):
        return lambda session: HeteroLogisticRegression().fit(*data, session=session)

    with pytest.raises(
        ConfigurationError, match="HeteroLogisticRegression takes one guest, one arbiter and hosts"
    ):
        simulate(guest=party(x, x[:, 0] > 0), hosts=[party(x)])
