# SPDX-License-Identifier: Apache-2.0
"""Guests that ask for sets of rows of their own liking, and hosts that answer what they were not asked."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.learning.draws import draw_by_gradient, draw_rows
from pyfate_gpu.trees.bits import pack_bits, unpack_bits
from pyfate_gpu.trees.conversation import Conversation
from pyfate_gpu.trees.host_round import HostRound
from pyfate_gpu.trees.nodes import OpenNodes
from pyfate_gpu.trees.prediction import serve_paths
from pyfate_gpu.trees.sampling import Sample
from tests.trees.conftest import run_parties


def fit(model, toy):
    return run_parties(model, toy.parts[0], toy.y, toy.parts[1:2], timeout=20.0)


def announce(monkeypatch, change):
    """Have the guest announce other sets of rows than it draws."""
    original = Sample.as_message

    def as_message(self):
        if not self.roots:
            return original(self)
        roots, trees = change(self)
        return {"roots": pack_bits(roots), "trees": np.array(trees, dtype=np.int64)}

    monkeypatch.setattr(Sample, "as_message", as_message)


def without_the_last(root):
    fewer = root.copy()
    fewer[np.flatnonzero(root)[-1]] = False
    return fewer


@pytest.mark.parametrize(
    ("options", "draws"),
    [
        ({}, "79 of 80 rows, and a tree draws 80$"),
        ({"subsample": 0.5}, "39 of 80 rows, and a tree draws 40$"),
        (
            {"sampling_method": "goss", "learning_rate": 1.0},
            "79 of 80 rows, and a tree draws 24 or 80$",
        ),
    ],
    ids=["all", "by chance", "by gradient"],
)
def test_a_guest_that_leaves_a_row_out(monkeypatch, classifier, toy, options, draws):
    """Sums with and without a row tell its bins."""
    announce(monkeypatch, lambda sample: ([without_the_last(sample.roots[0])], [0]))
    with pytest.raises(ProtocolError, match=draws):
        fit(classifier(**options), toy)


@pytest.mark.parametrize(
    "options",
    [
        {"num_parallel_tree": 2},
        {"sampling_method": "goss", "num_parallel_tree": 2, "learning_rate": 1.0},
    ],
    ids=["all", "by gradient"],
)
def test_a_guest_that_asks_for_overlapping_sets(monkeypatch, classifier, toy, options):
    announce(
        monkeypatch, lambda sample: ([sample.roots[0], without_the_last(sample.roots[0])], [0, 1])
    )
    with pytest.raises(ProtocolError, match="2 sets of rows for 2 trees, which draw 1 at most"):
        fit(classifier(**options), toy)


@pytest.mark.parametrize("trees", [[0], [0, -1], [0, 0, 0]])
def test_a_guest_whose_trees_have_no_rows(monkeypatch, classifier, toy, trees):
    announce(monkeypatch, lambda sample: (sample.roots, trees))
    with pytest.raises(ProtocolError, match="trees that are not the 2 of a round"):
        fit(classifier(num_parallel_tree=2), toy)


@pytest.mark.parametrize("rows", [1, 2, 3, 79, 80, 1001])
@pytest.mark.parametrize("share", [0.01, 0.33, 0.999, 1.0])
def test_honest_draws_have_the_sizes_that_hosts_expect(classifier, rows, share):
    drawn = draw_rows(1, 1, 0, rows, share)
    assert [len(drawn)] == classifier(subsample=share).settings().sample_sizes(rows)
    top, other = share / 2, share / 2
    chosen, _ = draw_by_gradient(1, 1, np.arange(rows, dtype=float), top, other)
    goss = classifier(sampling_method="goss", top_rate=top, other_rate=other).settings()
    assert len(chosen) in goss.sample_sizes(rows)


def test_a_guest_that_offers_a_node_twice_at_once(monkeypatch, classifier, toy):
    original = Conversation._send

    def send(self, line, **values):
        if values["more"] and len(values["offered"]):
            values |= {
                name: np.concatenate([values[name], values[name]])
                for name in ("offered", "places", "ranks", "lengths")
            }
        original(self, line, **values)

    monkeypatch.setattr(Conversation, "_send", send)
    with pytest.raises(ProtocolError, match="names a node twice"):
        fit(classifier(), toy)


def answer(monkeypatch, name, **changes):
    """Have a host send something else of this name."""
    original = Session.send

    def send(self, to, sent, **payload):
        if sent == name:
            payload |= {key: change(payload[key]) for key, change in changes.items()}
        return original(self, to, sent, **payload)

    monkeypatch.setattr(Session, "send", send)


@pytest.mark.parametrize(
    "change",
    [
        lambda chosen: chosen + 1000,
        lambda chosen: chosen - 1000,
        lambda chosen: np.repeat(chosen, 2),
        lambda chosen: chosen[:0],
        lambda chosen: chosen.astype(np.int32),
    ],
    ids=["beyond", "below", "a node twice", "none", "another type"],
)
def test_a_host_that_chooses_what_it_was_not_offered(monkeypatch, classifier, toy, change):
    answer(monkeypatch, "splits", chosen=change)
    with pytest.raises(ProtocolError, match="host-0 chose candidates that it was not offered"):
        fit(classifier(), toy)


@pytest.mark.parametrize("change", [lambda s: s + 1000, lambda s: -s - 1, lambda s: s[:-1]])
def test_a_host_with_candidates_that_it_cannot_have(monkeypatch, classifier, toy, change):
    answer(monkeypatch, "candidates", sizes=change)
    with pytest.raises(ProtocolError, match="numbers of candidates that it cannot have"):
        fit(classifier(colsample_bytree=0.5), toy)


def test_a_host_that_splits_below_the_minimum(monkeypatch, regressor):
    """Two rows tell everything, and the host parts them from the others."""
    rare = np.zeros((80, 1))
    rare[:2] = 1.0
    y = 100.0 * rare[:, 0] + np.linspace(0, 1, 80)
    model, own = regressor(n_estimators=1, max_depth=1), np.zeros((80, 1))
    honest = run_parties(model, own, y, [rare])
    assert honest.guest._half.forest.sizes == [0]
    original = HostRound._first_good

    def first_good(self, *arguments):
        trainer = self.trainer
        kept = trainer.settings
        trainer.settings = replace(kept, min_samples_leaf=1)
        found = original(self, *arguments)
        trainer.settings = kept
        return found

    monkeypatch.setattr(HostRound, "_first_good", first_good)
    any_size = OpenNodes.__init__
    monkeypatch.setattr(OpenNodes, "__init__", lambda self, roots, _: any_size(self, roots, 1))
    with pytest.raises(ProtocolError, match="host-0 left fewer than 3 rows on a side of its split"):
        run_parties(model, own, y, [rare], timeout=20.0)


@pytest.mark.parametrize(
    ("start", "stop", "node", "words"),
    [
        (0, 9, 0, "rows 0 to 9 of 8"),
        (-1, 4, 0, "rows -1 to 4 of 8"),
        (4, 4, 0, "rows 4 to 4 of 8"),
        (0, 8, 1, "a split that is none of 1"),
        (0, 8, -1, "a split that is none of 1"),
    ],
)
def test_a_guest_that_predicts_what_there_is_not(start, stop, node, words):
    message = (
        True,
        start,
        stop,
        np.array([node]),
        pack_bits([np.ones(max(0, stop - start), bool)]),
    )
    session = SimpleNamespace(receive=lambda *_, **__: message)
    with pytest.raises(ProtocolError, match=words):
        serve_paths(session, None, [None], np.zeros((8, 1), dtype=np.int16))


def test_bits_behind_the_last_row():
    with pytest.raises(ProtocolError, match="bits behind the last row"):
        unpack_bits(np.array([0b10010000], dtype=np.uint8), [3], "they")
    with pytest.raises(ProtocolError, match="3 bits take 1 bytes"):
        unpack_bits(np.zeros(2, dtype=np.uint8), [3], "they")
