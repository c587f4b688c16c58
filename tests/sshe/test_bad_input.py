# SPDX-License-Identifier: Apache-2.0
"""What is refused, when, and by which words."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from pyfate_gpu import HeteroSSHELogisticRegression, simulate
from pyfate_gpu.errors import (
    ChannelTimeoutError,
    ConfigurationError,
    DataError,
    DivergenceError,
    PartyFailedError,
    ProtocolError,
)
from pyfate_gpu.federation.session import Session
from pyfate_gpu.he.scheme import registry
from pyfate_gpu.he.scheme.paillier.public_key import PublicKey
from tests.sshe.conftest import SMALL_KEY


@pytest.mark.parametrize("size", [3, 19, 57])  # of 60 rows; the last batch has 60 % size
def test_batches_of_no_more_rows_than_columns(pair, logistic, toy, size):
    with pytest.raises(
        ConfigurationError, match=r"has \d+ rows, .* has 3 columns.*nearest safe batch_size"
    ):
        pair(logistic(batch_size=size), toy.guest, toy.classes, toy.host)


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("link", "sigmoid", "choose one of linear, minimax, cubic, cubic_wide"),
        ("link", None, "choose one of"),
        ("optimizer", "adam", "choose one of momentum, sgd"),
        ("momentum", 1.0, "must be below 1"),
        ("momentum", -0.1, "0 or more"),
        ("learning_rate", 0, "above 0"),
        ("learning_rate", 64.0, "must be below 64"),
        ("alpha", 1e9, "must be below 64"),
        ("penalty", "l1", "choose one of l2, none"),
        ("loss_every", 0, "1 or more"),
        ("fraction_bits", 19, "20 to 24"),
        ("fraction_bits", 25, "20 to 24"),
        ("reveal", "guest", "choose one of owners, nobody"),
        ("batch_size", 0, "1 or more"),
        ("clip", 0.0, "above 0"),
        ("squeeze", 1, "True or False"),
        ("random_state", -1, "0 or more"),
        ("scheme", "rsa", "choose one of"),
        ("early_stopping_rounds", 2, "pass validation"),
    ],
)
def test_parameters_that_make_no_sense(pair, logistic, toy, name, value, text):
    with pytest.raises(ConfigurationError, match=text):
        pair(logistic(**{name: value}), toy.guest, toy.classes, toy.host)


def test_a_peer_with_other_fixed_point_parameters(pair, logistic, toy):
    with pytest.raises(ConfigurationError, match="fraction_bits 24 there, 20 here"):
        pair(logistic(), toy.guest, toy.classes, toy.host, host={"fraction_bits": 20})


def test_a_scheme_whose_plaintexts_are_secret(pair, logistic, toy, monkeypatch):
    class Secretive(PublicKey):
        has_uniform_masks = False

    found = registry.SCHEMES["paillier"]
    changed = dataclasses.replace(found, public_key=Secretive)
    monkeypatch.setitem(registry.SCHEMES, "secretive", changed)
    text = "whose space of plaintexts is secret; a regression on shares masks values uniformly"
    with pytest.raises(ConfigurationError, match=text):
        pair(logistic(scheme="secretive"), toy.guest, toy.classes, toy.host)


def test_scores_that_could_leave_the_ring_by_public_bounds(pair, linear, logistic, toy):
    with pytest.raises(
        ConfigurationError, match="a score could take 1[0-9]+ bits in fixed point, the limit is 96"
    ):
        pair(linear(standardize=False), toy.guest, toy.targets, toy.host)
    found = pair(linear(standardize=False, clip=4.0), toy.guest, toy.targets, toy.host)
    assert found.guest.n_iter_ == 3
    with pytest.raises(ConfigurationError, match="a power could take"):
        pair(logistic(link="cubic", clip=2.0**20), toy.guest, toy.classes, toy.host)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_training_that_diverges_ends_before_scores_wrap(pair, logistic, toy, optimizer):
    model = logistic(learning_rate=40.0, max_iter=50, optimizer=optimizer)
    with pytest.raises(DivergenceError, match=r"passed 2\^16.*lower the learning rate"):
        pair(model, toy.guest, toy.classes, toy.host)


def test_features_beyond_what_was_declared_in_new_rows(pair, logistic, toy):
    far = toy.host.copy()
    far[0] = 1e6
    model = logistic(reveal="nobody", clip=None)
    with pytest.raises(DataError, match="beyond the 27 bits in fixed point that were declared"):
        pair(model, toy.guest, toy.classes, toy.host, predict="predict", new=(toy.guest, far))


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (np.arange(60) % 3, "has 3 classes"),
        (np.zeros(60), "class"),
        (np.full(60, np.nan), "missing, NaN or infinite"),
    ],
)
def test_labels_that_are_not_two_classes(pair, logistic, toy, labels, text):
    with pytest.raises(DataError, match=text):
        pair(logistic(), toy.guest, labels, toy.host)


def test_features_that_are_no_numbers(pair, logistic, toy):
    broken = toy.host.copy()
    broken[3, 1] = np.nan
    with pytest.raises(DataError, match="impute"):
        pair(logistic(), toy.guest, toy.classes, broken)


def test_tables_of_different_lengths(pair, logistic, toy):
    with pytest.raises(ConfigurationError, match="guest has 60 rows, host-0 has 59"):
        pair(logistic(), toy.guest, toy.classes, toy.host[:-1])
    with pytest.raises(ConfigurationError, match="guest has 60 rows, host-0 has 7"):
        pair(
            logistic(),
            toy.guest,
            toy.classes,
            toy.host,
            predict="predict",
            new=(toy.guest, toy.host[:7]),
        )


def test_labels_and_weights_of_a_host(toy):
    def host(session):
        return HeteroSSHELogisticRegression(**SMALL_KEY).fit(toy.host, toy.classes, session=session)

    with pytest.raises(DataError, match="a host has no labels"):
        simulate(guest=lambda session: session.receive(session.hosts[0], "x", x=int), hosts=[host])


def test_a_third_party_is_one_too_many(toy):
    def party(X, y=None):
        return lambda session: HeteroSSHELogisticRegression(**SMALL_KEY).fit(X, y, session=session)

    with pytest.raises(ConfigurationError, match="takes one guest and one host; this job has"):
        simulate(
            guest=party(toy.guest, toy.classes),
            hosts=[party(toy.host)],
            arbiter=lambda session: session.receive(session.hosts[0], "x", x=int),
        )
    with pytest.raises(ConfigurationError, match="takes one guest and one host"):
        simulate(guest=party(toy.guest, toy.classes), hosts=[party(toy.host), party(toy.host)])


def dying(at, error):
    """A `Session.send` that fails at the so-manyth message of the host."""
    count = iter(range(1, 10**6))
    original = Session.send

    def send(self, to, name, **payload):
        if self.party.name == "host-0" and next(count) == at:
            raise error
        return original(self, to, name, **payload)

    return send


def test_a_host_that_fails_mid_batch(pair, logistic, toy, monkeypatch):
    monkeypatch.setattr(Session, "send", dying(9, KeyboardInterrupt("power")))
    with pytest.raises(KeyboardInterrupt, match="power"):
        pair(logistic(), toy.guest, toy.classes, toy.host)


def test_a_host_that_vanishes_mid_batch(toy):
    seen = []

    def guest(session):
        session.timeout = 0.5
        try:
            HeteroSSHELogisticRegression(**SMALL_KEY).fit(toy.guest, toy.classes, session=session)
        except ProtocolError as error:
            seen.append(error)

    def host(session):
        original, count = session.send, iter(range(1, 10**6))

        def send(to, name, **payload):
            if next(count) < 7:
                original(to, name, **payload)

        session.send = send  # it goes on, and nothing of it arrives
        session.timeout = 2.0
        with pytest.raises((ChannelTimeoutError, PartyFailedError)):
            HeteroSSHELogisticRegression(**SMALL_KEY).fit(toy.host, session=session)

    simulate(guest=guest, hosts=[host])
    assert isinstance(seen[0], ChannelTimeoutError)
    assert "host-0" in str(seen[0])


def test_one_key_for_both_parties_is_refused(pair, logistic, toy, monkeypatch):
    shared = {}
    original = HeteroSSHELogisticRegression.announce_new_key

    def announce(self, session):
        self._keys = shared.setdefault("keys", getattr(self, "_keys", None)) or self._keys_of(
            session
        )
        return original(self, session)

    from pyfate_gpu import generate_keypair

    keys = generate_keypair(512, allow_insecure_key_size=True)
    monkeypatch.setattr(
        HeteroSSHELogisticRegression, "_keys_of", lambda self, session: keys, raising=False
    )
    monkeypatch.setattr(HeteroSSHELogisticRegression, "announce_new_key", announce)
    with pytest.raises(ConfigurationError, match="each party needs one of its own"):
        pair(logistic(), toy.guest, toy.classes, toy.host)


def test_a_model_that_was_not_fitted(logistic):
    with pytest.raises(ConfigurationError, match="not fitted: call fit first"):
        logistic().interpret(np.zeros(3))
