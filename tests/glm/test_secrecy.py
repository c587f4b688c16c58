# SPDX-License-Identifier: Apache-2.0
"""What travels, who can read it, and how often: the transcript of whole jobs under a microscope."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from pyfate_gpu import HeteroLinearRegression, PrivateKey
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Party, simulate
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.arbiter import serve_training
from pyfate_gpu.glm.plan import Plan, announce_plan
from pyfate_gpu.protocol.keys import announce_key
from pyfate_gpu.protocol.masking import residues_from_words, residues_to_words, reveal, serve
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.scoring import score_layout
from tests.glm.conftest import near_zero


@pytest.fixture
def decrypted(monkeypatch):
    """Every residue that the arbiter gets to see."""
    seen: list[int] = []
    original = PrivateKey.decrypt_residues

    def decrypt(self, c):
        residues = original(self, c)
        seen.extend(residues.ravel().tolist())
        return residues

    def refuse(self, c):
        raise AssertionError("the arbiter decrypts residues, never values")

    monkeypatch.setattr(PrivateKey, "decrypt_residues", decrypt)
    monkeypatch.setattr(PrivateKey, "decrypt", refuse)
    return seen


@pytest.fixture
def trained(federate, logistic, toy, transcript, decrypted):
    """Three iterations of three batches with two hosts, then a prediction, all recorded."""
    model = logistic(batch_size=20, max_iter=3)
    return federate(model, toy.guest, toy.labels, toy.hosts, predict="decision_function")


def test_the_arbiter_decrypts_one_value_for_each_column_and_the_loss(trained, decrypted):
    columns = (3 + 1) + 4 + 2  # the guest's intercept, both hosts
    scores = score_layout(512, 3).groups(60)
    assert len(decrypted) == 3 * 3 * (columns + 1) + scores


def test_the_arbiter_sees_uniform_residues(trained, decrypted):
    n = trained.arbiter._keys[0].n
    assert len(set(decrypted)) == len(decrypted)
    assert not any(near_zero(residue, n) for residue in decrypted)
    share = np.array([residue / n for residue in decrypted])
    counts, _ = np.histogram(share, bins=8, range=(0, 1))
    expected = len(share) / 8
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 70  # 7 degrees of freedom: once in 10^11 runs


def test_no_two_ciphertexts_share_their_randomness(trained, transcript):
    """c mod n = r^n mod n does not change when a plain number is added without blinding."""
    public_key = trained.arbiter._keys[0]
    payloads = {value.data for m in transcript for value in m.payload.values() if _sealed(value)}
    traces = Counter(
        int(c) % public_key.n
        for data in payloads
        for c in public_key.from_wire(data).to_ints(reblind=False).ravel()
    )
    assert len(traces) > 3 * 60 * 3
    assert max(traces.values()) == 1
    assert 1 not in traces  # an encryption without randomness


def _sealed(value):
    return isinstance(value, Sealed)


def test_residuals_are_no_power_of_what_the_host_sent(federate, linear, rng, transcript):
    """A residual that was only added to is forward * (1 + m n): the trace mod n would stay."""
    guest, host = rng.normal(size=(20, 1)), rng.normal(size=(20, 1))
    outcome = federate(linear(max_iter=1), guest, rng.normal(size=20), [host])
    n = outcome.arbiter._keys[0].n
    traces = {}
    for message in transcript:
        name = message.name.partition("/")[2]
        if name in ("forward", "residual"):
            array = outcome.arbiter._keys[0].from_wire(message.payload[name].data)
            traces[name] = [int(c) % n for c in array.to_ints(reblind=False).ravel()]
    assert len(traces["forward"]) == len(traces["residual"]) == 20
    assert not set(traces["forward"]) & set(traces["residual"])


def test_who_sends_what_to_whom(trained, transcript):
    hosts = {Party.parse("host-0"), Party.parse("host-1")}
    routes: dict[str, set] = {}
    for message in transcript:
        routes.setdefault(message.name, set()).add((message.sender, message.to))
    from_hosts, to_hosts = {(h, GUEST) for h in hosts}, {(GUEST, h) for h in hosts}
    to_arbiter = {(h, ARBITER) for h in hosts} | {(GUEST, ARBITER)}
    from_arbiter = {(to, sender) for sender, to in to_arbiter}
    announced = {(GUEST, ARBITER)} | to_hosts
    assert routes == {
        "task-1/terms": announced,
        "fit-1/public_key": from_arbiter,
        "fit-1/shape": from_hosts,
        "fit-1/plan": announced,
        "fit-1/batches": to_hosts,
        "fit-1/forward": from_hosts,
        "fit-1/residual": to_hosts,
        "fit-1/loss_share": from_hosts,
        "fit-1/masked_gradient": to_arbiter,
        "fit-1/residues_gradient": from_arbiter,
        "fit-1/masked_loss": {(GUEST, ARBITER)},
        "fit-1/residues_loss": {(ARBITER, GUEST)},
        "fit-1/proceed": announced,
        "task-2/terms": announced,
        "predict-2/public_key": from_arbiter,
        "predict-2/shape": from_hosts,
        "predict-2/decryptions": {(GUEST, ARBITER)},
        "predict-2/scores": from_hosts,
        "predict-2/masked_scores": {(GUEST, ARBITER)},
        "predict-2/residues_scores": {(ARBITER, GUEST)},
    }


def test_nothing_plain_travels_but_public_facts(trained, transcript):
    plain = {
        (m.name.partition("/")[2], key)
        for m in transcript
        for key, value in m.payload.items()
        if not _sealed(value)
    }
    assert plain == {
        ("terms", "terms"),
        ("public_key", "key"),
        ("shape", "rows"),
        ("shape", "columns"),
        ("shape", "validation"),
        ("shape", "warm"),
        ("shape", "standardized"),
        ("shape", "training"),
        ("plan", "columns"),
        ("plan", "outputs"),
        ("plan", "batches"),
        ("plan", "validation"),
        ("plan", "row_bits"),
        ("plan", "warm"),
        ("batches", "rows"),
        ("batches", "sizes"),
        ("batches", "used"),
        ("decryptions", "count"),
        ("residues_gradient", "residues"),  # masked
        ("residues_loss", "residues"),
        ("residues_scores", "residues"),
        ("proceed", "proceed"),
        ("proceed", "best"),
    }


def test_residues_travel_as_words():
    n = (1 << 130) - 5
    residues = [0, 1, n - 1, 1 << 64]
    words = residues_to_words(residues, n)
    assert words.shape == (4, 3)
    assert residues_from_words(words, n).tolist() == residues
    with pytest.raises(ProtocolError, match="no residue mod n"):
        residues_from_words(residues_to_words([n], n), n)
    with pytest.raises(ProtocolError, match="rows of words"):
        residues_from_words(np.zeros(3), n)


def _with_key(keypair, guest, arbiter, host=lambda session: None):
    """Run two functions with the key already known to both."""
    public_key, private_key = keypair

    def run_guest(session):
        session.keys[ARBITER] = public_key
        return guest(session, public_key)

    def run_arbiter(session):
        session.keys[ARBITER] = public_key
        return arbiter(session, private_key)

    return simulate(guest=run_guest, hosts=[host], arbiter=run_arbiter)


def test_reveal_and_serve_are_two_ends(keypair):
    values = np.array([1.5, -2.0, 1e-6])
    result = _with_key(
        keypair,
        lambda session, key: reveal(session, key.encrypt(values) * 3.0, "x"),
        lambda session, key: serve(session, key, GUEST, "x", 3),
    )
    np.testing.assert_allclose(result["guest"], 3 * values, atol=1e-9)


def test_the_arbiter_decrypts_no_more_than_a_partys_share(keypair):
    with pytest.raises(ProtocolError, match=r"from guest has shape \(4,\), it takes \(3,\)"):
        _with_key(
            keypair,
            lambda session, key: reveal(session, key.encrypt(np.ones(4)), "x"),
            lambda session, key: serve(session, key, GUEST, "x", 3),
        )


def test_an_arbiter_that_returns_too_few_residues_is_noticed(keypair):
    def arbiter(session, key):
        session.receive_encrypted(GUEST, "masked_x", "masked", (2,))
        words = residues_to_words([1], key.public_key.n)
        session.send(GUEST, "residues_x", residues=words)

    with pytest.raises(ProtocolError, match="returned 1 residues for 2 of x"):
        _with_key(
            keypair,
            lambda session, key: reveal(session, key.encrypt(np.ones(2)), "x"),
            arbiter,
        )


def test_an_arbiter_that_returns_other_residues_is_noticed(keypair):
    """Whatever it returns decodes to a value far beyond the array's bound."""

    def arbiter(session, key):
        session.receive_encrypted(GUEST, "masked_x", "masked", (2,))
        words = residues_to_words([1, 2], key.public_key.n)
        session.send(GUEST, "residues_x", residues=words)

    with pytest.raises(ProtocolError, match="beyond the bound"):
        _with_key(
            keypair,
            lambda session, key: reveal(session, key.encrypt(np.ones(2)), "x"),
            arbiter,
        )


def test_the_arbiter_wants_columns_of_every_party(keypair):
    def guest(session, key):
        announce_plan(session, Plan({"guest": 3}, 1, 1, 0))

    def arbiter(session, key):
        announce_key(session, key.public_key)
        settings = HeteroLinearRegression().settings()
        serve_training(session, key, settings, Progress(session, ()))

    def host(session):
        session.receive(GUEST, "plan", columns=str)

    with pytest.raises(ProtocolError, match=r"the guest announced .* for the columns of .*host-0"):
        _with_key(keypair, guest, arbiter, host)
