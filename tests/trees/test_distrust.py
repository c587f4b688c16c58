# SPDX-License-Identifier: Apache-2.0
"""Parties that do not keep to the protocol: what is noticed, where, and by which words; and what is not."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from pyfate_gpu import IntegerEncoder
from pyfate_gpu.errors import BoundError, ChannelTimeoutError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.he.array.candidates import Candidates
from pyfate_gpu.he.array.streams import StreamedSums
from pyfate_gpu.trees.conversation import Conversation
from pyfate_gpu.trees.growth import Growth
from pyfate_gpu.trees.host_round import HostRound
from pyfate_gpu.trees.sampling import Sample
from tests.trees.conftest import run_parties


def fit(model, toy):
    return run_parties(model, toy.parts[0], toy.y, toy.parts[1:2], timeout=20.0)


def added(sums, numbers):
    """Other numbers under the same bound: who lies declares nothing."""
    bare = sums._replace(sums._rows, sums.shape, bound=0)
    found = bare + IntegerEncoder(bound=1 << 30).encode(numbers)
    return found._replace(found._rows, found.shape, bound=sums.bound)


def lying_sums(monkeypatch, change):
    of_level, of_root = Candidates.level_sums, StreamedSums.sums

    def level_sums(self, *arguments):
        return change(of_level(self, *arguments))

    def root_sums(self):
        return change(of_root(self)[np.newaxis])[0]

    monkeypatch.setattr(Candidates, "level_sums", level_sums)
    monkeypatch.setattr(StreamedSums, "sums", root_sums)


def test_a_host_that_adds_to_its_winner(monkeypatch, regressor, toy):
    lying_sums(monkeypatch, lambda sums: added(sums, [1, 0]))
    with pytest.raises(ProtocolError, match="host-0 sends left have other sums"):
        fit(regressor(), toy)


def test_a_host_that_swaps_candidates(monkeypatch, classifier, toy):
    """The one that it splits by has not the sums that it had claimed for it."""
    lying_sums(monkeypatch, lambda sums: sums[:, ::-1])
    with pytest.raises(ProtocolError, match="host-0 sends left have other sums"):
        fit(classifier(), toy)


def test_a_host_that_sends_another_row_left(monkeypatch, classifier, toy):
    original = HostRound._first_good

    def first_good(self, node, places, ranks):
        found = original(self, node, places, ranks)
        assert found is not None
        left = found[2].copy()
        left[0] = ~left[0]
        return (*found[:2], left)

    monkeypatch.setattr(HostRound, "_first_good", first_good)
    with pytest.raises(ProtocolError, match="host-0 sends left have other sums"):
        fit(classifier(), toy)


def test_a_host_with_a_hessian_below_0(monkeypatch, classifier, toy):
    lying_sums(monkeypatch, lambda sums: added(sums, [0, -(1 << 29)]))
    with pytest.raises(ProtocolError, match="hessians from host-0"):
        fit(classifier(), toy)


def test_a_host_whose_slots_overflow(monkeypatch, classifier, toy):
    def overflow(sums):
        encoder = IntegerEncoder(bound=(1 << 500))
        return sums._replace(
            (
                sums._replace(sums._rows, sums.shape, slots=None, bound=1) + encoder.encode(1 << 60)
            )._rows,
            sums.shape,
        )

    lying_sums(monkeypatch, overflow)
    with pytest.raises((ProtocolError, BoundError), match="host-0"):
        fit(classifier(), toy)


def test_a_lie_about_a_losing_candidate_is_not_noticed(monkeypatch, classifier, toy):
    """A host may hide its candidates; what it cannot do is to have a split that it does not make."""
    honest = fit(classifier(), toy)

    def hide(sums):
        zero = sums._replace(sums._rows, sums.shape, bound=0) * 0
        return zero._replace(zero._rows, zero.shape, bound=sums.bound)

    lying_sums(monkeypatch, hide)
    lied = fit(classifier(), toy)
    assert honest.guest._half.forest.sizes[0] > 0
    assert lied.guest._half.forest.sizes == [0]


def test_a_host_that_answers_no_more(monkeypatch, classifier, toy):
    released = threading.Event()

    def never(self, *arguments):
        released.wait()
        raise ProtocolError("too late")

    monkeypatch.setattr(HostRound, "_choose", never)
    original = Session.stop

    def stop(self, error):
        original(self, error)
        released.set()

    monkeypatch.setattr(Session, "stop", stop)
    with pytest.raises(ChannelTimeoutError, match="'fit-1/splits' .* from host-0"):
        run_parties(classifier(), toy.parts[0], toy.y, toy.parts[1:2], timeout=2.0)


def edit_nodes(monkeypatch, **changes):
    """Have the guest send other messages about nodes; what it sends is what a function makes of the old value."""
    original = Conversation._send

    def send(self, line, **values):
        if values["more"]:
            values |= {name: change(values) for name, change in changes.items()}
        original(self, line, **values)

    monkeypatch.setattr(Conversation, "_send", send)


def test_a_guest_that_asks_for_a_node_twice(monkeypatch, classifier, toy):
    edit_nodes(monkeypatch, offered=lambda values: [0 for _ in values["offered"]][:1],
               places=lambda v: v["places"][: v["lengths"][0]] if len(v["lengths"]) else v["places"],
               ranks=lambda v: v["ranks"][: len(v["places"])],
               lengths=lambda v: v["lengths"][:1])  # fmt: skip
    with pytest.raises(ProtocolError, match="node 0, which does not exist or was parted before"):
        fit(classifier(), toy)


@pytest.mark.parametrize("place", [-1, 1_000_000])
def test_a_guest_that_offers_no_candidate(monkeypatch, classifier, toy, place):
    edit_nodes(monkeypatch, places=lambda values: np.full(len(values["places"]), place))
    with pytest.raises(ProtocolError, match="offered a candidate that is none of"):
        fit(classifier(), toy)


def test_a_guest_whose_shortlist_is_none(monkeypatch, classifier, toy):
    edit_nodes(monkeypatch, lengths=lambda values: [5_000 for _ in values["lengths"]])
    with pytest.raises(ProtocolError, match="the shortlist of the guest is none"):
        fit(classifier(), toy)


def told_by_the_guest(monkeypatch, change):
    original = Conversation._within

    def within(self, node, child):
        return change(original(self, node, child))

    monkeypatch.setattr(Conversation, "_within", within)


def test_a_guest_that_splits_below_the_minimum(monkeypatch, classifier, toy):
    """Two nodes that differ by a row: their difference would be that row's bins."""

    def one(bits):
        alone = np.zeros_like(bits)
        alone[0] = True
        return alone

    told_by_the_guest(monkeypatch, one)
    with pytest.raises(ProtocolError, match="fewer than 3 rows on a side"):
        fit(classifier(max_depth=4), toy)


