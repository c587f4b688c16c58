# SPDX-License-Identifier: Apache-2.0
"""Rows that share ciphertexts: one slot and no other for its owner, masks in every slot, and both ends of it."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import FixedPointEncoder, PrivateKey, SlotLayout, simulate
from pyfate_gpu.encoding.slots import hiding_width
from pyfate_gpu.errors import BoundError, ProtocolError
from pyfate_gpu.federation.frame import Sealed
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.glm.row_slots import SHARE_BOUND, RowSlots, norm_bound
from pyfate_gpu.protocol.masking import residues_to_words
from pyfate_gpu.protocol.slot_masking import reveal_middle, serve_middle

#: Of a short key and two parties; three slots of a product.
SMALL = RowSlots.of(key_bits=512, parties=2, row_bits=6)


@pytest.fixture
def opened(monkeypatch):
    """All that the arbiter decrypts, with the slots it came in, from owner to owner."""
    seen = []
    original = PrivateKey.decrypt_residues

    def decrypt(self, c):
        residues = original(self, c)
        seen.append((c.slots, residues.tolist()))
        return residues

    def refuse(self, c):
        raise AssertionError("the arbiter decrypts residues, never values")

    monkeypatch.setattr(PrivateKey, "decrypt_residues", decrypt)
    monkeypatch.setattr(PrivateKey, "decrypt", refuse)
    return seen


@pytest.fixture
def keys():
    """The arbiter's key, once there is one."""
    return []


@pytest.fixture
def searched(federate, logistic, rng, transcript, opened, keys):
    """Thirteen passes, the first on targets and the twelfth with labels, over rows in slots."""
    guest, host = rng.normal(size=(60, 8)), rng.normal(size=(60, 12))
    labels = (guest.sum(axis=1) + rng.normal(size=60) > 0).astype(int)
    model = logistic(packing="rows", tol=0.0, max_iter=13)
    keys += federate(model, guest, labels, [host]).arbiter._keys


def slots_of(residue, layout):
    assert residue >> layout.bits == 0
    return [
        residue >> layout.width * place & (1 << layout.width) - 1 for place in range(layout.count)
    ]


def test_one_slot_a_value_comes_back_and_no_other(searched, transcript, opened):
    layout = SMALL.slots.product
    middles = [m for m in transcript if m.name.endswith("/middle_gradient")]
    assert len(middles) == 1 + 2 * 12
    packed = [residues for slots, residues in opened if slots == layout]
    # The guest computes its part of the first pass by itself; 1 is of the loss.
    counts = [len(residues) for residues in packed]
    assert counts == [12] + [9, 12] * 10 + [9, 12, 1] + [9, 12]
    for message in middles:
        assert list(message.payload) == ["middle"]
        words = message.payload["middle"]
        assert words.shape == ({"guest": 9, "host-0": 12}[message.to.name], 3)
        assert words.dtype == np.uint64
        assert not (words[:, 2] >> np.uint64(layout.width - 128)).any()
    told = {int.from_bytes(row.tobytes(), "little") for m in middles for row in m.payload["middle"]}
    everything = [slots_of(residue, layout) for residues in packed for residue in residues]
    own = slots_of(packed[23][0], layout)[layout.middle]
    assert told == {slots[layout.middle] for slots in everything} - {own}
    assert not told & {slots[place] for slots in everything for place in (0, 2)}
    named = {
        m.name.partition("/")[2] for m in transcript if m.sender == ARBITER and m.iteration == 2
    }
    assert named == {"middle_gradient"}
    assert sum(m.name.endswith("/residues_loss") for m in transcript) == 1  # of the labelled pass


def test_every_slot_that_the_arbiter_sees_is_masked_uniformly(searched, opened):
    """The top bits of each slot by itself: unmasked numbers of a slot are 64 bits shorter."""
    layout = SMALL.slots.product
    rows = [
        slots_of(residue, layout)
        for slots, residues in opened
        if slots == layout
        for residue in residues
    ]
    assert len(rows) == 265
    for place in range(layout.count):
        values = [row[place] for row in rows]
        assert len(set(values)) == len(values)
        share = np.array([value / 2 ** (layout.width - 1) for value in values])
        counts, _ = np.histogram(share, bins=8, range=(0, 1))
        chi_square = float(((counts - 265 / 8) ** 2 / (265 / 8)).sum())
        assert chi_square < 70  # 7 degrees of freedom: once in 10^11 runs


