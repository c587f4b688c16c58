# SPDX-License-Identifier: Apache-2.0
"""Parties over a network: who is who, what drops, what is refused, who vanished."""

from __future__ import annotations

import itertools
import secrets
import subprocess
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import grpc
import numpy as np
import pytest

from pyfate_gpu.errors import (
    ChannelTimeoutError,
    ConfigurationError,
    PartyFailedError,
    ProtocolError,
)
from pyfate_gpu.federation.certificates import Authority
from pyfate_gpu.federation.frame import Frame, encode_frame
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.transports.grpc import Credentials, GrpcChannel
from pyfate_gpu.federation.transports.grpc.calls import SERVICE, Caller, Opening
from tests.federation.network import HOST, PATIENCE, Proxy, run_together

_NAMES = (" watches ", " sends to ", " answers_")
UNAVAILABLE, DEADLINE = grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED
BIG = Frame("big", payload={"x": np.arange(1 << 20)})  # 8 MiB


def send_and_wait(channel, to, frame):
    channel.send(to, frame)
    channel.flush()


class Unanswered(grpc.RpcError):
    """A call that failed."""

    def __init__(self, details, code):
        self.details, self.code = (lambda: details), (lambda: code)


def test_long_frames_travel_in_chunks(connected):
    channels = connected()
    channels[GUEST].send(HOST, BIG)
    received = channels[HOST].receive(GUEST, "big", 0, 0, PATIENCE).payload["x"]
    np.testing.assert_array_equal(received, BIG.payload["x"])


@pytest.mark.parametrize("cuts", [1, 3])
def test_a_frame_survives_dropped_connections(addresses, certified, open_channel, cuts):
    port = int(addresses[HOST].rpartition(":")[2])
    proxy = Proxy(port, budget=3 << 20, cuts=0)
    peers = {HOST: f"127.0.0.1:{proxy.port}", ARBITER: addresses[ARBITER]}
    others = [open_channel(HOST), open_channel(ARBITER)]
    with GrpcChannel(GUEST, addresses[GUEST], peers, credentials=certified[GUEST]) as guest:
        assert run_together(c.connect for c in (guest, *others)) == [None] * 3
        proxy.cuts = cuts
        for iteration in (1, 2):
            guest.send(HOST, Frame("big", iteration, 0, BIG.payload))
        for iteration in (1, 2):
            received = others[0].receive(GUEST, "big", iteration, 0, PATIENCE).payload["x"]
            np.testing.assert_array_equal(received, BIG.payload["x"])
    assert proxy.cuts == 0
    assert proxy.carried < (16 + 4 * cuts) << 20  # it went on, it did not begin again
    proxy.close()


def test_a_closed_channel_leaves_no_thread(connected):
    channels = connected()
    channels[GUEST].send(HOST, BIG)
    run_together(channel.close for channel in channels.values())
    deadline = time.monotonic() + PATIENCE
    while left := [t.name for t in threading.enumerate() if any(n in t.name for n in _NAMES)]:
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_parties_wait_for_each_other_at_the_start(open_channel):
    def late():
        time.sleep(0.5)
        return open_channel(HOST).connect()

    connects = [open_channel(GUEST).connect, open_channel(ARBITER).connect, late]
    assert run_together(connects) == [None] * 3


def test_who_does_not_come_is_named(open_channel, addresses, monkeypatch):
    channel, over = open_channel(GUEST), threading.Event()
    hours = SimpleNamespace(
        monotonic=lambda: time.monotonic() + over.is_set() * 2 * PATIENCE, sleep=time.sleep
    )
    monkeypatch.setattr("pyfate_gpu.federation.transports.grpc.channel.time", hours)
    host, arbiter = (channel._links[peer] for peer in (HOST, ARBITER))

    def greet_the_last(timeout, greet=arbiter.greet):
        try:
            return greet(PATIENCE)
        finally:
            over.set()

    monkeypatch.setattr(host, "greet", lambda timeout, greet=host.greet: greet(PATIENCE))
    monkeypatch.setattr(arbiter, "greet", greet_the_last)
    each = ", and ".join(rf"for {p} at {addresses[p]}: .*refused.*" for p in (HOST, ARBITER))
    with pytest.raises(ChannelTimeoutError, match=rf"guest waited {PATIENCE} s {each}"):
        channel.connect()


