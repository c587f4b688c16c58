# SPDX-License-Identifier: Apache-2.0
"""Sessions and simulations: who is there, what it cost, how it ends."""

from __future__ import annotations

import _thread
import threading

import numpy as np
import pytest

from pyfate_gpu.errors import (
    ChannelTimeoutError,
    ConfigurationError,
    DataError,
    DisagreementError,
    KeyMismatchError,
    PartyFailedError,
    ProtocolError,
)
from pyfate_gpu.federation import Party, Role, Session, simulate
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.roles import ARBITER, GUEST, SERVER
from pyfate_gpu.federation.transports.memory import MemoryChannel

HOST = Party(Role.HOST)


def _idle(session):
    return None


def test_results_come_by_name():
    def own_name(session):
        return session.party.name

    result = simulate(guest=own_name, hosts=[own_name, own_name], arbiter=own_name)
    assert result == {name: name for name in ("guest", "host-0", "host-1", "arbiter")}


def test_parties_run_side_by_side_in_their_own_threads():
    def name(session):
        return threading.current_thread().name

    result = simulate(guest=name, hosts=[name], arbiter=name)
    assert result == {"guest": "guest", "host-0": "host-0", "arbiter": "arbiter"}


def test_an_error_in_one_party_stops_the_others_and_comes_out():
    seen = []

    def wait(session):
        try:
            session.receive(GUEST, "never", x=int)
        except PartyFailedError as error:
            seen.append(str(error))
            raise

    def fail(session):
        raise DataError("row 17 holds the salary 4200")

    with pytest.raises(DataError, match="salary"):
        simulate(guest=fail, hosts=[wait], arbiter=wait)
    text = "guest stopped: its own data cannot be used (DataError); its own log says more"
    assert seen == [text] * 2  # private values stay where they are


def test_errors_about_the_protocol_travel_with_their_text():
    def fail(session):
        raise DisagreementError("max_iter 3 there, 4 here")

    def host(session):
        with pytest.raises(PartyFailedError, match=r"arbiter stopped by .*max_iter 3 there"):
            session.receive(GUEST, "never", x=int)

    with pytest.raises(ConfigurationError):
        simulate(guest=_idle, hosts=[host], arbiter=fail)


@pytest.fixture
def waiting():
    """A party that waits for ever, and what ended the wait."""

    def wait(session):
        try:
            session.receive(session.peers[0], "never", x=int)
        except PartyFailedError as error:
            wait.ended.append(str(error))

    wait.ended = []
    return wait


def test_ctrl_c_stops_all_parties(waiting):
    all_there = threading.Barrier(3)

    def wait(session):
        all_there.wait()
        waiting(session)

    def guest(session):
        all_there.wait()
        _thread.interrupt_main()
        waiting(session)

    with pytest.raises(KeyboardInterrupt):
        simulate(guest=guest, hosts=[wait], arbiter=wait)
    assert len(waiting.ended) == 3
    assert all("stopped: it was told to (KeyboardInterrupt)" in text for text in waiting.ended)


def test_ctrl_c_while_parties_start_stops_those_that_did(waiting, monkeypatch):
    start = threading.Thread.start

    def start_or_be_interrupted(thread):
        if thread.name == "arbiter":
            raise KeyboardInterrupt
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_or_be_interrupted)
    with pytest.raises(KeyboardInterrupt):
        simulate(guest=waiting, hosts=[waiting], arbiter=waiting)
    assert len(waiting.ended) == 2


def test_a_message_that_never_comes_is_named():
    def host(session):
        session.begin("fit")
        session.receive(GUEST, "residual", iteration=2, batch=1, x=int)

    with pytest.raises(
        ChannelTimeoutError, match=r"for 'fit-1/residual' \(iteration 2, batch 1\) from guest"
    ):
        simulate(guest=_idle, hosts=[host], arbiter=_idle, timeout=0.05)


def test_nobody_waits_for_a_party_that_is_not_there():
    def guest(session):
        session.receive(Party(Role.HOST, 7), "residual", x=int)

    with pytest.raises(ProtocolError, match=r"guest cannot receive .* no such peer"):
        simulate(guest=guest, hosts=[_idle], arbiter=_idle)


@pytest.mark.parametrize(
    ("guest", "hosts", "text"),
    [
        (3, [_idle], "guest is 3; it must be a function"),
        (_idle, [1], "host-0 is 1; it must be a function"),
        (_idle, _idle, "hosts is a function; it must be a list"),
    ],
)
def test_parties_are_functions(guest, hosts, text):
    with pytest.raises(ConfigurationError, match=text):
        simulate(guest=guest, hosts=hosts, arbiter=_idle)


