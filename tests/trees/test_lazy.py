# SPDX-License-Identifier: Apache-2.0
"""Rows whose rounded gradients did not change are not sent again: which travel, and what that tells."""

from __future__ import annotations

import json

import numpy as np
import pytest

from pyfate_gpu.errors import ConfigurationError, PartyFailedError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.learning.losses import Logistic
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.trees import growth
from pyfate_gpu.trees.bits import pack_bits
from pyfate_gpu.trees.lazy import SentRows
from pyfate_gpu.trees.rounding import Rounding
from tests.trees.conftest import in_clear, run_parties

LAZY = {"gradient_bits": 3, "lazy_gradients": "show_changed_rows"}


def bits_of(message, count):
    return np.unpackbits(message.payload["rows"], count=count).astype(bool)


def expected_changes(model, toy, rounds):
    """Which rows change from round to round, by floors of the gradients of the reference in clear."""
    loss, y = Logistic(), toy.y[:, np.newaxis].astype(float)
    clear = in_clear(
        model.__class__(**model.get_params() | {"n_estimators": rounds}), toy.parts, toy.y
    )
    assert len(clear.losses) == rounds
    before, found = None, []
    rounding = Rounding(2, 7, by_chance=True, lasting=True)
    for number in range(1, rounds + 1):
        scores = np.zeros((80, 1))
        if number > 1:
            shorter = model.__class__(**model.get_params() | {"n_estimators": number - 1})
            scores = in_clear(shorter, toy.parts, toy.y).scores[:80]
        integers = rounding(number, *loss.derivatives(y, scores)).integers
        found.append(np.ones(80, bool) if before is None else (integers != before).any(axis=1))
        before = integers
    return found


def test_rows_that_changed_travel_and_no_others(classifier, toy, transcript):
    model = classifier(**LAZY, n_estimators=5)
    found = run_parties(model, toy.parts[0], toy.y, toy.parts[1:])
    wanted = expected_changes(model, toy, 5)
    changed = [m for m in transcript if m.name.endswith("/changed") and m.to.name == "host-0"]
    assert [bits_of(m, 80).tolist() for m in changed] == [each.tolist() for each in wanted]
    counts = [int(each.sum()) for each in wanted]
    assert counts[0] == 80
    assert 0 < sum(counts[1:]) < 0.7 * 4 * 80
    assert found.guest.changed_rows_ == found.guest.result()["changed_rows"] == counts
    assert found.guest.report_.usage.operations[Step.ENCRYPT.value] == sum(counts)
    received = [found.guest._keys[0].from_wire(m.payload["rows"].to_wire()).size
                for m in transcript if m.name.endswith("/gradients") and m.to.name == "host-0"]  # fmt: skip
    assert received == [count for count in counts if count]


def test_reports_tell_what_hosts_saw(classifier, toy):
    found = run_parties(classifier(**LAZY, n_estimators=3), toy.parts[0], toy.y, toy.parts[1:])
    table = found.guest.tables()["what this fit has shown"]
    told = {row["what"]: row["value"] for row in table}
    assert told["rounds in which hosts saw which rows' gradients changed"] == 3
    assert told["rows that changed in the last of them"] == found.guest.changed_rows_[-1]
    diligent = run_parties(classifier(gradient_bits=3), toy.parts[0], toy.y, toy.parts[1:])
    assert not any(
        "changed" in row["what"] for row in diligent.guest.tables()["what this fit has shown"]
    )


def test_which_rows_change_tells_nothing_of_labels_given_scores(rng):
    """A label moves a gradient by whole units."""
    path = np.cumsum(rng.normal(scale=0.3, size=(30, 500, 1)), axis=0)
    path[0] = 0.3
    changes = []
    for y in (np.zeros((500, 1)), np.ones((500, 1))):
        rounding = Rounding(3, 9, by_chance=True, lasting=True)
        rounding.exponents = {"g": 0, "h": -2}
        found = [rounding(1, *Logistic().derivatives(y, scores)).integers for scores in path]
        changes.append(np.diff(found, axis=0).any(axis=2))
    assert 0.05 < changes[0].mean() < 0.9
    assert (changes[0] == changes[1]).all()


