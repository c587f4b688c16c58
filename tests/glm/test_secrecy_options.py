# SPDX-License-Identifier: Apache-2.0
"""Whatever is trained in whatever way: fresh randomness in all that travels, nothing decrypted beyond the plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pyfate_gpu import (
    HeteroLogisticRegression,
    HeteroPoissonRegression,
    PrivateKey,
    simulate,
)
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.descent import descend
from pyfate_gpu.glm.weights import PartyWeights
from tests.glm.conftest import near_zero

SMALL = {"key_bits": 512, "allow_insecure_key_size": True, "max_iter": 2}


@dataclass
class Case:
    """A job of two iterations, and how many values the arbiter decrypts in it."""

    model: Any
    decryptions: int
    outputs: int = 1
    data: dict[str, Any] = field(default_factory=dict)
    validated: bool = False
    slotted: int = 0  # of those decrypted, with masks of slots, which are shorter than n


WEIGHTS = np.arange(60) % 4  # some rows count for nothing
CASES = {
    "weights": Case(HeteroLogisticRegression(**SMALL), 4 + 8, data={"sample_weight": WEIGHTS}),
    "dummies": Case(HeteroLogisticRegression(batch_size=20, masked_rate=0.5, **SMALL), 2 * 3 * 9),
    "random": Case(
        HeteroLogisticRegression(batch_size=30, batch_strategy="random", **SMALL), 2 * 2 * 9
    ),
    "classes": Case(HeteroLogisticRegression(**SMALL), 2 * 4 + 2 * 8, outputs=3),
    # Gradients, a slot for each class and the hosts' parts of the loss.
    "steps on classes": Case(
        HeteroLogisticRegression(optimizer="adam", **SMALL),
        2 * (2 * 8 + 3 + 1),
        outputs=3,
        slotted=2 * 3,
    ),
    "validation": Case(HeteroLogisticRegression(**SMALL), 4 + 8 + 2 * 2, validated=True),
    "poisson": Case(
        HeteroPoissonRegression(batch_size=20, masked_rate=0.5, **SMALL),
        2 * 3 * 9,
        data={"sample_weight": WEIGHTS, "exposure": WEIGHTS + 1.0},
    ),
}


@pytest.fixture
def decrypted(monkeypatch):
    """Every residue that the arbiter gets to see."""
    seen: list[int] = []
    original = PrivateKey.decrypt_residues

    def decrypt(self, c):
        residues = original(self, c)
        seen.extend(residues.ravel().tolist())
        return residues

    monkeypatch.setattr(PrivateKey, "decrypt_residues", decrypt)
    return seen


@pytest.fixture
def run(federate, toy, transcript, decrypted):
    """Run a case; return its outcome."""

    def fit(case):
        labels = np.digitize(toy.y, [-1.0, 1.0]) if case.outputs > 1 else toy.labels
        validation = [(toy.guest[:10], labels[:10]), toy.hosts[0][:10]] if case.validated else None
        return federate(
            case.model, toy.guest, labels, toy.hosts[:1], validation=validation, **case.data
        )

    return fit


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_is_decrypted_beyond_the_plan(case, run, decrypted):
    n = run(case).arbiter._keys[0].n
    assert len(decrypted) == case.decryptions
    assert len(set(decrypted)) == len(decrypted)
    assert sum(near_zero(residue, n) for residue in decrypted) == case.slotted


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_all_that_travels_has_randomness_of_its_own(case, run, transcript):
    """c mod n = r^n mod n: the power 0 of a row that does not count would be 1."""
    public_key = run(case).arbiter._keys[0]
    payloads = {
        value.data for m in transcript for value in m.payload.values() if isinstance(value, Sealed)
    }
    traces = Counter(
        int(c) % public_key.n
        for data in payloads
        for c in public_key.from_wire(data).to_ints(reblind=False).ravel()
    )
    # Rows to the guest and back, of a search in the second iteration alone; two classes share a ciphertext.
    ways = 3 if case.model.settings().optimizer == "newton" else 4
    assert len(traces) > ways * 60 * min(case.outputs, 2)
    assert max(traces.values()) == 1
    assert 1 not in traces


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nothing_plain_travels_but_public_facts(case, run, transcript):
    run(case)
    plain = {
        (message.name.partition("/")[2], key)
        for message in transcript
        for key, value in message.payload.items()
        if not isinstance(value, Sealed)
    }
    assert {name for name, _ in plain} == {
        "terms",
        "public_key",
        "shape",
        "plan",
        "batches",
        "residues_gradient",
        "proceed",
    } | ({"residues_validation"} if case.validated else set()) | (
        {"curvature", "turn"} if case.model.settings().optimizer == "newton" else {"residues_loss"}
    )
    assert {key for name, key in plain if name == "batches"} == {"rows", "sizes", "used"}


def test_an_arbiter_that_takes_the_steps_sees_gradients(federate, toy, transcript, decrypted):
    """The weaker mode: gradients are decrypted as they are, the loss stays masked."""
    model = HeteroLogisticRegression(mode="arbiter_optimizer", **SMALL)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts[:1])
    key = outcome.arbiter._keys
    n = key[0].n
    assert len(decrypted) == 2  # losses
    assert not any(near_zero(residue, n) for residue in decrypted)
    sent = [m for m in transcript if m.name.endswith("/gradient")]
    traces = [
        int(c) % n
        for m in sent
        for c in key[0].from_wire(m.payload["gradient"].data).to_ints(reblind=False)
    ]
    assert len(set(traces)) == len(traces) == 2 * (4 + 4)
    assert 1 not in traces


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"step": np.zeros((3, 1))}, r"is no \(4, 1\) finite numbers"),
        ({"rates": np.full((4, 1), np.nan)}, r"is no \(4, 1\) finite numbers"),
        ({"sums": np.zeros(4)}, r"is no \(4, 1\) finite numbers"),
        ({"step": np.zeros((4, 1), dtype=np.int64)}, r"is no \(4, 1\) finite numbers"),
    ],
)
def test_a_step_that_is_none_is_refused(keypair, message, text):
    def party(session):
        session.keys[ARBITER] = keypair[0]
        settings = HeteroLogisticRegression(mode="arbiter_optimizer").settings()
        gradient = keypair[0].encrypt(np.ones(4))
        weights = PartyWeights((4, 1), settings)
        packing = settings.class_slots(parties=2, outputs=1)
        at = {"iteration": 1, "batch": 0}
        descend(session, settings, packing, weights, gradient, 9, at)

    def arbiter(session):
        step = dict.fromkeys(("step", "rates", "sums"), np.zeros((4, 1))) | message
        session.send(GUEST, "step", iteration=1, batch=0, **step)

    with pytest.raises(ProtocolError, match=text):
        simulate(guest=party, hosts=[lambda session: None], arbiter=arbiter)


def test_dummy_rows_are_zeros_among_the_others(run, transcript):
    outcome = run(CASES["dummies"])
    key = outcome.arbiter._keys
    sent = [m.payload for m in transcript if m.name.endswith("/batches")]
    assert len(sent) == 1  # once for all iterations
    assert sent[0]["sizes"].tolist() == [30, 30, 30]
    assert sent[0]["used"].tolist() == [20, 20, 20]
    parts = np.split(sent[0]["rows"], 3)
    assert all((np.diff(part) > 0).all() for part in parts)  # the order says nothing
    residuals = [m.payload["residual"] for m in transcript if m.name.endswith("/residual")]
    for sealed in residuals:
        values = key[1].decrypt(key[0].from_wire(sealed.data))
        assert (values == 0).sum() == 10