def test_why_nobody_came_is_said_though_the_time_is_over(open_channel, monkeypatch):
    """The last call has little time left and says no more than that, the ones before say why."""
    channel = open_channel(GUEST, timeout=1)
    clock = itertools.count(0, 0.1)
    ticking = SimpleNamespace(monotonic=lambda: next(clock), sleep=lambda seconds: None)
    monkeypatch.setattr("pyfate_gpu.federation.transports.grpc.channel.time", ticking)
    answers = itertools.chain([("refused", UNAVAILABLE)], itertools.repeat(("late", DEADLINE)))

    def greet(timeout):
        raise Unanswered(*next(answers))

    monkeypatch.setattr(channel._links[HOST], "greet", greet)
    with pytest.raises(ChannelTimeoutError, match=r"guest waited .*: refused \(UNAVAILABLE\)"):
        channel.connect()
    assert next(answers)[0] == "late"


def test_an_address_in_use_is_named(open_channel, addresses):
    open_channel(GUEST)
    with pytest.raises(ConfigurationError, match=f"guest cannot listen at {addresses[GUEST]}"):
        open_channel(GUEST)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "127.0.0.1.example.org"])
def test_plaintext_stays_on_this_machine(host):
    with pytest.raises(ConfigurationError, match=r"not on this machine.*127.0.0.1 only"):
        GrpcChannel(GUEST, "127.0.0.1:0", {HOST: f"{host}:7000"})


def pair(authority, party, days=90):
    key, certificate = authority.issue(party, days)
    return Credentials(authority.pem, certificate, key)


def refusal(address, claims, to=HOST, *, server="host-0", **credentials):
    """How a party answers a greeting: the error of the caller."""
    secure = grpc.ssl_channel_credentials(**credentials)
    options = [("grpc.ssl_target_name_override", server)]
    caller = Caller(claims, to, secrets.token_hex(16))
    with grpc.secure_channel(address, secure, options) as channel:
        greet = channel.unary_unary(f"/{SERVICE}/Greet")
        with pytest.raises(grpc.RpcError) as caught:
            greet(b"", metadata=caller.metadata(), timeout=PATIENCE)
    return caught.value


def as_arguments(credentials):
    return {
        "root_certificates": credentials.authority,
        "private_key": credentials.key,
        "certificate_chain": credentials.certificate,
    }


@pytest.mark.parametrize(
    "intruder",
    [
        lambda ca: as_arguments(pair(Authority.create(), GUEST)) | {"root_certificates": ca.pem},
        lambda ca: as_arguments(pair(ca, GUEST, -1)),
        lambda ca: {"root_certificates": ca.pem},
    ],
    ids=["foreign authority", "expired", "no certificate"],
)
def test_strangers_are_not_heard(authority, addresses, open_channel, intruder):
    open_channel(HOST)
    error = refusal(addresses[HOST], GUEST, **intruder(authority))
    assert error.code() == grpc.StatusCode.UNAVAILABLE


def test_plaintext_is_not_heard(addresses, open_channel):
    open_channel(HOST)
    with grpc.insecure_channel(addresses[HOST]) as channel:
        greet = channel.unary_unary(f"/{SERVICE}/Greet")
        metadata = Caller(GUEST, HOST, secrets.token_hex(16)).metadata()
        with pytest.raises(grpc.RpcError) as caught:
            greet(b"", metadata=metadata, timeout=PATIENCE)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("claims", "to", "text"),
    [
        (ARBITER, HOST, "the caller says arbiter, its certificate names guest"),
        (GUEST, ARBITER, "this is host-0, not arbiter: check the addresses"),
    ],
)
def test_lies_about_roles_are_refused(addresses, certified, open_channel, claims, to, text):
    open_channel(HOST)
    error = refusal(addresses[HOST], claims, to, **as_arguments(certified[GUEST]))
    assert error.code() == grpc.StatusCode.PERMISSION_DENIED
    assert text in error.details()


def test_a_server_of_another_name_is_not_talked_to(addresses, certified, open_channel):
    open_channel(HOST)
    own = as_arguments(certified[GUEST])
    error = refusal(addresses[HOST], GUEST, ARBITER, server="arbiter", **own)
    assert error.code() == grpc.StatusCode.UNAVAILABLE


