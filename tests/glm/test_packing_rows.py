# SPDX-License-Identifier: Apache-2.0
"""Rows that share ciphertexts: the same weights, room that is proved, and where they do not."""

from __future__ import annotations

import copy
import logging

import numpy as np
import pytest

from pyfate_gpu import FixedPointEncoder, HeteroLogisticRegression, simulate
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.encoding.slots import HIDING_BITS
from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.arbiter import serve_training
from pyfate_gpu.glm.packing import MAX_ROWS
from pyfate_gpu.glm.plan import Plan, announce_plan
from pyfate_gpu.glm.row_slots import SHARE_BOUND, RowSlots, norm_bound, row_bits_of
from pyfate_gpu.glm.search import GuestSearch
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.protocol.keys import announce_key
from pyfate_gpu.protocol.progress import Progress

#: Of a short key and two parties; three slots of a product.
SMALL = RowSlots.of(key_bits=512, parties=2, row_bits=6)
ALPHA = 0.01


def sizes_of(transcript, name):
    """How many bytes messages of that name have, by iteration."""
    return {
        m.iteration: len(value.data)
        for m in transcript
        if m.name.partition("/")[2] == name
        for value in m.payload.values()
    }


def packs(transcript):
    """Whether the arbiter was asked for middle slots, in passes with labels and without."""
    found = {m.iteration for m in transcript if m.name.endswith("/middle_gradient")}
    assert found in (set(), {m.iteration for m in transcript if m.name.endswith("/residual")})
    return bool(found)


@pytest.mark.parametrize("hosts", [1, 2])
@pytest.mark.parametrize("kind", ["linear", "logistic"])
def test_packed_rows_train_as_the_plaintext_rule_does(
    request, toy, federate, agrees, transcript, hosts, kind
):
    model = request.getfixturevalue(kind)(packing="rows", tol=0.0, max_iter=14)
    y = toy.y if kind == "linear" else toy.labels
    outcome = federate(model, toy.guest, y, toy.hosts[:hosts])
    agrees(outcome, [toy.guest, *toy.hosts[:hosts]], y)
    assert packs(transcript)
    reports = [outcome.guest.report_, outcome.arbiter.report_, *(h.report_ for h in outcome.hosts)]
    assert {report.packing for report in reports} == {"rows"}


def test_a_search_on_packed_rows_ends_at_the_direct_solution(toy, federate, logistic):
    model = logistic(packing="rows", tol=0.0, max_iter=11, alpha=ALPHA)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts[:1])
    parts = [
        FeaturePipeline.fit(part, standardize=True, clip=2.0).transform(part).values
        for part in (toy.guest, toy.hosts[0])
    ]
    x = np.hstack([parts[0], np.ones((60, 1)), parts[1]])
    penalty = np.diag([ALPHA] * 3 + [0.0] + [ALPHA] * 4)
    wanted = np.linalg.solve(x.T @ x / 240 + penalty, -x.T @ (0.5 - toy.labels) / 60)
    assert np.abs(outcome.weights() - wanted).max() < 1e-7


@pytest.mark.slow
def test_a_key_of_full_length_takes_eight_rows_a_ciphertext(
    toy, federate, agrees, logistic, transcript
):
    model = logistic(packing="rows", tol=0.0, max_iter=4, key_bits=2048)
    outcome = federate(model, toy.guest, toy.labels, toy.hosts)
    agrees(outcome, [toy.guest, *toy.hosts], toy.labels)
    sizes = sizes_of(transcript, "forward")
    for size in sizes.values():
        assert 8 * 512 <= size < 9 * 512  # of 60 rows


class Memory:
    """Keeps states, as checkpoints do."""

    def __init__(self):
        self.states, self.iteration = {}, 0

    def load(self):
        return self.states[self.iteration]

    def is_due(self, iteration):
        return True

    def save(self, iteration, state):
        self.states[iteration] = copy.deepcopy(dict(state))


class Death:
    """Ends a party in an iteration."""

    def __init__(self, iteration):
        self.iteration = iteration

    def on_iteration(self, report):
        if report.iteration == self.iteration:
            raise RuntimeError("the power went out")


def test_a_search_on_packed_rows_goes_on_after_a_crash(toy, logistic):
    def run(memories, **params):
        def party(name, *data):
            def fit(session):
                session.recovery = memories.get(name)
                model = logistic(packing="rows", tol=0.0, max_iter=8, **params)
                return model.fit(*data, session=session)

            return fit

        return simulate(
            guest=party("guest", toy.guest, toy.labels),
            hosts=[party("host", toy.hosts[0])],
            arbiter=party("arbiter"),
        )

    undisturbed = run({})
    memories = {name: Memory() for name in ("guest", "host", "arbiter")}
    with pytest.raises(Exception, match="power went out"):
        run(memories, callbacks=[Death(6)])
    for memory in memories.values():
        memory.iteration = 4
    resumed = run(memories)
    for name in ("guest", "host-0"):
        assert np.array_equal(resumed[name].coef_, undisturbed[name].coef_)
    assert resumed["guest"].loss_history_ == undisturbed["guest"].loss_history_


