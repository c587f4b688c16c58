# SPDX-License-Identifier: Apache-2.0
"""What travels, who can read it, and what it says."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from pyfate_gpu import PrivateKey
from pyfate_gpu.backends.words import unsigned_to_integers
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.roles import GUEST, Party
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.he.wire import FORM
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.sshe.messages import ENCRYPTED, MASKED, OPENED
from tests.sshe.oracle import prepared

HOST = Party.parse("host-0")


@dataclass
class Message:
    sender: Party
    name: str
    iteration: int
    batch: int
    payload: dict[str, Any]


@pytest.fixture
def transcript(monkeypatch):
    """Every message of this test."""
    messages: list[Message] = []
    original = MemoryChannel.send

    def send(self, to, frame):
        name = frame.name.partition("/")[2]
        messages.append(
            Message(self.party, name, frame.iteration, frame.batch, dict(frame.payload))
        )
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    return messages


@pytest.fixture
def decrypted(monkeypatch):
    """What each key's owner decrypts, by party and message: each mask with its value, scaled to -1 ... 1."""
    found: dict[tuple[str, str], list[np.ndarray]] = {}
    at = threading.local()
    receive, decrypt = Exchange.receive_and_unmask, PrivateKey.decrypt_words

    def receive_masked(self, name, *arguments, **at_):
        at.place = self.session.party.name, name
        return receive(self, name, *arguments, **at_)

    def decrypt_words(self, masked):
        words = decrypt(self, masked)
        found.setdefault(at.place, []).append(scaled(words, masked.public_key.n, masked.slots))
        return words

    monkeypatch.setattr(Exchange, "receive_and_unmask", receive_masked)
    monkeypatch.setattr(PrivateKey, "decrypt_words", decrypt_words)
    return found


def scaled(words, n, slots):
    values = [int(v) for v in unsigned_to_integers(words)]
    if slots is None:
        return np.array([[2 * v / n - 1] for v in values])
    half, low = 1 << slots.width - 1, (1 << slots.width) - 1
    offset = sum(half << slots.width * s for s in range(slots.count))
    digits = [
        [((v + offset) % n >> slots.width * s & low) - half for s in range(slots.count)]
        for v in values
    ]
    return np.array([[d * 2 / half for d in row] for row in digits])


def owner_of(sealed: Sealed) -> str:
    return FORM.open(sealed.data).header["key"]


def test_every_opened_value_is_on_the_list(pair, logistic, toy, transcript):
    iterations, batches = 3, 2
    model = logistic(batch_size=30, loss_every=2, link="cubic")
    validation = ((toy.guest[:10], toy.classes[:10]), toy.host[:10])
    found = pair(
        model, toy.guest, toy.classes, toy.host, validation=validation, predict="decision_function",
        sample_weight=toy.classes + 1.0,
    )  # fmt: skip
    keys = {
        sender: fitted._keys[0].fingerprint
        for sender, fitted in ((GUEST, found.guest), (HOST, found.host))
    }
    other = {GUEST: HOST, HOST: GUEST}
    in_clear: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    for message in transcript:
        for key, value in message.payload.items():
            if isinstance(value, Sealed):
                owner = message.sender if message.name in ENCRYPTED else other[message.sender]
                assert message.name in ENCRYPTED + MASKED
                assert owner_of(value) == keys[owner]
            elif isinstance(value, np.ndarray) and value.dtype == np.uint64:
                assert message.name in (*OPENED, "initial")
                in_clear[message.name] += len(value)
            else:
                plain[f"{message.name}.{key}"] += np.size(value)
    # Shares in clear, each of which opens one value to its recipient.
    assert in_clear == {
        "initial": 3
        + 3,  # shares of weights that are 0: the guest's two and intercept, the host's three
        "range": 2 * iterations * batches,
        "loss_share": iterations,  # one batch of two
        "validation_share": 10 * iterations,
        "opened_weights": 3 + 3,
    }
    # Public facts, and the host's part of predictions, which the guest learns by predicting.
    assert set(plain) == {
        "terms.terms", "public_key.key", "shape.rows", "shape.columns", "shape.validation", "shape.bits",
        "plan.columns", "plan.bits", "plan.intercept", "plan.batches", "plan.weighted", "plan.exponent",
        "batches.rows", "batches.sizes", "batches.used", "proceed.proceed", "proceed.best", "half.training",
        "own_scores.scores",
    }  # fmt: skip
    assert plain["own_scores.scores"] == 60


