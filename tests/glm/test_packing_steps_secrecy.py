# SPDX-License-Identifier: Apache-2.0
"""First-order steps on shared ciphertexts: one slot for its owner, masks in the others, whatever the mode."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import FixedPointEncoder, PrivateKey, SlotLayout, simulate
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.host import HostTrainer
from pyfate_gpu.glm.packing import ClassSlots
from pyfate_gpu.glm.plan import Plan, announce_plan, receive_plan
from pyfate_gpu.glm.row_slots import RowSlots
from pyfate_gpu.protocol.masking import residues_to_words
from pyfate_gpu.protocol.slot_masking import (
    read_middle,
    reveal_total,
    serve_total,
    show_middle,
)

MODES = ("masked", "arbiter_optimizer")
ROWS = RowSlots.of(key_bits=512, parties=2, row_bits=6).slots.product
CLASSES = ClassSlots.of("auto", key_bits=512, parties=2, outputs=2).slots
PRODUCT = SlotLayout(width=160, count=3)
AT = {"iteration": 1, "batch": 0}


@pytest.fixture
def opened(monkeypatch):
    """All residues that the arbiter decrypts, with the slots they came in; and what it decrypts as values."""
    seen, values = [], []
    residues_of, decrypt_of = PrivateKey.decrypt_residues, PrivateKey.decrypt

    def decrypt_residues(self, c):
        residues = residues_of(self, c)
        seen.append((c.slots, residues.tolist()))
        return residues

    def decrypt(self, c):
        values.append(c.slots)
        return decrypt_of(self, c)

    monkeypatch.setattr(PrivateKey, "decrypt_residues", decrypt_residues)
    monkeypatch.setattr(PrivateKey, "decrypt", decrypt)
    return seen, values


def slots_of(residue, layout):
    assert residue >> layout.bits == 0
    return [
        residue >> layout.width * place & (1 << layout.width) - 1 for place in range(layout.count)
    ]


def chi_square(values, bits, bins=8):
    counts, _ = np.histogram([value / 2**bits for value in values], bins=bins, range=(0, 1))
    expected = len(values) / bins
    return float(((counts - expected) ** 2 / expected).sum())


@pytest.fixture
def stepped(federate, logistic, rng, opened):
    """Five epochs of two batches over rows in slots, in a given mode."""

    def run(mode):
        guest, host = rng.normal(size=(60, 8)), rng.normal(size=(60, 10))
        labels = (guest.sum(axis=1) + rng.normal(size=60) > 0).astype(int)
        model = logistic(
            packing="rows", mode=mode, optimizer="adam", batch_size=30, max_iter=5, tol=0.0
        )
        return federate(model, guest, labels, [host])

    return run


@pytest.mark.parametrize("mode", MODES)
def test_the_arbiter_sees_masks_in_all_slots_but_what_its_mode_shows(stepped, opened, mode):
    """The top bits of each slot by itself; unmasked numbers of a slot are 64 bits shorter."""
    stepped(mode)
    residues, values = opened
    assert not values  # nothing is decrypted but residues
    gradients = [
        slots_of(residue, ROWS)
        for slots, found in residues
        if slots == ROWS and len(found) > 1
        for residue in found
    ]
    losses = [
        slots_of(found[0], ROWS) for slots, found in residues if slots == ROWS and len(found) == 1
    ]
    assert len(gradients) == 5 * 2 * (9 + 10)
    assert len(losses) == 5 * 2
    masked = range(3) if mode == "masked" else (0, 2)
    for place in masked:
        slot = [row[place] for row in gradients]
        assert len(set(slot)) == len(slot)
        assert chi_square(slot, ROWS.width - 1) < 70  # 7 degrees of freedom: once in 10^11 runs
    for place in range(3):  # of the loss in either mode: not all are so small by chance
        assert max(row[place] for row in losses) >> (ROWS.width - 41)
    if mode == "arbiter_optimizer":
        shown = [row[1] - (1 << ROWS.width - 2) for row in gradients]
        assert max(map(abs, shown)) < 1 << (ROWS.width - 65)


@pytest.mark.parametrize("mode", MODES)
def test_no_coefficient_but_the_middle_one_reaches_anybody(stepped, opened, transcript, mode):
    """All that the arbiter sends is made of middle slots, of sums with a residue, and of steps."""
    stepped(mode)
    names = {m.name.partition("/")[2]: set(m.payload) for m in transcript if m.sender == ARBITER}
    returned = (
        {"middle_gradient": {"middle"}} if mode == "masked" else {"step": {"step", "rates", "sums"}}
    )
    assert names == {"public_key": {"key"}, "residues_loss": {"residues"}} | returned
    sent = [m.payload for m in transcript if m.sender == ARBITER and m.iteration]
    counts = {
        key: sorted({value.size for payload in sent for k, value in payload.items() if k == key})
        for key in {key for payload in sent for key in payload}
    }
    words = 8  # of a residue mod n; a slot takes 3
    wanted = {"residues": [words]}
    wanted |= (
        {"middle": [9 * 3, 10 * 3]}
        if mode == "masked"
        else {key: [9, 10] for key in ("step", "rates", "sums")}
    )
    assert counts == wanted
    if mode == "masked":
        residues, _ = opened
        everything = [
            slots_of(residue, ROWS)
            for slots, found in residues
            if slots == ROWS and len(found) > 1
            for residue in found
        ]
        told = {
            int.from_bytes(row.tobytes(), "little")
            for payload in sent
            for row in payload.get("middle", ())
        }
        assert told == {slots[1] for slots in everything}
        assert not told & {slots[place] for slots in everything for place in (0, 2)}


@pytest.mark.parametrize("mode", MODES)
def test_the_guest_learns_one_number_of_the_loss(stepped, opened, transcript, mode):
    """What labels times residuals are, and the hosts' parts, come back as one sum under one mask."""
    outcome = stepped(mode)
    n = outcome.arbiter._keys[0].n
    found = [m.payload["residues"] for m in transcript if m.name.endswith("/residues_loss")]
    assert [words.shape for words in found] == [(1, 8)] * 10
    sums = [int.from_bytes(words.tobytes(), "little") for words in found]
    assert all(abs(total - (total > n // 2) * n) > n >> 60 for total in sums)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("several", [False, True])
def test_packing_follows_no_label_and_no_value(toy, federate, logistic, transcript, mode, several):
    def shapes(labels, factor):
        transcript.clear()
        packing = "classes" if several else "rows"
        model = logistic(packing=packing, mode=mode, optimizer="sgd", batch_size=25, tol=0.0)
        federate(model, toy.guest * factor, labels, [toy.hosts[0] ** factor])
        return sorted(
            (m.name, m.iteration, m.batch, m.sender.name, m.to.name, key, len(value.data))
            for m in transcript
            for key, value in m.payload.items()
            if isinstance(value, Sealed)
        )

    labels = np.arange(60) % 3 if several else toy.labels
    one = shapes(labels, 1)
    assert one == shapes(np.sort(labels), 3) == shapes(labels[::-1], 1)


@pytest.mark.parametrize("several", [False, True])
def test_no_two_ciphertexts_share_their_randomness(toy, federate, logistic, transcript, several):
    labels = np.arange(60) % 3 if several else toy.labels
    for mode in MODES:
        transcript.clear()
        model = logistic(packing="classes" if several else "rows", mode=mode, optimizer="sgd")
        public_key, _ = federate(model, toy.guest, labels, toy.hosts).arbiter._keys
        payloads = {
            value.data
            for m in transcript
            for value in m.payload.values()
            if isinstance(value, Sealed)
        }
        traces = [
            int(c) % public_key.n
            for data in payloads
            for c in public_key.from_wire(data).to_ints(reblind=False).ravel()
        ]
        assert len(traces) > 3 * 3 * 30
        assert len(set(traces)) == len(traces)
        assert 1 not in traces


def _with_key(keypair, guest, arbiter):
    public_key, private_key = keypair

    def run_guest(session):
        session.keys[ARBITER] = public_key
        return guest(session, public_key)

    def run_arbiter(session):
        session.keys[ARBITER] = public_key
        return arbiter(session, private_key)

    return simulate(guest=run_guest, hosts=[lambda session: None], arbiter=run_arbiter)


ENCODER = FixedPointEncoder(30, bound=2.0**20)


def test_a_total_takes_one_slot_of_each_and_the_addend(keypair, opened):
    values = np.array([[1.5, -2.0, 4.0], [2.0**20, -(2.0**20), 2.0**20]])

    def guest(session, key):
        slotted = key.encrypt(values, ENCODER, slots=PRODUCT)
        return reveal_total(session, slotted, [1, 2], key.encrypt([-0.25]), "loss", **AT)

    with pytest.raises(ProtocolError, match="exponent -40, agreed is -30 or more"):
        _with_key(keypair, guest, lambda session, key: None)

    def guest_in_time(session, key):
        slotted = key.encrypt(values, ENCODER, slots=PRODUCT)
        addend = key.encrypt([-0.25], FixedPointEncoder(20, bound=1.0))
        return reveal_total(session, slotted, [1, 2], addend, "loss", **AT)

    found = _with_key(
        keypair,
        guest_in_time,
        lambda session, key: serve_total(session, key, GUEST, "loss", [1, 2], PRODUCT, **AT),
    )
    assert found["guest"] == -2.0 + 2.0**20 - 0.25


def test_masks_of_a_total_hide_every_slot(keypair):
    seen = []

    def guest(session, key):
        slotted = key.encrypt(np.zeros((300, 3)), ENCODER, slots=PRODUCT)
        addend = key.encrypt([0.0], ENCODER)
        return reveal_total(session, slotted, [1] * 300, addend, "loss", **AT)

    def arbiter(session, key):
        masked = session.receive_encrypted(
            GUEST, "slots_loss", "masked", (300,), ARBITER, PRODUCT, **AT
        )
        seen.extend(slots_of(residue, PRODUCT) for residue in key.decrypt_residues(masked))
        addend = session.receive_encrypted(GUEST, "masked_loss", "masked", (1,), **AT)
        total = sum(row[1] for row in seen) + key.decrypt_residues(addend)
        n = key.public_key.n
        session.send(GUEST, "residues_loss", residues=residues_to_words(total % n, n), **AT)

    assert _with_key(keypair, guest, arbiter)["guest"] == 0.0
    for place in range(3):
        assert chi_square([row[place] for row in seen], PRODUCT.width - 1) < 70


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ([1], "beyond the bound"),
        ([1, 2], "returned 2 residues for 1 of loss"),
        ([0, 0, 0], "returned 3 residues for 1 of loss"),
    ],
)
def test_an_arbiter_that_returns_another_total_is_noticed(keypair, answer, text):
    def guest(session, key):
        slotted = key.encrypt(np.zeros((1, 3)), ENCODER, slots=PRODUCT)
        reveal_total(session, slotted, [1], key.encrypt([0.0], ENCODER), "loss", **AT)

    def arbiter(session, key):
        for name, shape, slots in (("slots_loss", (1,), PRODUCT), ("masked_loss", (1,), None)):
            session.receive_encrypted(GUEST, name, "masked", shape, ARBITER, slots, **AT)
        words = residues_to_words(answer, key.public_key.n)
        session.send(GUEST, "residues_loss", residues=words, **AT)

    with pytest.raises(ProtocolError, match=text):
        _with_key(keypair, guest, arbiter)


def test_the_arbiter_is_shown_the_middle_slot_alone(keypair, opened):
    values = np.array([[1.0, -7.5, 3.0], [-1.0, 2.0**20, -(2.0**20)]])
    addends = [3 << 30, -(5 << 30)]

    def guest(session, key):
        slotted = key.encrypt(values, ENCODER, slots=PRODUCT)
        session.send(ARBITER, "gradient", gradient=show_middle(session, slotted, addends))

    def arbiter(session, key):
        return read_middle(session, key, GUEST, "gradient", 2, PRODUCT)

    found = _with_key(keypair, guest, arbiter)["arbiter"]
    assert (found / 2**30).tolist() == [-7.5 + 3, 2.0**20 - 5]
    residues, _ = opened
    for residue in residues[0][1]:
        first, _, last = slots_of(residue, PRODUCT)
        assert min(first, last) >> (PRODUCT.width - 61)  # once in 2^60 runs


def test_an_addend_that_has_no_room_is_refused(keypair):
    public_key, _ = keypair
    slotted = public_key.encrypt(np.zeros((1, 3)), ENCODER, slots=PRODUCT)
    with pytest.raises(DataError, match="has no room there: lower the penalty"):
        show_middle(None, slotted, [1 << PRODUCT.width - 2])


def test_a_hostile_peer_that_answers_in_another_layout_is_refused(toy, logistic, monkeypatch):
    """A host that lays fewer bits into a slot than the terms and the plan make."""

    def repack(self, batch, at):
        slots = self.packing.slots
        narrower = SlotLayout(slots.width - 1, slots.count)
        share = self.packing.spread(self._share(batch, at["iteration"]))
        forward = self.session.public_key.encrypt(share, slots=narrower)
        self.session.send(GUEST, "forward", forward=forward, **at)

    monkeypatch.setattr(HostTrainer, "_send_shares", repack)

    def party(*data):
        model = logistic(packing="rows", optimizer="sgd")
        return lambda session: model.fit(*data, session=session)

    with pytest.raises(ProtocolError, match="has slots .* it takes"):
        simulate(guest=party(toy.guest, toy.labels), hosts=[party(toy.hosts[0])], arbiter=party())


def test_a_plan_for_other_rows_is_refused(toy, logistic, monkeypatch):
    """Slots for fewer rows would be narrower than sums over all of them."""
    monkeypatch.setattr("pyfate_gpu.glm.guest.row_bits_of", lambda rows: 5)

    def party(*data):
        model = logistic(packing="rows", optimizer="sgd")
        return lambda session: model.fit(*data, session=session)

    with pytest.raises(ProtocolError, match="it counts up to 2\\^5 rows, there are 60"):
        simulate(guest=party(toy.guest, toy.labels), hosts=[party(toy.hosts[0])], arbiter=party())


@pytest.mark.parametrize("row_bits", [-1, 25, 10**12])
def test_a_plan_for_rows_that_cannot_be_is_refused(logistic, row_bits):
    def arbiter(session):
        receive_plan(session).packing(logistic(packing="rows").settings())

    with pytest.raises(ProtocolError, match="rows"):
        simulate(
            guest=lambda session: announce_plan(
                session, Plan({"guest": 3, "host-0": 2}, 1, 1, 0, row_bits)
            ),
            hosts=[lambda session: session.receive(GUEST, "plan", columns=str)],
            arbiter=arbiter,
        )


def test_steps_that_leave_the_room_end_in_a_typed_error(toy, federate, logistic):
    model = logistic(packing="rows", optimizer="sgd", learning_rate=1e4, tol=0.0, max_iter=5)
    with pytest.raises((DataError, ConfigurationError), match="packing='none'|learning rate"):
        federate(model, toy.guest, toy.labels, toy.hosts[:1])