def test_masks_of_the_slots_of_a_value_are_independent(searched, opened):
    layout = SMALL.slots.product
    rows = np.array(
        [
            [value / 2 ** (layout.width - 1) for value in slots_of(residue, layout)]
            for slots, residues in opened
            if slots == layout
            for residue in residues
        ]
    )
    correlation = np.corrcoef(rows.T) - np.eye(layout.count)
    assert np.abs(correlation).max() < 7 / np.sqrt(len(rows))


def test_packing_follows_no_label_and_no_value(toy, federate, logistic, transcript):
    """Messages have the same names, sizes and layouts whatever the labels are, and in whatever order."""

    def shapes(labels):
        transcript.clear()
        federate(logistic(packing="rows", tol=0.0, max_iter=3), toy.guest, labels, toy.hosts[:1])
        return sorted(
            (m.name, m.iteration, m.sender.name, m.to.name, key, len(value.data))
            for m in transcript
            for key, value in m.payload.items()
            if hasattr(value, "data") and isinstance(value.data, bytes)
        )

    one = shapes(toy.labels)
    assert one == shapes(1 - toy.labels) == shapes(np.sort(toy.labels))
    plans = [m.payload for m in transcript if m.name.endswith("/plan")]
    assert {plan["row_bits"] for plan in plans} == {6}


def test_no_two_ciphertexts_share_their_randomness(searched, transcript, keys):
    """c mod n = r^n mod n does not change when a plain number is added without blinding."""
    public_key, _ = keys
    payloads = {
        value.data
        for m in transcript
        if m.iteration == 2
        for value in m.payload.values()
        if isinstance(value, Sealed)
    }
    traces = [
        int(c) % public_key.n
        for data in payloads
        for c in public_key.from_wire(data).to_ints(reblind=False).ravel()
    ]
    assert len(traces) == 2 * 30 + 9 + 12
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

    return simulate(guest=run_guest, hosts=[lambda session: None], arbiter=run_arbiter)["guest"]


PRODUCT = SlotLayout(width=170, count=3)


def _slotted(public_key, values):
    return public_key.encrypt(np.array(values), FixedPointEncoder(30, bound=2.0**20), slots=PRODUCT)


def test_the_middle_slot_is_revealed_whatever_the_others_hold(keypair):
    most = 2.0**20
    values = [[most, -most, most], [-most] * 3, [most] * 3, [-most, 0.25, most], [0.0, -0.5, 0.0]]
    found = _with_key(
        keypair,
        lambda session, key: reveal_middle(session, _slotted(key, values), "gradient"),
        lambda session, key: serve_middle(session, key, GUEST, "gradient", 5, PRODUCT),
    )
    assert found.tolist() == [row[1] for row in values]


@pytest.mark.parametrize("sign", [[1, 1], [-1, -1], [1, -1]])
def test_the_largest_scores_and_columns_come_out_exactly(keypair, sign):
    """Every score at the agreed bound, columns as long as they can be: rows in slots from end to end."""
    rows = 64
    scores = np.resize(np.array(sign) * float(SHARE_BOUND), (rows, 1))
    spike = np.zeros(rows, dtype=np.int64)
    spike[5] = 8 << 24  # of norm sqrt(rows), as the column of ones
    columns = np.stack([np.full(rows, 1 << 24), spike, np.resize([1 << 24, -1 << 24], rows)])

    def guest(session, key):
        c = key.encrypt(SMALL.spread(scores), slots=SMALL.slots)
        c = c + SMALL.spread(scores)
        product = c.rows_product(columns, norm=norm_bound(6), rows_norm=SMALL.rows_norm)
        return reveal_middle(session, product, "gradient")

    found = _with_key(
        keypair,
        guest,
        lambda session, key: serve_middle(session, key, GUEST, "gradient", 3, SMALL.slots.product),
    )
    assert np.array_equal(found, columns @ (2 * scores[:, 0]))


