# SPDX-License-Identifier: Apache-2.0
"""Parties between whom no connection comes about: both say why, at once and at the end."""

from __future__ import annotations

import logging
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import grpc
import pytest

from pyfate_gpu.errors import ChannelTimeoutError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
from pyfate_gpu.jobs.ports import reserved_ports
from tests.federation.issuing import DATES, credentials, issue
from tests.federation.network import HOST, PATIENCE, run_together


def warnings_of(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


@pytest.fixture
def meet_in_vain(monkeypatch, caplog):
    """Connect until as many warnings are there as channels, then let the time be over."""
    over = threading.Event()

    def clock():
        return time.monotonic() + (10 * PATIENCE if over.is_set() else 0)

    def meet(*channels):
        deadline = time.monotonic() + PATIENCE

        def wait_for_warnings():
            while len(warnings_of(caplog)) < len(channels) and time.monotonic() < deadline:
                time.sleep(0.05)
            over.set()

        timed = SimpleNamespace(monotonic=clock, sleep=time.sleep)
        monkeypatch.setattr("pyfate_gpu.federation.transports.grpc.channel.time", timed)
        *errors, _ = run_together([*(c.connect for c in channels), wait_for_warnings])
        assert all(isinstance(error, ChannelTimeoutError) for error in errors), errors
        return [str(error) for error in errors], warnings_of(caplog)

    return meet


def test_parties_of_different_authorities_say_so_at_once_on_both_sides(two, meet_in_vain):
    ours, theirs = issue("ours", ca=True), issue("theirs", ca=True)
    guest, host = issue("guest", ours), issue("host-0", theirs)
    own = credentials(guest, trust=[ours]), credentials(host, trust=[theirs])
    errors, warned = meet_in_vain(*two(*own))
    for error, name, issuer, end in zip(
        errors, ("host-0", "guest"), ("theirs", "ours"), (host.end, guest.end), strict=True
    ):
        text = (
            rf"CN={name}, DNS names {name}, issued by CN={issuer}, valid from {DATES} to {end} UTC"
        )
        reason = "its certificate is not to be trusted, nobody trusted by ca.pem issued it: "
        assert re.search(rf"for {name} at \S+: .*{reason}{text}", error)
        assert len([w for w in warned if re.search(rf"to {name} at .*{reason}{text}", w)]) == 1


def test_a_party_that_is_not_trusted_hears_of_it(two, meet_in_vain):
    """The guest knows both authorities, the host its own only."""
    ours, theirs = issue("ours", ca=True), issue("theirs", ca=True)
    guest = credentials(issue("guest", ours), trust=[ours, theirs])
    host = credentials(issue("host-0", theirs), trust=[theirs])
    errors, warned = meet_in_vain(*two(guest, host))
    hangs_up = r"its certificate is good, but it hangs up at ours \(CN=guest, .*issued by CN=ours"
    assert re.search(rf"for host-0 at \S+: .*{hangs_up}", errors[0])
    assert re.search(r"for guest at \S+: .*its certificate is not to be trusted", errors[1])
    assert len(warned) == 2


@pytest.mark.parametrize("plain", [0, 1])
def test_plaintext_and_tls_do_not_meet(two, root, plain, meet_in_vain):
    own = [credentials(issue(name, root), trust=[root]) for name in ("guest", "host-0")]
    own[plain] = None
    errors, warned = meet_in_vain(*two(*own))
    assert "it talks by TLS, this party in plaintext" in errors[plain]
    assert "it talks in plaintext, this party by TLS" in errors[1 - plain]
    assert len(warned) == 2


@pytest.fixture
def peer():
    """A server of some other program that shows a certificate."""
    servers = []

    def start(issued, trust):
        server = grpc.server(ThreadPoolExecutor(1))
        secure = grpc.ssl_server_credentials([(issued.key_pem(), issued.pem)], trust.pem, True)
        servers.append(server)
        port = server.add_secure_port("127.0.0.1:0", secure)
        server.start()
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(None).wait()


@pytest.mark.parametrize(
    ("name", "days", "text"),
    [
        ("host-0", (-3, -1), "certificate has expired: CN=host-0, .* to {end} UTC"),
        ("host-0", (1, 3), "certificate is not yet valid: CN=host-0, .* from {start} to"),
        (
            "arbiter",
            (-1, 3),
            "certificate is not valid for 'host-0'.*: CN=arbiter, DNS names arbiter",
        ),
    ],
)
def test_what_is_wrong_with_the_certificate_of_a_peer_is_said(
    root, peer, meet_in_vain, name, days, text
):
    shown = issue(name, root, days=days)
    own = credentials(issue("guest", root), trust=[root])
    with GrpcChannel(GUEST, "127.0.0.1:0", {HOST: peer(shown, root)}, credentials=own) as channel:
        (error,), (warned,) = meet_in_vain(channel)
    for each in (error, warned):
        assert re.search(text.format(end=shown.end, start=shown.start), each)


def test_a_party_set_right_is_met(two, root, caplog):
    """What was wrong at first is logged, and the wait goes on."""
    stranger = issue("host-0", issue("other", ca=True))
    own = credentials(issue("guest", root), trust=[root])
    with reserved_ports(2) as ports:
        addresses = {GUEST: f"127.0.0.1:{ports[0]}", HOST: f"127.0.0.1:{ports[1]}"}
        guest = GrpcChannel(GUEST, addresses[GUEST], {HOST: addresses[HOST]}, credentials=own)

        def come_twice():
            wrong = Credentials(stranger.pem, stranger.pem, stranger.key_pem())
            with GrpcChannel(HOST, addresses[HOST], {GUEST: addresses[GUEST]}, credentials=wrong):
                deadline = time.monotonic() + PATIENCE
                while not warnings_of(caplog):
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            right = credentials(issue("host-0", root), trust=[root])
            channel = GrpcChannel(
                HOST, addresses[HOST], {GUEST: addresses[GUEST]}, credentials=right
            )
            channel.connect()
            return channel

        met, host = run_together([guest.connect, come_twice])
        run_together([guest.close, host.close])
    assert met is None
