# SPDX-License-Identifier: Apache-2.0
"""Equal ids are found equal, others are not, and the arbiter is not told; or the common ones are kept."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu.data.sources import Rows
from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.federation import simulate
from pyfate_gpu.federation.roles import ARBITER, GUEST, Party, Role
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.jobs.alignment import align, digest_of
from pyfate_gpu.protocol.id_cipher import IdCipher

HOST = Party(Role.HOST)


def rows_of(ids):
    values = np.array([[float(len(name))] for name in ids]).reshape(-1, 1)
    return Rows(list(ids), ("length",), values, np.array(ids, dtype=object))


def run(method, guest, *hosts, arbiter=True):
    """Align; return what each party is left with, and what it sent and received."""

    def party(ids):
        def align_rows(session):
            tables = {} if ids is None else {"data": rows_of(ids)}
            return align(session, tables, method).get("data"), session.statistics.usage()

        return align_rows

    third = {"arbiter": party(None)} if arbiter else {}
    parties = simulate(guest=party(guest), hosts=[party(ids) for ids in hosts], **third)
    return {name: rows for name, (rows, _) in parties.items()}, {
        name: usage for name, (_, usage) in parties.items()
    }


def test_the_same_ids_pass():
    _, usage = run("same", ["a", "b"], ["a", "b"], ["a", "b"])
    assert usage["arbiter"].bytes_received == 0
    assert usage["host-0"].bytes_sent == 0


@pytest.mark.parametrize("host", [["a"], ["a", "c"], ["b", "a"], ["ab"], ["a", "b", "c"], []])
def test_other_ids_stop_the_job(host):
    with pytest.raises(ConfigurationError, match=rf"same ids \(the guest has 2, .* {len(host)}\)"):
        run("same", ["a", "b"], host, host)


def test_each_party_logs_what_its_own_ids_look_like_and_errors_do_not_say_it(caplog):
    caplog.set_level(logging.WARNING)
    with pytest.raises(ConfigurationError, match="own log says what its ids look like") as caught:
        run("same", ["0007", "0042"], ["7", "42"])
    assert "1 to 2 long" not in str(caught.value)
    assert "host-0: ids of [data] are digits, 1 to 2 long" in caplog.messages
    caplog.clear()
    caplog.set_level(logging.INFO)
    run("same", ["0007"], ["0007"])
    looks = [message for message in caplog.messages if "leading zeros" in message]
    assert sorted(look.partition(":")[0] for look in looks) == ["guest", "host-0"]


@given(st.lists(st.text(), unique=True), st.lists(st.text(), unique=True))
def test_only_equal_lists_look_alike(one, other):
    assert (digest_of(one, b"x" * 32) == digest_of(other, b"x" * 32)) == (one == other)
    assert digest_of(one, b"x" * 32) != digest_of(one, b"y" * 32)


@pytest.mark.parametrize("secret", ["", "zz", "00"])
def test_a_secret_that_is_none_is_refused(secret):
    def guest(session):
        session.begin("align")
        session.send(session.hosts, "ids", count=1, secret=secret, digest="")

    def host(session):
        align(session, {"data": rows_of(["a"])}, "same")

    with pytest.raises(ProtocolError, match="secret for comparing ids"):
        simulate(guest=guest, hosts=[host], arbiter=lambda session: None)


@pytest.fixture(params=["psi", "psi-p256"])
def psi(request):
    """The name of a method of private set intersection that can be used here."""
    if request.param == "psi-p256":
        pytest.importorskip("private_set_intersection")
    return request.param


@pytest.mark.parametrize(
    ("guest", "hosts"),
    [
        (["a", "b", "c"], [["b", "c", "d"]]),
        (["a", "b", "c"], [["b", "c", "d", "e", "f"], ["0", "c"]]),
        (["a", "b"], [["a", "b"]]),
        (["a", ""], [["", "\0", "é"]]),
        (["b"], [["a", "b", "c"], ["b", "c", "d"], ["a", "b", "d"]]),
    ],
)
def test_what_all_have_is_kept_in_one_order(guest, hosts, psi, monkeypatch):
    monkeypatch.setattr("pyfate_gpu.protocol.psi.CHUNK", 2)
    common = sorted(set(guest).intersection(*hosts))
    parties, _ = run(psi, guest, *hosts)
    assert parties.pop("arbiter") is None
    for rows in parties.values():
        assert rows.ids == common
        assert rows.labels.tolist() == common
        assert rows.values.ravel().tolist() == [len(name) for name in common]


@pytest.mark.parametrize(
    ("guest", "host"),
    [
        (["a", "b", "c"], ["b", "c", "d", "e", "f"]),
        (["a", "b", "c", "d", "e"], ["e", "x"]),
        (["a", ""], ["", "\0", "é"]),
    ],
)
def test_two_parties_find_what_both_have_by_themselves(guest, host, psi, monkeypatch):
    monkeypatch.setattr("pyfate_gpu.protocol.psi.CHUNK", 2)
    parties, _ = run(psi, guest, host, arbiter=False)
    assert set(parties) == {"guest", "host-0"}
    for rows in parties.values():
        assert rows.ids == sorted(set(guest) & set(host))
        assert rows.labels.tolist() == rows.ids


def test_a_host_sees_no_point_of_the_guest_twice(psi, monkeypatch):
    """Of two parties the guest alone gets points with both exponents; those of another run are others."""
    seen, original = {GUEST: [], HOST: []}, MemoryChannel.send

    def send(self, to, frame):
        if "blinded_ids" in frame.name:
            seen[to].extend(row.tobytes() for row in frame.payload["points"])
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    for _ in range(2):
        run(psi, ["a", "b"], ["a", "b"], arbiter=False)
    assert [len(set(points)) for points in seen.values()] == [8, 4]
    assert not set(seen[GUEST]) & set(seen[HOST])


def test_nothing_in_common_between_two():
    with pytest.raises(ConfigurationError, match="have no id in common"):
        run("psi", ["a"], ["b"], arbiter=False)


def test_several_hosts_take_an_arbiter():
    with pytest.raises(ConfigurationError, match="which host has which of its ids"):
        run("psi", ["a"], ["a"], ["a"], arbiter=False)


@pytest.mark.parametrize("positions", [[0, 0], [2], [-1], [0.0]])
def test_common_ids_of_a_guest_that_are_none(positions):
    def guest(session):
        session.begin("align")
        points = IdCipher().blind(["a", "b"])
        session.send(session.peers, "id_count", count=2, attempt="")
        session.send(session.peers, "blinded_ids", points=points)
        session.send(session.peers, "common_ids", positions=np.array(positions))
        session.receive(HOST, "blinded_ids", iteration=1, points=np.ndarray)

    def host(session):
        align(session, {"data": rows_of(["a", "b"])}, "psi")

    with pytest.raises(ProtocolError, match="the guest's common ids are none of"):
        simulate(guest=guest, hosts=[host])


@pytest.mark.parametrize("method", ["same", "psi"])
def test_tables_are_aligned_each_by_itself(method):
    ids = {"data": ["a", "b"], "validation": ["b", "c"]}
    other = ids if method == "same" else {"data": ["b"], "validation": ["a", "b", "c"]}

    def party(tables):
        return lambda session: align(
            session, {kind: rows_of(names) for kind, names in tables.items()}, method
        )

    result = simulate(guest=party(ids), hosts=[party(other)], arbiter=party({}))
    expected = ids if method == "same" else {"data": ["b"], "validation": ["b", "c"]}
    for name in ("guest", "host-0"):
        assert {kind: rows.ids for kind, rows in result[name].items()} == expected


@pytest.mark.parametrize("host", [["c"], []], ids=["disjoint", "none at all"])
def test_nothing_in_common_is_an_error(host):
    with pytest.raises(ConfigurationError, match="have no id in common: ids are compared as texts"):
        run("psi", ["a", "b"], host)


def test_an_id_that_is_there_twice_is_noticed(psi):
    with pytest.raises(ProtocolError, match="host-0 gave some id more than once"):
        run(psi, ["a", "b"], ["a", "a"])


def test_points_are_equal_at_the_arbiter_only(psi, monkeypatch):
    """Guest and host see points under exponents of others, fresh in each run."""
    between, at_arbiter = [], []
    original = MemoryChannel.send

    def send(self, to, frame):
        if "blinded_ids" in frame.name:
            points = [row.tobytes() for row in frame.payload["points"]]
            (at_arbiter if to == ARBITER else between).extend(points)
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    for _ in range(2):
        run(psi, ["a", "b"], ["a", "b"])
    assert len(set(between)) == len(between) == 8
    assert len(at_arbiter) == 8
    assert len(set(at_arbiter)) == 4
    assert not set(between) & set(at_arbiter)


@pytest.mark.parametrize(
    ("points", "text"),
    [
        (np.zeros((2, 32), dtype=np.uint8), "a blinded id is no point of the curve"),
        (np.full((2, 32), 2, dtype=np.uint8)[:1], r"shape \(1, 32\), not uint8 and \(2, 32\)"),
        (np.zeros((2, 32)), "blinded ids of type float64"),
    ],
)
def test_points_that_are_none_are_refused(points, text):
    def host(session):
        session.begin("align")
        session.send(session.peers, "id_count", count=2, attempt="")
        session.send(GUEST, "blinded_ids", points=points)
        session.receive(GUEST, "id_count", count=int)

    def data(session):
        align(session, {"data": rows_of(["a", "b"])}, "psi")

    def arbiter(session):
        align(session, {}, "psi")

    with pytest.raises(ProtocolError, match=text):
        simulate(guest=data, hosts=[host], arbiter=arbiter)


@pytest.mark.parametrize("positions", [[0, 0], [2], [-1], [0.0]])
def test_common_ids_that_are_none_are_refused(positions):
    def data(session):
        align(session, {"data": rows_of(["a", "b"])}, "psi")

    def arbiter(session):
        session.begin("align")
        session.send(session.peers, "exchange_from", attempt="", chunk=0)
        session.send(session.peers, "common_ids", positions=np.array(positions))

    with pytest.raises(ProtocolError, match="the arbiter's common ids are none of"):
        simulate(guest=data, hosts=[data], arbiter=arbiter)


def test_without_the_library_there_is_a_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "private_set_intersection.python", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'openmined-psi>="):
        run("psi-p256", ["a"], ["a"])
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.x25519", None)
    with pytest.raises(ConfigurationError, match=r"pip install "):
        run("psi", ["a"], ["a"])
