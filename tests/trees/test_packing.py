# SPDX-License-Identifier: Apache-2.0
"""Rows that share ciphertexts: when they do, and what the guest sees of them."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import HeteroBoostedTreesClassifier
from pyfate_gpu.errors import PartyFailedError, ProtocolError
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.trees import guest as guest_side
from pyfate_gpu.trees.packing import GradientSlots
from pyfate_gpu.trees.workload import choose_slots
from tests.trees.conftest import run_parties

ROWS = {"packing": "rows", "key_bits": 768}


def sums_of_host(found, transcript):
    key = found.guest._keys[0]
    names = [(m.name.partition("/")[2], m.sender.name) for m in transcript]
    return [
        key.from_wire(message.payload["sums"].to_wire())
        for message, name in zip(transcript, names, strict=True)
        if name == ("sums", "host-0")
    ]


def test_many_rows_of_few_columns_share_ciphertexts():
    settings = HeteroBoostedTreesClassifier(key_bits=2048, max_depth=3).settings()
    for rows, packed in ((569, False), (1_000_000, True)):
        slots = choose_slots(settings, rows, 1, 310, 2048)
        assert slots.packed == packed
        assert slots.rows_of_each == (7 if packed else 1)
    for packing in ("rows", "none"):
        forced = HeteroBoostedTreesClassifier(key_bits=2048, packing=packing).settings()
        assert choose_slots(forced, 569, 1, 310, 2048).packed == (packing == "rows")


def test_estimates_know_the_packing():
    shape = JobShape(rows=1_000_000, columns={"guest": 5, "host-0": 10})
    work = HeteroBoostedTreesClassifier(key_bits=2048, max_depth=3).workload(shape).steps
    assert work["guest"]["encrypt"] == -(-1_000_000 // 7)
    # Root and, on each further level, as many smaller children as there are pairs.
    assert work["guest"]["decrypt"] == work["host-0"]["blind"] == 310 * 4


def test_the_guest_can_read_one_slot_of_a_sum(classifier, toy, transcript):
    found = run_parties(classifier(n_estimators=1, **ROWS), toy.parts[0], toy.y, toy.parts[1:2])
    slots = GradientSlots(24, 80, 1, 768, packed=True)
    private = found.guest._keys[1]
    for answer in sums_of_host(found, transcript):
        assert answer.slots == slots.answered(1)
        numbers = private.decrypt(answer)
        others = np.delete(numbers, answer.slots.middle, axis=1)
        # Uniform on 64 bits more than a sum takes: this small by chance once in 2^40.
        assert all(abs(number) > 1 << slots.row.bits + 20 for number in others.flat)
        assert (np.abs(slots.read(numbers)) <= 80 << 24).all()


@pytest.mark.parametrize(
    ("packing", "key_bits"), [("none", 512), ("rows", 1024)], ids=["squeezed", "rows as slots"]
)
@pytest.mark.parametrize("share", [1.0, 0.9])
def test_a_tree_of_one_class_is_shown_sums_of_that_class_alone(
    classifier, toy, transcript, packing, key_bits, share
):
    """Below roots, and at roots that a tree has for itself; sums of roots that all share are for all classes."""
    model = classifier(
        n_estimators=1, multi_strategy="one_output_per_tree", packing=packing, key_bits=key_bits,
        colsample_bytree=share,
    )  # fmt: skip
    found = run_parties(model, toy.parts[0], toy.classes, toy.parts[1:2])
    slots = GradientSlots(24, 80, 3, key_bits, packed=packing == "rows", apart=True)
    private, honest = found.guest._keys[1], slots.outputs_apart.bound
    numbers = [
        [
            sum(abs(int(each)) <= honest for each in row)
            for row in slots.read(private.decrypt(answer))
        ]
        for answer in sums_of_host(found, transcript)
    ]
    first, *others = numbers
    if share == 1.0:
        assert set(first) == {3}
    else:
        others = numbers
    assert len(others) >= 2
    # Masks are uniform on 64 bits more than a sum takes, so small by chance once in 2^64. Spare places hold zeros.
    assert {count for part in others for count in part} <= {1, 3}
    for part in others:
        spare = len(part) - part.count(1)
        assert spare < slots.sums if packing == "none" else spare == 0


@pytest.mark.parametrize("packing", ["rows", "none"])
def test_a_guest_that_packs_otherwise_than_agreed(monkeypatch, classifier, toy, packing):
    original = guest_side.announce_plan

    def announce(session, outputs, *, packed):
        original(session, outputs, packed=not packed)

    monkeypatch.setattr(guest_side, "announce_plan", announce)
    with pytest.raises((ProtocolError, PartyFailedError), match="agreed on packing"):
        run_parties(classifier(packing=packing, key_bits=768), toy.parts[0], toy.y, toy.parts[1:2])