def test_who_takes_no_part_is_refused(authority, addresses, open_channel):
    open_channel(HOST)
    stranger = Party(Role.HOST, 7)
    own = as_arguments(pair(authority, stranger))
    assert "host-7 takes no part in this job" in refusal(addresses[HOST], stranger, **own).details()


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("pyfate-transport", "1"),),
        (("pyfate-transport", "2"), ("pyfate-instance", "x")),
        (("pyfate-transport", "2"), ("pyfate-instance", "0" * 32), ("pyfate-party", "guezt")),
    ],
)
def test_callers_that_make_no_sense_are_refused(metadata):
    with pytest.raises(ProtocolError, match=r"speaks version|names no instance|no party is named"):
        Caller.read(metadata)


def test_frames_in_the_name_of_another_are_refused(connected):
    channels = connected()
    data = encode_frame(Frame("a"), ARBITER, HOST)
    opening = Opening(0, "a", 0, 0, len(data), data[-32:].hex())
    opening = replace(opening, sequence=1)
    channels[GUEST]._links[HOST].deliver(opening, data, 5, lambda: None)
    with pytest.raises(
        ProtocolError, match=r"handed 'a' .* from arbiter .* in place of .* from guest"
    ):
        channels[HOST].receive(GUEST, "a", 0, 0, PATIENCE)


def test_replayed_and_altered_frames_are_refused(connected):
    channels = connected()
    channels[GUEST].send(HOST, Frame("a"))
    channels[GUEST].flush()
    link = channels[GUEST]._links[HOST]
    data = encode_frame(Frame("b"), GUEST, HOST)
    opening = Opening(2, "b", 0, 0, len(data), data[-32:].hex())
    with pytest.raises(ProtocolError, match="replayed or out of order"):
        link.deliver(replace(opening, sequence=1), data, 5, lambda: None)
    for bad in (data[:-1], data + b"x", data[:-1] + b"\0"):
        with pytest.raises(ProtocolError, match=r"cut or altered|longer than"):
            link.deliver(opening, bad, 5, lambda: None)
    link.deliver(opening, data, 5, lambda: None)
    assert channels[HOST].receive(GUEST, "b", 0, 0, PATIENCE).name == "b"


def test_oversize_frames_are_refused_before_they_travel(connected):
    channels = connected(max_frame_bytes=1 << 20)
    with pytest.raises(
        ProtocolError, match="host-0 takes at most 1048576: train in smaller batches"
    ):
        send_and_wait(channels[GUEST], HOST, BIG)


def test_unknown_names_are_refused(connected):
    channels = connected(rule=lambda address, to: "no such message")
    with pytest.raises(ProtocolError, match=r"host-0 refuses 'a' .* from guest: no such message"):
        send_and_wait(channels[GUEST], HOST, Frame("a"))


def test_chunks_wait_while_too_much_is_unread(connected):
    channels = connected(max_parked_bytes=4 << 20)
    first, second = (Frame("big", i, 0, BIG.payload) for i in (1, 2))
    channels[GUEST].send(HOST, first)
    channels[GUEST].flush()
    reading = threading.Event()

    def send():
        channels[GUEST].send(HOST, second)
        channels[GUEST].flush()
        return reading.is_set()

    def read():
        time.sleep(0.6)  # in which the second would come through if nothing held it
        reading.set()
        return [channels[HOST].receive(GUEST, "big", i, 0, PATIENCE).iteration for i in (1, 2)]

    assert run_together([send, read]) == [True, [1, 2]]


def test_a_recipient_that_lives_and_takes_nothing_is_not_waited_for_without_end(connected):
    channels = connected(max_parked_bytes=1 << 20)
    channels[GUEST].send(HOST, BIG)  # never read
    channels[GUEST].flush()
    channels[GUEST]._timeout = 2
    text = r"'big' \(iteration 2, .* could not be brought to host-0 .* within 2 s: it answers, but"
    with pytest.raises(ChannelTimeoutError, match=text):
        send_and_wait(channels[GUEST], HOST, Frame("big", 2, 0, BIG.payload))


def test_who_left_is_not_waited_for(connected):
    channels = connected()
    channels[ARBITER].send(GUEST, Frame("last"))
    channels[ARBITER].close()
    assert channels[GUEST].receive(ARBITER, "last", 0, 0, PATIENCE).name == "last"
    with pytest.raises(PartyFailedError, match="from arbiter, who has done its part and left"):
        channels[GUEST].receive(ARBITER, "more", 0, 0, PATIENCE)
    with pytest.raises(
        ProtocolError, match="arbiter has done its part and left; 'x' comes too late"
    ):
        channels[GUEST].send(ARBITER, Frame("x"))


