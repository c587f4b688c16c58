# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from pyfate_gpu import generate_keypair, simulate
from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.federation.roles import GUEST, Party
from pyfate_gpu.protocol.keys import announce_key, receive_key
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.features import FeatureShape, SharedFeatures
from pyfate_gpu.protocol.sharing.masks import random_ring
from tests.protocol.sharing.test_ring import integers_of

HOST = Party.parse("host-0")
Q = 1 << 128


@pytest.fixture(scope="module")
def keys():
    return {party: generate_keypair(1024, allow_insecure_key_size=True) for party in (GUEST, HOST)}


def connected(session, keys, **options):
    peer = HOST if session.party == GUEST else GUEST
    announce_key(session, keys[session.party][0])
    receive_key(session, 1024, allow_insecure_key_size=True, owner=peer)
    return Exchange(session, keys[session.party][1], peer, **options)


@pytest.mark.parametrize("squeeze", [True, False])
@pytest.mark.parametrize("outer", [(), (3,)])
def test_two_parties_come_to_shares_of_a_product(keys, squeeze, outer):
    X = np.random.default_rng(0).integers(-(1 << 24), 1 << 24, size=(11, 4))
    own, other = random_ring((4, *outer)), random_ring((4, *outer))
    e_own, e_other = random_ring((11, *outer)), random_ring((11, *outer))

    def guest(session):
        exchange = connected(session, keys, squeeze=squeeze)
        features = SharedFeatures(X, 25, exchange.peer_key)
        w = exchange.receive_share("w", own.shape[:-1])
        z = ring.add(features.times(own), exchange.send_product("z", features, w))
        e = exchange.receive_share("e", e_own.shape[:-1])
        bound = features.shape.transposed_bound
        g = exchange.send_masked("g", features.transposed_times_encrypted(e), bound)
        return z, ring.add(features.transposed_times(e_own), g)

    def host(session):
        exchange = connected(session, keys, squeeze=squeeze)
        shape = FeatureShape(11, 4, 25)
        exchange.send_share("w", other)
        z = exchange.receive_product("z", shape, outer)
        exchange.send_share("e", e_other)
        return z, exchange.receive_masked("g", (4, *outer), shape.transposed_bound)

    found = simulate(guest=guest, hosts=[host])
    for left, shares, place in ((X, (own, other), 0), (X.T, (e_own, e_other), 1)):
        values = np.array(integers_of(ring.add(*shares)), dtype=object).reshape(left.shape[1], -1)
        wanted = [v % Q for v in (left.astype(object) @ values).ravel()]
        assert integers_of(ring.add(found["guest"][place], found["host-0"][place])) == wanted


def test_what_is_opened_is_the_sum_of_shares(keys):
    value = ring.from_integers(np.array([5, -7]))
    one = random_ring((2,))

    def guest(session):
        return connected(session, keys).open_from_peer("v", ring.subtract(value, one))

    def host(session):
        connected(session, keys).open_to_peer("v", one)

    assert (simulate(guest=guest, hosts=[host])["guest"] == value).all()


@pytest.mark.parametrize("lie", [np.zeros(2), np.zeros((3, 2), dtype=np.uint64)])
def test_a_share_of_another_form_is_a_protocol_error(keys, lie):
    def guest(session):
        connected(session, keys).open_from_peer("v", random_ring((2,)))

    def host(session):
        connected(session, keys)
        session.send(GUEST, "v", opened=lie)

    with pytest.raises(ProtocolError, match="it takes uint64"):
        simulate(guest=guest, hosts=[host])


def test_shares_that_are_declared_narrower_are_refused(keys):
    def guest(session):
        connected(session, keys).receive_share("w", (2,))

    def host(session):
        connected(session, keys)
        session.send(GUEST, "w", share=keys[HOST][0].encrypt(np.array([1, 2], dtype=np.int8)))

    with pytest.raises(ProtocolError, match="sent numbers of 8 bits for w, shares have 128"):
        simulate(guest=guest, hosts=[host])


def test_features_beyond_the_declared_bits_are_refused(keys):
    with pytest.raises(DataError, match="beyond the 3 bits"):
        SharedFeatures(np.array([[8]]), 3, keys[GUEST][0])