def _fall_back(toy, federate, transcript, model, caplog, labels=None, **data):
    with caplog.at_level(logging.INFO, logger="pyfate_gpu.glm.guest"):
        outcome = federate(
            model, toy.guest, toy.labels if labels is None else labels, toy.hosts[:1], **data
        )
    assert not any(m.name.endswith("/middle_gradient") for m in transcript)
    return outcome, caplog.text


def test_weights_of_rows_fall_back(toy, federate, logistic, transcript, caplog, rng):
    weights = rng.uniform(0.5, 2.0, 60)
    model = logistic(packing="rows", tol=0.0, max_iter=2)
    outcome, text = _fall_back(toy, federate, transcript, model, caplog, sample_weight=weights)
    assert "rows do not share ciphertexts: weights of rows are multiplied one by one" in text
    assert outcome.guest.report_.packing == "none"


def test_classes_share_ciphertexts_in_place_of_rows(toy, federate, logistic, transcript, caplog):
    model = logistic(packing="rows", tol=0.0, max_iter=2)
    labels = np.digitize(toy.y, [-1.5, 1.5])
    outcome, text = _fall_back(toy, federate, transcript, model, caplog, labels)
    assert "there are 3 outputs, which share ciphertexts instead" in text
    assert {outcome.guest.report_.packing, outcome.arbiter.report_.packing} == {"classes"}


def test_columns_without_a_public_norm_fall_back(toy, federate, logistic, transcript, caplog):
    model = logistic(packing="rows", standardize=False, tol=0.0, max_iter=2)
    _, text = _fall_back(toy, federate, transcript, model, caplog)
    assert "columns that are not standardised, or by other rows, have no public norm" in text


def test_one_host_that_does_not_standardise_is_enough(toy, logistic, transcript):
    def party(standardize, *data):
        model = logistic(packing="rows", standardize=standardize, tol=0.0, max_iter=2)
        return lambda session: model.fit(*data, session=session)

    simulate(
        guest=party(True, toy.guest, toy.labels),
        hosts=[party(True, toy.hosts[0]), party(False, toy.hosts[1])],
        arbiter=party(True),
    )
    assert not packs(transcript)


def test_a_warm_start_falls_back(toy, logistic, transcript):
    def party(*data):
        def run(session):
            model = logistic(packing="rows", tol=0.0, max_iter=2)
            model.fit(*data, session=session)
            transcript.clear()
            return model.set_params(warm_start=True).fit(*data, session=session)

        return run

    simulate(guest=party(toy.guest, toy.labels), hosts=[party(toy.hosts[0])], arbiter=party())
    assert not packs(transcript)


def test_few_rows_are_not_worth_it_and_many_are(federate, logistic, transcript, rng):
    for rows, packed in ((127, False), (128, True)):
        transcript.clear()
        guest, host = rng.normal(size=(rows, 2)), rng.normal(size=(rows, 2))
        model = logistic(tol=0.0, max_iter=2)
        outcome = federate(model, guest, (guest[:, 0] > 0).astype(int), [host])
        assert packs(transcript) is packed
        assert outcome.guest.report_.packing == ("rows" if packed else "none")


def test_a_guest_with_labels_only_packs_rows(toy, federate, logistic, transcript):
    model = logistic(packing="rows", tol=0.0, max_iter=3, fit_intercept=False)
    none = federate(logistic(packing="none", tol=0.0, max_iter=3, fit_intercept=False),
                    None, toy.labels, toy.hosts[:1])  # fmt: skip
    transcript.clear()
    packed = federate(model, None, toy.labels, toy.hosts[:1])
    assert packs(transcript)
    assert np.abs(packed.hosts[0].coef_ - none.hosts[0].coef_).max() < 1e-7


@pytest.mark.parametrize("parties", [2, 3, 5, 17])
@pytest.mark.parametrize("key_bits", [512, 1024, 2048, 3072, 4096])
def test_slots_have_room_for_the_largest_coefficient_and_its_mask(key_bits, parties):
    for rows in (2, 60, 30_000, MAX_ROWS):
        packing = RowSlots.of(key_bits=key_bits, parties=parties, row_bits=row_bits_of(rows))
        product = packing.slots.product
        assert product.bits <= key_bits - 2
        assert 26 <= packing.fraction_bits <= 40
        # Every party's rows at the largest mean square, rounded up, and columns alike.
        shares = parties * ((SHARE_BOUND << packing.fraction_bits) + 1)
        largest = shares * rows * ((1 << 24) + 1)
        assert largest < 1 << (packing.slots.width - HIDING_BITS - 1)
        assert packing.rows_norm**2 >= rows * shares**2
        assert norm_bound(packing.row_bits) ** 2 >= rows * (1 << 24) ** 2
        assert packing.encoder.bound**2 >= rows * SHARE_BOUND**2