@pytest.mark.parametrize(
    ("payload", "kind", "text"),
    [
        ({}, int, "is missing, it takes a int"),
        ({"y": True}, int, "is a bool, it takes a int"),
        ({"y": 1}, bool, "is a int, it takes a bool"),
        ({"y": "1"}, np.ndarray, "is a str, it takes a ndarray"),
        ({"y": Sealed(b"")}, str, "is a Sealed, it takes a str"),
    ],
)
def test_values_are_there_and_of_their_type(payload, kind, text):
    def guest(session):
        session.send(session.hosts, "message", x=1, **payload)

    def host(session):
        session.receive(GUEST, "message", x=int, y=kind)

    with pytest.raises(ProtocolError, match=rf"'y' of 'message' .* from guest {text}"):
        simulate(guest=guest, hosts=[host], arbiter=_idle)


def test_encrypted_arrays_need_a_key():
    def guest(session):
        session.send(session.hosts, "message", c=Sealed(b"bytes"))

    def host(session):
        session.receive_encrypted(GUEST, "message", "c", (1,))

    with pytest.raises(ProtocolError, match="knows no public key of arbiter yet"):
        simulate(guest=guest, hosts=[host], arbiter=_idle)


def test_bytes_are_counted_by_message():
    def guest(session):
        before = session.statistics.usage()
        session.send(session.hosts, "a", x=np.zeros(100))
        session.send(session.hosts, "b", x=1)
        return session.statistics.usage(since=before)

    def host(session):
        session.receive(GUEST, "a", x=np.ndarray)
        session.receive(GUEST, "b", x=int)
        return session.statistics.usage()

    result = simulate(guest=guest, hosts=[host], arbiter=_idle)
    assert result["guest"].sent == result["host-0"].received
    assert result["guest"].sent["a"] > 800 > result["guest"].sent["b"] > 0
    assert result["host-0"].bytes_received == result["guest"].bytes_sent
    assert "wait" in result["host-0"].seconds


def _session(party, peers, **options):
    return Session(party, peers, MemoryChannel.connect([party, *peers])[party], **options)


@pytest.mark.parametrize(
    "peers",
    [
        [],
        [ARBITER],
        [SERVER, HOST],
        [Party(Role.CLIENT)],
        [ARBITER, HOST, HOST],
        [ARBITER, Party(Role.HOST, 1)],
        [ARBITER, HOST, GUEST],
    ],
    ids=str,
)
def test_who_belongs_to_a_federation(peers):
    with pytest.raises(ConfigurationError, match="is no federation"):
        Session(GUEST, peers, MemoryChannel.connect([GUEST])[GUEST])


def test_hosts_come_in_order():
    hosts = [Party(Role.HOST, index) for index in range(11)]
    assert _session(GUEST, [*hosts[::-1], ARBITER]).hosts == tuple(hosts)
    assert _session(hosts[2], [GUEST, ARBITER, *hosts[:2]]).hosts == tuple(hosts[:3])


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf"), None, "60", True])
def test_timeouts_are_positive(timeout):
    with pytest.raises(ConfigurationError, match="positive number of seconds"):
        _session(GUEST, [ARBITER, HOST], timeout=timeout)


def test_timeouts_are_numbers_of_any_kind():
    session = _session(GUEST, [HOST, ARBITER], timeout=np.int8(7))
    assert session.timeout == 7.0


def test_encrypted_arrays_have_the_shape_agreed(keypair):
    def guest(session):
        session.send(session.hosts, "message", c=keypair[0].encrypt([1.0, 2.0]))

    def host(session):
        session.keys[ARBITER] = keypair[0]
        session.receive_encrypted(GUEST, "message", "c", (3,))

    with pytest.raises(ProtocolError, match=r"'c' of .* has shape \(2,\), it takes \(3,\)"):
        simulate(guest=guest, hosts=[host], arbiter=_idle)


def test_arrays_of_another_key_are_refused(keypair, other_keypair):
    def guest(session):
        session.send(session.hosts, "message", c=other_keypair[0].encrypt([1.0]))

    def host(session):
        session.keys[ARBITER] = keypair[0]
        session.receive_encrypted(GUEST, "message", "c", (1,))

    with pytest.raises(KeyMismatchError):
        simulate(guest=guest, hosts=[host], arbiter=_idle)


def test_a_private_key_never_travels(keypair):
    def guest(session):
        session.send(session.hosts, "message", key=keypair[1])

    with pytest.raises(
        ProtocolError, match=r"'key' of 'message' .* is a PrivateKey, which never travels"
    ):
        simulate(guest=guest, hosts=[_idle], arbiter=_idle)
