# SPDX-License-Identifier: Apache-2.0
"""Connected channels of every transport."""

from __future__ import annotations

import pytest

from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
from pyfate_gpu.jobs.ports import reserved_ports
from tests.federation.issuing import issue
from tests.federation.network import HOST, PARTIES, PATIENCE, run_together


@pytest.fixture(scope="session")
def authority():
    return Authority.create()


@pytest.fixture(scope="session")
def certified(authority):
    """Credentials of each party."""

    def certify(party):
        key, certificate = authority.issue(party)
        return Credentials(authority.pem, certificate, key)

    return {party: certify(party) for party in PARTIES}


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


@pytest.fixture(scope="module")
def root():
    return issue("root", ca=True)


@pytest.fixture(scope="module")
def middle(root):
    return issue("middle", root, ca=True)


@pytest.fixture
def two():
    """Open the channels of a guest and a host; closed after the test."""
    opened = []
    with reserved_ports(2) as ports:
        addresses = dict(zip((GUEST, HOST), (f"127.0.0.1:{port}" for port in ports), strict=True))

        def make(guest, host):
            for party, other, own in ((GUEST, HOST, guest), (HOST, GUEST, host)):
                peers = {other: addresses[other]}
                channel = GrpcChannel(
                    party, addresses[party], peers, credentials=own, timeout=PATIENCE
                )
                opened.append(channel)
            return opened

        yield make
        run_together(channel.close for channel in opened)