def test_a_guest_that_names_the_larger_side(monkeypatch, classifier, toy):
    told_by_the_guest(monkeypatch, np.logical_not)
    with pytest.raises(ProtocolError, match="named the larger side|splits|sums"):
        fit(classifier(max_depth=4), toy)


def test_a_guest_that_asks_for_few_rows(monkeypatch, classifier, toy):
    monkeypatch.setattr(Sample, "as_message", lambda self: _few_rows(self))
    with pytest.raises(ProtocolError, match="sums of fewer than 6 rows"):
        fit(classifier(), toy)


def _few_rows(sample):
    from pyfate_gpu.trees.bits import pack_bits

    roots = [root & (np.arange(len(root)) < 5) for root in sample.roots]
    return {"roots": pack_bits(roots), "trees": sample.trees}


def test_a_guest_that_sends_a_ciphertext_twice(monkeypatch, classifier, toy):
    _send_other_gradients(
        monkeypatch, lambda rows: rows.take([0, *range(len(rows) - 1)]), "reblind"
    )
    with pytest.raises(ProtocolError, match="hold a ciphertext twice"):
        fit(classifier(), toy)


def test_a_guest_that_sends_a_ciphertext_of_an_earlier_round(monkeypatch, classifier, toy):
    kept = []

    def repeat(rows):
        kept.append(rows)
        return kept[0].take(np.arange(len(rows)))

    _send_other_gradients(monkeypatch, repeat, "reblind")
    lazy = {"gradient_bits": 3, "lazy_gradients": "show_changed_rows"}
    with pytest.raises(ProtocolError, match="hold a ciphertext twice"):
        fit(classifier(**lazy, n_estimators=5, base_score=0.3), toy)
    assert len(kept) > 1


def test_a_guest_that_sends_gradients_of_another_bound(monkeypatch, classifier, toy):
    _send_other_gradients(
        monkeypatch, lambda rows: rows._replace(rows._rows, rows.shape, bound=rows.bound * 4)
    )
    with pytest.raises(ProtocolError, match="are bounded by"):
        fit(classifier(), toy)


def _send_other_gradients(monkeypatch, change, how=""):
    from pyfate_gpu.federation.frame import Sealed

    original = Growth._send_gradients

    def send_gradients(self):
        session = self.trainer.session
        before = session.send

        def send(to, name, **payload):
            if name == "gradients":
                rows = change(payload["rows"])
                data = rows.to_wire(reblind=False) if how else rows.to_wire()
                payload["rows"] = Sealed(data)
            before(to, name, **payload)

        session.send = send
        original(self)
        session.send = before

    monkeypatch.setattr(Growth, "_send_gradients", send_gradients)