def test_the_range_says_nothing_of_weights_within_it(pair, logistic, toy, transcript):
    pair(logistic(max_iter=6), toy.guest, toy.classes, toy.host)
    shares = {}
    for message in transcript:
        if message.name == "range":
            shares.setdefault(message.iteration, []).append(message.payload["opened"])
    opened = [ring.to_words(ring.add(*both)).tolist() for both in shares.values()]
    assert len(opened) == 6
    assert all(value in ([[0, 0]], [[1, 0]]) for value in opened)


def test_nothing_leaves_without_fresh_randomness(pair, logistic, toy):
    found = pair(
        logistic(link="cubic"), toy.guest, toy.classes, toy.host, sample_weight=toy.classes + 1.0
    )
    for model in (found.guest, found.host):
        operations = model.report_.usage.operations
        assert operations.get("blind", 0) == 0
        assert operations["encrypt"] > 0
        assert operations["mask"] > 0


def explained(values, features):
    """R squared of a regression of values on features and 1."""
    X = np.column_stack([features, np.ones(len(features))])
    residual = values - X @ np.linalg.lstsq(X, values, rcond=None)[0]
    return 1 - residual.var() / values.var()


@pytest.mark.parametrize("squeeze", [True, False])
def test_decrypted_words_say_nothing_of_the_other_party(pair, logistic, toy, decrypted, squeeze):
    iterations = 24
    model = logistic(max_iter=iterations, squeeze=squeeze, learning_rate=0.2, link="cubic")
    fitted = pair(model, toy.guest, toy.classes, toy.host)
    sides = {"guest": prepared(toy.host, 2.0), "host-0": prepared(toy.guest, 2.0)}
    for party, features in sides.items():
        slots = np.concatenate([block.reshape(-1)[:60] for block in decrypted[party, "scores"]])
        assert slots.shape == (60 * iterations,)
        repeated = np.tile(features, (iterations, 1))
        # Of 1,440 uniform numbers: 0.05 is passed less than once in 10^12 times.
        assert explained(slots, repeated) < 0.05
        assert len(set(slots.tolist())) == len(slots)
        edges = np.histogram(slots, bins=8, range=(-1, 1))[0]
        expected = len(slots) / 8
        assert ((edges - expected) ** 2 / expected).sum() < 70  # chi-squared of 7 degrees: 10^-12
    # The same regression sees the scores themselves, so it would see a mask that is too narrow.
    scores = sides["host-0"] @ fitted.guest.coef_
    assert explained(scores, sides["host-0"]) > 0.99
    narrow = scores + np.random.default_rng(0).uniform(-1, 1, 60) * np.abs(scores).max() / 4
    assert explained(narrow, sides["host-0"]) > 0.5
    for (_, name), blocks in decrypted.items():
        values = np.concatenate([block.ravel() for block in blocks])
        assert (np.abs(values) <= 1.0).all(), name
        assert len(set(values.tolist())) == len(values), name


def test_shares_kept_at_the_end_are_uniform(pair, logistic, toy):
    found = [
        pair(logistic(max_iter=1, reveal="nobody"), toy.guest, toy.classes, toy.host)
        for _ in range(6)
    ]
    for side in ("guest", "host"):
        shares = np.concatenate([np.concatenate(getattr(f, side)._half.shares) for f in found])
        bits = np.unpackbits(shares.view(np.uint8))
        assert len(bits) == 6 * 6 * 128
        assert abs(bits.mean() - 0.5) < 0.06  # eight standard deviations
