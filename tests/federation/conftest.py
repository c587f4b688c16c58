# SPDX-License-Identifier: Apache-2.0
"""Connected channels of every transport."""

from __future__ import annotations

import pytest

from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
from pyfate_gpu.jobs.ports import reserved_ports
from tests.federation.network import PARTIES, PATIENCE, run_together


@pytest.fixture(scope="session")
def authority():
    return Authority.create()


@pytest.fixture(scope="session")
def certified(authority):
    """Credentials of each party."""

    def issue(party):
        key, certificate = authority.issue(party)
        return Credentials(authority.pem, certificate, key)

    return {party: issue(party) for party in PARTIES}


@pytest.fixture
def addresses():
    with reserved_ports(len(PARTIES)) as ports:
        yield {p: f"127.0.0.1:{port}" for p, port in zip(PARTIES, ports, strict=True)}


@pytest.fixture
def open_channel(addresses, certified):
    """Make a party's channel, with certificates unless told otherwise; closed after the test."""
    opened = []

    def make(party, **options):
        defaults = {"timeout": PATIENCE, "peer_timeout": 60}
        options = {"credentials": certified[party], **defaults} | options
        peers = {p: address for p, address in addresses.items() if p != party}
        channel = GrpcChannel(party, addresses[party], peers, **options)
        opened.append(channel)
        return channel

    yield make
    run_together(channel.close for channel in opened)


@pytest.fixture
def connected(open_channel):
    """Three connected parties over mutual TLS."""

    def make(**options):
        channels = {party: open_channel(party, **options) for party in PARTIES}
        assert run_together(c.connect for c in channels.values()) == [None] * 3
        return channels

    return make
