# SPDX-License-Identifier: Apache-2.0
"""Sums over parties: right, known to the guest alone, and uniform on their way."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.errors import EncodingError, ProtocolError
from pyfate_gpu.federation.roles import GUEST, Party, Role
from pyfate_gpu.protocol.secure_sum import SecureSum

OPTIONS = {"fraction_bits": 100, "bound": 2.0**40}


def add_up(numbers, *, times=1, change=None):
    """The guest's sums of numbers, its own first; what `change` makes of the host's message."""

    def party(own):
        def run(session):
            sums = SecureSum(session, "curvature", **OPTIONS)
            if session.party != GUEST and change is not None:
                send = session.send
                session.send = lambda to, name, **values: send(to, name, **change(values))
            work = sums.collect if session.party == GUEST else sums.send
            return [work(np.array(own), iteration=i) for i in range(times)]

        return run

    guest, *hosts = map(party, numbers)
    return simulate(guest=guest, hosts=hosts)["guest"]


@pytest.mark.parametrize("hosts", [1, 2, 5])
def test_sums_are_those_of_exact_arithmetic(hosts, rng):
    numbers = rng.normal(size=(hosts + 1, 3, 2)) * 10.0 ** rng.integers(
        -9, 10, size=(hosts + 1, 3, 2)
    )
    for found in add_up(numbers, times=2):
        assert found.shape == (3, 2)
        wanted = [math.fsum(column) for column in numbers.reshape(hosts + 1, -1).T]
        np.testing.assert_allclose(found.ravel(), wanted, rtol=1e-15)


def test_largest_numbers_do_not_wrap():
    largest = [OPTIONS["bound"], -OPTIONS["bound"]]
    assert add_up([largest] * 6)[0].tolist() == [6 * value for value in largest]


@pytest.fixture
def sent(monkeypatch):
    """Messages of hosts to the guest, by host and iteration."""
    found = {}
    original = SecureSum._read

    def read(self, words, host, count):
        found.setdefault(host, []).append(words.copy())
        return original(self, words, host, count)

    monkeypatch.setattr(SecureSum, "_read", read)
    return found


def test_what_one_host_of_several_sends_is_uniform(sent):
    """Whatever its numbers are, 0 in all: bits are ones as often as not, and none come twice."""
    add_up([np.zeros(300)] * 4, times=3)
    words = [word for messages in sent.values() for words in messages for word in words]
    assert len({word.tobytes() for word in words}) == len(words) == 3 * 3 * 300
    bits = np.unpackbits(np.concatenate(words).view(np.uint8))
    assert abs(bits.mean() - 0.5) * 2 * math.sqrt(bits.size) < 7
    per_place = np.unpackbits(np.array(words).view(np.uint8), axis=1).mean(axis=0)
    assert np.abs(per_place - 0.5).max() * 2 * math.sqrt(len(words)) < 8


def test_secrets_are_of_two_hosts_and_of_one_task():
    def party(session):
        sums = SecureSum(session, "curvature", **OPTIONS)
        return dict(sums._secrets)

    found = simulate(guest=party, hosts=[party] * 3)
    again = simulate(guest=party, hosts=[party] * 3)
    hosts = [Party(Role.HOST, index) for index in range(3)]
    assert found["guest"] == {}
    for one, other in itertools.combinations(hosts, 2):
        assert found[one.name][other] == found[other.name][one]
    every = {value for run in (found, again) for host in hosts for value in run[host.name].values()}
    assert len(every) == 6


@pytest.mark.parametrize("value", [np.nan, np.inf, 2.0**41])
def test_numbers_beyond_the_bound_are_refused(value):
    with pytest.raises(EncodingError, match="the limit is"):
        add_up([[0.0], [value]])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda v: v | {"masked": v["masked"].astype(np.int64)}, "type int64"),
        (lambda v: v | {"masked": v["masked"][:1]}, "not 2 residues"),
        (lambda v: v | {"masked": v["masked"] ^ np.uint64(1 << 63)}, "does not add up"),
    ],
)
def test_messages_that_are_none_are_refused(change, text):
    with pytest.raises(ProtocolError, match=text):
        add_up([[0.0, 1.0]] * 2, change=change)