_PEER = """
import sys, time
from pyfate_gpu.federation.roles import Party
from pyfate_gpu.federation.transports.grpc import GrpcChannel
own, *rest = sys.argv[1:]
addresses = dict(pair.split("=") for pair in rest)
peers = {Party.parse(p): a for p, a in addresses.items() if p != own}
channel = GrpcChannel(Party.parse(own), addresses[own], peers)
channel.connect()
time.sleep(600)
"""


@pytest.fixture
def start_host(addresses):
    """Start a host that is another process."""
    pairs = [f"{party}={address}" for party, address in addresses.items()]
    processes = []

    def start():
        processes.append(subprocess.Popen([sys.executable, "-c", _PEER, "host-0", *pairs]))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()


def test_a_killed_party_is_noticed(open_channel, start_host, monkeypatch):
    process = start_host()
    monkeypatch.setattr("pyfate_gpu.federation.transports.grpc.watch._BEATS", 200)
    rest = [open_channel(party, credentials=None) for party in (GUEST, ARBITER)]
    assert run_together(c.connect for c in rest) == [None, None]
    process.kill()
    process.wait()
    for channel in rest:  # a minute goes by for one peer: no machine is too slow for the others
        peer = channel._others._peers[HOST]
        peer.heard -= 60
    with pytest.raises(PartyFailedError, match=r"host-0 at .* is gone: it crashed"):
        rest[0].receive(HOST, "a", 0, 0, PATIENCE)
    with pytest.raises(PartyFailedError, match="host-0"):
        rest[1].receive(GUEST, "a", 0, 0, PATIENCE)


def test_a_restarted_party_is_not_taken_for_its_predecessor(open_channel, start_host):
    process = start_host()
    options = {"credentials": None}
    rest = [open_channel(party, **options) for party in (GUEST, ARBITER)]
    assert run_together(c.connect for c in rest) == [None, None]
    process.kill()
    process.wait()
    start_host()
    with pytest.raises(PartyFailedError, match="host-0 was restarted"):
        rest[0].receive(HOST, "a", 0, 0, PATIENCE)


def test_what_began_it_is_passed_on(connected):
    channels = connected()
    with pytest.raises(PartyFailedError), channels[HOST]:
        raise PartyFailedError("guest stopped by DataError")
    with pytest.raises(PartyFailedError, match="^guest stopped by DataError$"):
        channels[ARBITER].receive(GUEST, "x", 0, 0, PATIENCE)


def test_reasons_cannot_act_on_a_terminal(connected):
    channels = connected()
    channels[GUEST].stop("gone\x1b[2J\n")
    with pytest.raises(PartyFailedError, match=r"^gone \[2J $"):
        channels[HOST].receive(GUEST, "a", 0, 0, PATIENCE)


def test_certificates_name_parties_for_a_limited_time(authority):
    from cryptography import x509

    key, pem = authority.issue(GUEST, days=10_000)
    certificate = x509.load_pem_x509_certificate(pem)
    root = x509.load_pem_x509_certificate(authority.pem)
    assert certificate.not_valid_after_utc == root.not_valid_after_utc
    assert b"PRIVATE KEY" in key
    assert b"PRIVATE" not in repr(Credentials(authority.pem, pem, key)).encode()


def test_a_sender_notices_a_dead_peer_though_the_clock_was_set_back(connected, monkeypatch):
    channels = connected(max_parked_bytes=1 << 20, peer_timeout=3)
    big = Frame("big", payload={"x": np.zeros(1 << 20)})
    channels[GUEST].send(
        HOST, big
    )  # which the host does not read, so that a second one has to wait
    channels[GUEST].flush()

    def send():
        channels[GUEST].send(HOST, Frame("big", 2, 0, BIG.payload))
        channels[GUEST].flush()

    def set_back_and_stop():
        time.sleep(1)
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() - 3600)
        channels[HOST].stop("enough")

    failed, _ = run_together([send, set_back_and_stop])  # waits for both less than an hour
    assert isinstance(failed, PartyFailedError), failed
