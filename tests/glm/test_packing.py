# SPDX-License-Identifier: Apache-2.0
"""Classes of a row in one ciphertext: the same weights, fewer ciphertexts, room that is proved."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import HeteroLogisticRegression
from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.encoding.slots import hiding_width
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.glm.packing import MAX_ROWS, ClassSlots, check_rows, slot_width


@pytest.fixture
def kinds(toy):
    return np.digitize(toy.y, [-2.0, 0.0, 2.0])


@pytest.mark.parametrize("hosts", [1, 2])
def test_packed_classes_train_as_the_plaintext_rule_does(
    toy, kinds, federate, agrees, logistic, hosts
):
    model = logistic(tol=0.0, max_iter=13)
    outcome = federate(model, toy.guest, kinds, toy.hosts[:hosts])
    encoded = (kinds[:, np.newaxis] == np.arange(4)).astype(float)
    agrees(outcome, [toy.guest, *toy.hosts[:hosts]], encoded)


def test_packing_changes_no_digit_that_counts(toy, kinds, federate, logistic, rng):
    weights = rng.uniform(0.1, 2.0, len(kinds))
    found = [
        federate(
            logistic(tol=0.0, max_iter=6, packing=packing),
            toy.guest, kinds, toy.hosts[:1], sample_weight=weights,
        ).weights()
        for packing in ("classes", "none")
    ]  # fmt: skip
    assert np.abs(found[0] - found[1]).max() < 1e-9


def test_packed_passes_send_a_share_of_the_bytes(toy, kinds, federate, logistic, transcript):
    sizes = []
    for packing in ("classes", "none"):
        transcript.clear()
        federate(logistic(tol=0.0, max_iter=2, packing=packing), toy.guest, kinds, toy.hosts[:1])
        messages = [m for m in transcript if m.name.endswith("/residual")]
        sizes.append({m.iteration: len(m.payload["residual"].data) for m in messages})
    for iteration in (1, 2):  # with labels and without
        assert sizes[0][iteration] < 0.55 * sizes[1][iteration]  # two slots at 512 bits


def test_slots_have_room_for_the_largest_sums_there_can_be():
    parties = 3
    scores = FixedPointEncoder().integer_bound * parties
    weighted = scores * (MAX_ROWS << 24) * MAX_ROWS
    largest = weighted * (1 << 63)
    assert largest < 1 << (slot_width(parties) - 1)
    assert hiding_width(weighted) <= slot_width(parties)  # times labels, under masks
    packing = ClassSlots.of("classes", key_bits=2048, parties=parties, outputs=12)
    assert packing.slots.bound >= largest
    assert packing.slots.count == 10
    assert packing.groups == 2


def test_one_output_is_not_packed():
    assert ClassSlots.of("auto", key_bits=2048, parties=2, outputs=1).slots is None
    assert ClassSlots.of("none", key_bits=2048, parties=2, outputs=4).groups == 4


def test_gather_is_the_way_back_from_spread(rng):
    packing = ClassSlots.of("classes", key_bits=512, parties=2, outputs=5)
    values = rng.normal(size=(7, 5))
    assert np.array_equal(packing.gather(packing.spread(values)), values)


def test_more_rows_than_slots_have_room_for_are_refused():
    packing = ClassSlots.of("classes", key_bits=2048, parties=2, outputs=4)
    check_rows(MAX_ROWS, packing)
    with pytest.raises(ConfigurationError, match="set packing='none'"):
        check_rows(MAX_ROWS + 1, packing)
    check_rows(MAX_ROWS + 1, ClassSlots.of("none", key_bits=2048, parties=2, outputs=4))


def test_a_packing_that_is_none_is_refused():
    with pytest.raises(ConfigurationError, match="packing is 'slots'; choose one of auto"):
        HeteroLogisticRegression(packing="slots").settings()