def test_slots_without_room_for_masks_are_refused(keypair):
    public_key, _ = keypair
    narrow = SlotLayout(width=hiding_width(2**50) - 1, count=3)
    with pytest.raises(BoundError, match="a mask of 51 bits takes slots of 116 bits"):
        reveal_middle(
            None,
            public_key.encrypt([[0.0] * 3], FixedPointEncoder(30, bound=2.0**20), slots=narrow),
            "x",
        )
    with pytest.raises(BoundError, match="there are None"):
        reveal_middle(None, public_key.encrypt([1.0]), "x")


@pytest.mark.parametrize(
    ("count", "slots", "text"),
    [
        (2, PRODUCT, r"shape \(1,\), it takes \(2,\)"),
        (1, SlotLayout(102, 5), "slots"),
        (1, SlotLayout(PRODUCT.width, 2), "slots"),
    ],
)
def test_the_arbiter_decrypts_no_other_shape_and_no_other_slots(keypair, count, slots, text):
    def arbiter(session, key):
        serve_middle(session, key, GUEST, "gradient", count, slots)

    with pytest.raises(ProtocolError, match=text):
        _with_key(
            keypair,
            lambda session, key: reveal_middle(session, _slotted(key, [[0.0] * 3]), "gradient"),
            arbiter,
        )


def test_the_arbiter_decrypts_nothing_for_whoever_did_not_mask(keypair):
    """A negative number has all bits of n."""

    def guest(session, key):
        session.send(ARBITER, "masked_gradient", masked=_slotted(key, [[-1.0] * 3]))
        session.receive(ARBITER, "middle_gradient", middle=np.ndarray)

    with pytest.raises(ProtocolError, match="bits beyond .* it is not masked"):
        _with_key(
            keypair,
            guest,
            lambda session, key: serve_middle(session, key, GUEST, "gradient", 1, PRODUCT),
        )


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (residues_to_words([1], 1 << 169), "beyond the bound"),
        (residues_to_words([1 << 170], 1 << 170), "more than a slot of 170 bits"),
        (residues_to_words([1, 2, 3], 1 << 169), "one slot a value takes"),
        (residues_to_words([1], 1 << 500), "one slot a value takes"),
        (np.zeros((1, 3)), "one slot a value takes"),
    ],
)
def test_an_arbiter_that_returns_what_cannot_be_is_noticed(keypair, answer, text):
    def arbiter(session, key):
        session.receive_encrypted(GUEST, "masked_gradient", "masked", (1,), ARBITER, PRODUCT)
        session.send(GUEST, "middle_gradient", middle=answer)

    with pytest.raises(ProtocolError, match=text):
        _with_key(
            keypair,
            lambda session, key: reveal_middle(session, _slotted(key, [[0.0] * 3]), "gradient"),
            arbiter,
        )


def test_masks_hide_even_slots_that_all_hold_nothing(keypair):
    """500 values of three zeros: each slot uniform by itself, from the arbiter's side."""
    seen = []

    def arbiter(session, key):
        masked = session.receive_encrypted(
            GUEST, "masked_gradient", "masked", (500,), ARBITER, PRODUCT
        )
        seen.extend(slots_of(residue, PRODUCT) for residue in key.decrypt_residues(masked))
        words = residues_to_words([row[1] for row in seen], 1 << 169)
        session.send(GUEST, "middle_gradient", middle=words)

    found = _with_key(
        keypair,
        lambda session, key: reveal_middle(session, _slotted(key, np.zeros((500, 3))), "gradient"),
        arbiter,
    )
    assert not found.any()
    for place in range(3):
        counts, _ = np.histogram([row[place] / 2**169 for row in seen], bins=16, range=(0, 1))
        assert float(((counts - 500 / 16) ** 2 / (500 / 16)).sum()) < 90  # 15 degrees of freedom