def test_units_grow_and_never_shrink():
    rounding = Rounding(3, 1, by_chance=True, lasting=True)
    ones = np.ones((4, 1))
    units = [rounding(1, size * ones, ones).units[0] * 8 for size in (0.0, 0.4, 0.1, 0.0, 3.0, 1.0)]
    assert units[1:] == [0.5, 0.5, 0.5, 4.0, 4.0]


def test_a_row_counts_as_sent_with_its_last_integers():
    sent = SentRows()
    integers = np.arange(6).reshape(3, 2)
    assert sent.changed(np.array([0, 1]), integers).tolist() == [True, True]
    assert sent.changed(np.array([1, 2]), integers).tolist() == [False, True]
    integers[0, 1] += 1
    assert sent.changed(np.array([0, 1, 2]), integers).tolist() == [True, False, False]
    assert sent.changed(np.array([0, 1, 2]), integers).tolist() == [False] * 3


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"gradient_bits": 24}, "gradient_bits is 24"),
        ({"packing": "rows"}, "packing='rows' has rows change together"),
        ({"sampling_method": "goss"}, "sampling_method='goss' changes the scale"),
        ({"lazy_gradients": True}, "lazy_gradients is True"),
    ],
    ids=["fine", "packed", "goss", "bool"],
)
def test_what_does_not_go_together(classifier, params, words):
    with pytest.raises(ConfigurationError, match=words):
        classifier(**LAZY | params).check()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda mask: np.zeros_like(mask), "did not send 80 rows that it had never sent"),
        (lambda mask: mask[:-9], "gradients changed came as uint8 of shape"),
    ],
    ids=["never sent", "too few"],
)
def test_a_guest_that_leaves_rows_out(monkeypatch, classifier, toy, change, words):
    monkeypatch.setattr(
        growth, "pack_bits", lambda sets: pack_bits([change(mask) for mask in sets])
    )
    with pytest.raises((ProtocolError, PartyFailedError), match=words):
        run_parties(classifier(**LAZY), toy.parts[0], toy.y, toy.parts[1:2], timeout=20.0)


def test_estimates_know_that_few_rows_change(classifier):
    shape = JobShape(30_000, {"guest": 13, "host-0": 10})
    model = classifier(key_bits=2048, n_estimators=50, gradient_bits=4)
    lazy = model.__class__(**model.get_params() | LAZY | {"gradient_bits": 4})
    found = lazy.workload(shape)
    assert 9 * found.steps["guest"]["encrypt"] < 30_000
    assert found.steps["guest"]["encrypt"] > 30_000 / 50
    assert found.steps["host-0"]["check"] == found.steps["guest"]["encrypt"]


class Memory:
    """What a party keeps of its rounds, and takes up at round 3."""

    def __init__(self, iteration=0, state=None):
        self.iteration, self.state, self.kept = iteration, state, {}

    def is_due(self, number):
        return True

    def save(self, number, state):
        self.kept[number] = {
            name: value.copy() if isinstance(value, np.ndarray) else json.loads(json.dumps(value))
            for name, value in state.items()
        }

    def load(self):
        return self.state


def test_all_rows_are_sent_again_to_parties_that_go_on_later(monkeypatch, classifier, toy):
    model, memories = classifier(**LAZY, n_estimators=5), {}
    original = Session.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        self.recovery = memories.setdefault(self.party.name, Memory())

    monkeypatch.setattr(Session, "__init__", init)
    whole = run_parties(model, toy.parts[0], toy.y, toy.parts[1:])
    memories = {name: Memory(3, memory.kept[3]) for name, memory in memories.items()}
    resumed = run_parties(model, toy.parts[0], toy.y, toy.parts[1:])
    assert resumed.trees() == whole.trees() == in_clear(model, toy.parts, toy.y).trees
    assert resumed.guest.changed_rows_ == [
        *whole.guest.changed_rows_[:3],
        80,
        whole.guest.changed_rows_[4],
    ]
