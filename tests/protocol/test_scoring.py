# SPDX-License-Identifier: Apache-2.0
"""Scores in slots: what the guest gets, how few ciphertexts it takes, and layouts that frames cannot choose."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import SlotLayout, generate_keypair, simulate
from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.errors import BoundError, DataError, ProtocolError
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.protocol.scoring import collect_scores, score_layout, send_scores, serve_scores

LIMIT = float(FixedPointEncoder().bound)


@pytest.fixture(scope="module")
def keys():
    return generate_keypair(512, allow_insecure_key_size=True)


def exchange(keys, own, hosts, host=None, count=None):
    """What the guest gets of its own shares and the hosts'."""

    def knows(function):
        def run(session):
            session.keys[ARBITER] = keys[0]
            return function(session)

        return run

    def send(share):
        return knows(host or (lambda session: send_scores(session, share)))

    return simulate(
        guest=knows(lambda session: collect_scores(session, own)),
        hosts=[send(share) for share in hosts],
        arbiter=knows(lambda session: serve_scores(session, keys[1], count or own.size)),
    )["guest"]


@pytest.mark.parametrize("shape", [(1, 1), (7, 1), (30, 1), (5, 3)])
@pytest.mark.parametrize("hosts", [1, 3])
def test_the_guest_gets_the_sums(keys, rng, shape, hosts):
    own, *others = rng.normal(scale=100.0, size=(hosts + 1, *shape))
    found = exchange(keys, own, others)
    assert found.shape == shape
    assert np.abs(found - own - sum(others)).max() < 1e-11 * (hosts + 1)


@pytest.mark.parametrize("signs", [(1, 1), (-1, -1), (1, -1)])
def test_slots_hold_shares_at_their_limits(keys, signs):
    own = np.full((9, 1), LIMIT) * signs[0]
    own[::2] *= -1  # neighbours at opposite ends
    other = own * signs[0] * signs[1]
    assert np.array_equal(exchange(keys, own, [other, other]), own + 2 * other)


def test_a_share_beyond_the_limit_is_refused(keys):
    with pytest.raises(DataError, match="the limit is"):
        exchange(keys, np.full((2, 1), 2 * LIMIT), [np.zeros((2, 1))])


def test_about_thirty_rows_share_a_ciphertext():
    assert score_layout(2048, 2).count == 31
    assert score_layout(3072, 2).groups(30_000) == -(-30_000 // 46)
    with pytest.raises(BoundError, match="a key of 64 bits holds 62"):
        score_layout(64, 2)


def test_another_layout_than_agreed_is_refused(keys):
    def host(session):
        scores = session.public_key.encrypt(np.zeros((1, 5)), slots=SlotLayout(90, 5))
        session.send(GUEST, "scores", scores=scores)

    with pytest.raises(ProtocolError, match=r"has slots SlotLayout\(width=90, count=5\), it takes"):
        exchange(keys, np.zeros((3, 1)), [None], host)


def test_scores_without_slots_are_refused(keys):
    def host(session):
        session.send(GUEST, "scores", scores=session.public_key.encrypt(np.zeros(1)))

    with pytest.raises(ProtocolError, match="has slots None, it takes SlotLayout"):
        exchange(keys, np.zeros((3, 1)), [None], host)


def test_the_arbiter_decrypts_no_more_than_was_announced(keys):
    with pytest.raises(ProtocolError, match="has shape"):
        exchange(keys, np.zeros((20, 1)), [np.zeros((20, 1))], count=5)
