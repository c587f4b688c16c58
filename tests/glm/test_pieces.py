# SPDX-License-Identifier: Apache-2.0
"""Large encrypted arrays travel in pieces: same results, and no piece missing, twice, or of another kind."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from pyfate_gpu import HeteroLogisticRegression, HeteroPoissonRegression, simulate
from pyfate_gpu.errors import ChannelTimeoutError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.mailbox_channel import MailboxChannel
from pyfate_gpu.federation.transcript import Transcript
from pyfate_gpu.federation.transports.memory import MemoryChannel
from pyfate_gpu.protocol.pieces import cut

SMALL = {"key_bits": 512, "allow_insecure_key_size": True, "max_iter": 3, "tol": 0.0}


@pytest.fixture
def small_pieces(monkeypatch):
    """Of 20 ciphertexts."""
    monkeypatch.setattr("pyfate_gpu.protocol.pieces.MESSAGE_BYTES", 20 * 512 // 4)


def train(kind=HeteroLogisticRegression, rows=150, hosts=1, labels=None, **params):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(rows, 2 * hosts + 2))
    y = (x.sum(axis=1) > 0).astype(int) if labels is None else np.arange(rows) % labels

    def party(columns=None, labels=None):
        def run(session):
            return kind(**SMALL | params).fit(columns, labels, session=session)

        return run

    parts = np.split(x, hosts + 1, axis=1)
    return simulate(guest=party(parts[0], y), hosts=[party(p) for p in parts[1:]], arbiter=party())


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (HeteroLogisticRegression, {"hosts": 2}),  # rows share ciphertexts
        (HeteroLogisticRegression, {"packing": "none", "optimizer": "adam"}),
        (HeteroLogisticRegression, {"rows": 50, "labels": 3, "optimizer": "adam"}),
        (
            HeteroLogisticRegression,
            {"rows": 70, "optimizer": "adam", "batch_size": 30, "batch_strategy": "random"}
            | {"random_state": 1, "masked_rate": 0.5},
        ),
        (HeteroPoissonRegression, {"rows": 50, "labels": 3}),
    ],
    ids=str,
)
def test_pieces_give_what_the_whole_gives(monkeypatch, small_pieces, kind, options):
    sent = []
    deliver = MemoryChannel._deliver

    def noted(self, to, address, data):
        sent.append((str(self.party), str(to), address))
        deliver(self, to, address, data)

    monkeypatch.setattr(MemoryChannel, "_deliver", noted)
    found = train(kind, **options)
    count = len([s for s in sent if s[2].name.endswith("/residual")])
    monkeypatch.setattr("pyfate_gpu.protocol.pieces.MESSAGE_BYTES", 1 << 30)
    sent.clear()
    whole = train(kind, **options)
    assert count > len([s for s in sent if s[2].name.endswith("/residual")])
    for name in ("guest", "host-0"):
        np.testing.assert_allclose(found[name].coef_, whole[name].coef_, atol=1e-12)
    assert found["guest"].loss_history_ == pytest.approx(whole["guest"].loss_history_, abs=1e-9)


def test_the_recipient_has_a_piece_before_the_next_is_made(monkeypatch, small_pieces):
    """The host makes its second piece only when the guest has begun to work on the first."""
    began = threading.Event()
    receive, deliver = MemoryChannel.receive, MemoryChannel._deliver

    def receiving(self, sender, name, iteration, batch, timeout):
        frame = receive(self, sender, name, iteration, batch, timeout)
        if name.endswith("/forward") and (iteration, batch) == (1, 0):
            began.set()
        return frame

    def delivering(self, to, address, data):
        if address.name.endswith("/forward") and address[2:] == (1, 1):
            assert began.wait(300)
        deliver(self, to, address, data)

    monkeypatch.setattr(MemoryChannel, "receive", receiving)
    monkeypatch.setattr(MemoryChannel, "_deliver", delivering)
    train(packing="none", optimizer="adam", rows=30)
    assert began.is_set()


@pytest.mark.parametrize("name", ["forward", "residual"])
def test_a_missing_piece_is_named(monkeypatch, small_pieces, name):
    deliver, receive = MemoryChannel._deliver, MemoryChannel.receive

    def losing(self, to, address, data):
        if not (address.name.endswith(f"/{name}") and address[2:] == (2, 1)):
            deliver(self, to, address, data)

    def impatient(self, sender, message, iteration, batch, timeout):
        lost = message.endswith(f"/{name}") and (iteration, batch) == (2, 1)
        return receive(self, sender, message, iteration, batch, 0.01 if lost else timeout)

    monkeypatch.setattr(MemoryChannel, "_deliver", losing)
    monkeypatch.setattr(MemoryChannel, "receive", impatient)
    with pytest.raises(ChannelTimeoutError, match=rf"/{name}' \(iteration 2, batch 1\)"):
        train(packing="none", optimizer="adam", rows=30)


def test_a_piece_that_comes_twice_is_refused(monkeypatch, small_pieces):
    deliver = MemoryChannel._deliver

    def doubling(self, to, address, data):
        deliver(self, to, address, data)
        if address.name.endswith("/residual") and address[2:] == (2, 1):
            deliver(self, to, address, data)

    monkeypatch.setattr(MemoryChannel, "_deliver", doubling)
    with pytest.raises(ProtocolError, match="batch 1.*sent twice or replayed"):
        train(packing="none", optimizer="adam", rows=30)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda piece: piece[:-1], r"has shape \(9, 1\), it takes \(10, 1\)"),
        (lambda piece: piece * 0.5, "piece 1 of residual from guest is encoded otherwise"),
    ],
)
def test_a_piece_of_another_kind_is_refused(monkeypatch, small_pieces, change, text):
    send = Session.send

    def changing(self, to, name, **values):
        if name == "residual" and values["batch"] == 1:
            values["residual"] = change(values["residual"])
        send(self, to, name, **values)

    monkeypatch.setattr(Session, "send", changing)
    with pytest.raises(ProtocolError, match=text):
        train(packing="none", optimizer="adam", rows=30)


def test_transcripts_of_both_sides_list_every_piece(monkeypatch, small_pieces, tmp_path):
    begin, kept = MailboxChannel.__init__, []

    def with_transcript(self, party, transcript=None):
        kept.append(Transcript(tmp_path / f"{party}.jsonl"))
        begin(self, party, kept[-1])

    monkeypatch.setattr(MailboxChannel, "__init__", with_transcript)
    train(packing="none", optimizer="adam", rows=50)
    for each in kept:
        each.close()
    lines = {
        name: [json.loads(line) for line in (tmp_path / f"{name}.jsonl").read_text().splitlines()]
        for name in ("guest", "host-0")
    }
    fields = ("name", "iteration", "batch", "bytes", "sha256")
    for sender, recipient, name in (
        ("guest", "host-0", "residual"),
        ("host-0", "guest", "forward"),
    ):
        sent, received = (
            sorted(
                tuple(line[field] for field in fields)
                for line in lines[party]
                if line.get(direction) == peer and line["name"].endswith(f"/{name}")
            )
            for party, direction, peer in (
                (sender, "sent", recipient),
                (recipient, "received", sender),
            )
        )
        assert received == sent
        assert [line[1:3] for line in sent] == [(i, k) for i in (1, 2, 3) for k in (0, 1, 2)]


def test_every_message_of_an_iteration_has_an_address_of_its_own():
    found = [
        tuple(piece.at.values())
        for batch in range(4)
        for piece in cut((9000, 2), 1024, {"iteration": 1, "batch": batch}, batches=4)
    ]
    assert len(set(found)) == len(found) == 4 * 3