def test_more_rows_share_a_longer_key():
    counts = [
        RowSlots.of(key_bits=bits, parties=2, row_bits=15).slots.count
        for bits in (512, 1024, 2048, 3072)
    ]
    assert counts == [2, 4, 8, 11]
    assert RowSlots.of(key_bits=400, parties=2, row_bits=15) is None
    assert RowSlots.of(key_bits=2048, parties=2, row_bits=20).slots.count == 7  # for more rows


@pytest.mark.parametrize("clip", [None, 0.5])
def test_the_norm_of_standardised_columns_is_public(rng, clip):
    columns = [
        rng.normal(size=500),
        np.where(np.arange(500) == 3, 1e9, 1e-3),
        1e12 + rng.normal(size=500) * 1e-2,
        np.full(500, 7.0),
        rng.exponential(size=500) * 1e-200,
    ]
    values = np.stack(columns, axis=1)
    prepared = FeaturePipeline.fit(values, standardize=True, clip=clip).transform(values)
    for column in prepared.integers.T:
        assert sum(int(x) ** 2 for x in column) <= norm_bound(row_bits_of(500)) ** 2


def test_scores_beyond_the_room_are_refused_before_anything_is_encrypted():
    most = 8.0 * SHARE_BOUND  # of a single one of up to 64 rows
    SMALL.spread(np.full((64, 1), float(SHARE_BOUND)))
    SMALL.spread(np.array([[0.0], [most]]))
    for bad in (np.nextafter(most, np.inf), -1e300, np.nan):
        with pytest.raises(DataError, match="set packing='none'"):
            SMALL.spread(np.array([[0.0], [bad]]))
    with pytest.raises(DataError, match="mean square beyond"):
        SMALL.spread(np.full((64, 1), SHARE_BOUND * 1.001))


def test_scores_that_were_encoded_otherwise_are_refused(keypair):
    public_key, _ = keypair
    good = public_key.encrypt(SMALL.spread(np.ones((4, 1))), slots=SMALL.slots)
    assert SMALL.check(good + good) is not None
    values = np.ones((2, 2))
    for encoder in (FixedPointEncoder(20, bound=1.0), FixedPointEncoder(40, bound=2.0**20)):
        with pytest.raises(ProtocolError, match="agreed are"):
            SMALL.check(public_key.encrypt(values, encoder, slots=SMALL.slots))


@pytest.mark.parametrize(
    ("packing", "outputs", "key_bits"), [("none", 1, 512), ("classes", 1, 512), ("rows", 2, 512)]
)
def test_an_arbiter_serves_no_plan_that_the_terms_forbid(keypair, packing, outputs, key_bits):
    public_key, private_key = keypair

    def guest(session):
        announce_plan(session, Plan({"guest": 3, "host-0": 2}, outputs, 1, 0, row_bits=6))

    def host(session):
        session.receive(GUEST, "plan", columns=str)

    def arbiter(session):
        announce_key(session, public_key)
        settings = HeteroLogisticRegression(
            packing=packing, key_bits=key_bits, allow_insecure_key_size=True
        ).settings()
        serve_training(session, private_key, settings, Progress(session, ()))

    with pytest.raises(ProtocolError, match="the guest packs rows, which cannot be"):
        simulate(guest=guest, hosts=[host], arbiter=arbiter)


def test_a_host_without_a_public_norm_packs_no_rows(toy, logistic, monkeypatch):
    monkeypatch.setattr(GuestSearch, "_packs_rows", lambda *facts: True)

    def party(standardize, *data):
        model = logistic(packing="rows", standardize=standardize, max_iter=2)
        return lambda session: model.fit(*data, session=session)

    with pytest.raises(ProtocolError, match="columns here have no public norm"):
        simulate(
            guest=party(True, toy.guest, toy.labels),
            hosts=[party(False, toy.hosts[0])],
            arbiter=party(True),
        )


def test_another_bound_of_shares_is_named(toy, logistic, monkeypatch):
    """Parties whose builds lay out slots by other bounds stop before anything is encrypted."""
    original = Settings.terms

    def terms(self):
        found = original(self)
        bounds = found["slots"] | ({"share": 64} if self.alpha == 0.02 else {})
        return found | {"slots": bounds, "alpha": 0.0}

    monkeypatch.setattr(Settings, "terms", terms)

    def party(alpha, *data):
        model = logistic(packing="rows", alpha=alpha)
        return lambda session: model.fit(*data, session=session)

    with pytest.raises(ConfigurationError, match="slots .*'share': 16.* there, .*'share': 64"):
        simulate(
            guest=party(0.01, toy.guest, toy.labels),
            hosts=[party(0.02, toy.hosts[0])],
            arbiter=party(0.01),
        )


def test_a_packing_of_another_party_is_named(toy, logistic):
    def party(packing, *data):
        model = logistic(packing=packing)
        return lambda session: model.fit(*data, session=session)

    with pytest.raises(ConfigurationError, match="packing 'rows' there, 'none' here"):
        simulate(
            guest=party("rows", toy.guest, toy.labels),
            hosts=[party("none", toy.hosts[0])],
            arbiter=party("rows"),
        )
