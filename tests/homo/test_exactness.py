# SPDX-License-Identifier: Apache-2.0
"""The opened sum is the sum of integers, whichever method, and nothing else."""

import numpy as np
import pytest

from pyfate_gpu.homo import AggregationPlan
from pyfate_gpu.homo.streams import CHUNK
from tests.homo.conftest import MODES, Parties, levels

LENGTH = 1_003
"""Neither a multiple of slots, nor of frames."""


def sample(clients: int, length: int, clip: float) -> list[np.ndarray]:
    random = np.random.default_rng(clients * length)
    updates = random.normal(0, clip / 2, (clients, length))
    updates[:, 0], updates[:, 1], updates[:, 2] = clip, -clip, 0
    updates[:, 3] = np.nextafter(clip, np.inf)
    return list(updates)


@pytest.mark.parametrize("bits", [8, 16, 24])
@pytest.mark.parametrize(("clients", "most"), [(2, 1), (2, 1000), (10, 1), (10, 1000)])
def test_sums_are_those_of_integers(mode, clients, most, bits):
    clip = 0.75
    updates = sample(clients, LENGTH, clip)
    weights = list(np.random.default_rng(bits).integers(1, most + 1, clients))
    weights[0], weights[-1] = most, 1
    plan = AggregationPlan(clients, bits, clip, max_total_weight=most * clients, rounding="nearest")
    opener, sealed = Parties(plan, mode).run(updates, weights)
    expected = sum(w * levels(u, clip, bits) for w, u in zip(weights, updates, strict=True))
    sums = opener.open_sums(sealed)
    np.testing.assert_array_equal(sums.values, expected)
    assert (sums.clients, sums.weight) == (clients, sum(weights))
    assert sums.clipped == (sum(int((np.abs(u) > clip).sum()) for u in updates),)
    mean, report = opener.open(sealed)
    top = 2 ** (bits - 1) - 1
    np.testing.assert_array_equal(mean, expected / sum(weights) / top * clip)
    assert report.clipped == {"0": sums.clipped[0] / (clients * LENGTH)}


@pytest.mark.parametrize("mode", ["masks", "paillier"])
def test_a_hundred_clients(mode):
    plan = AggregationPlan(
        100, 16, 1.0, max_total_weight=100_000, rounding="nearest",
        neighbours=8 if mode == "masks" else None,
    )  # fmt: skip
    updates = sample(100, 7, 1.0)
    weights = [1 + 999 * number // 99 for number in range(100)]
    opener, sealed = Parties(plan, mode).run(updates, weights)
    expected = sum(w * levels(u, 1.0, 16) for w, u in zip(weights, updates, strict=True))
    np.testing.assert_array_equal(opener.open_sums(sealed).values, expected)


def test_stochastic_sums_are_between_the_neighbours(mode):
    plan = AggregationPlan(3, 12, 1.0, max_total_weight=30)
    updates = sample(3, 500, 1.0)
    opener, sealed = Parties(plan, mode).run(updates, [10, 1, 3])
    scaled = [np.clip(u, -1, 1) * 2047 for u in updates]
    low = sum(w * np.floor(s) for w, s in zip([10, 1, 3], scaled, strict=True))
    high = sum(w * np.ceil(s) for w, s in zip([10, 1, 3], scaled, strict=True))
    values = opener.open_sums(sealed).values
    assert (values >= low).all()
    assert (values <= high).all()
    assert tuple(values[:3]) == (14 * 2047, -14 * 2047, 0)


@pytest.mark.parametrize("mode", ["masks", "paillier"])
@pytest.mark.parametrize("length", [1, CHUNK, 2 * CHUNK + 1])
def test_lengths_around_pieces(mode, length):
    plan = AggregationPlan(2, 8, 1.0, rounding="nearest")
    updates = [np.linspace(-1, 1, length), np.linspace(0.5, 1, length)]
    opener, sealed = Parties(plan, mode).run(updates)
    expected = levels(updates[0], 1, 8) + levels(updates[1], 1, 8)
    np.testing.assert_array_equal(opener.open_sums(sealed).values, expected)


def test_widths_of_all_words():
    """Elements of 1 to 8 bytes; the widest that a plan takes."""
    for bits, total in [(4, 4), (9, 4), (16, 1 << 10), (24, 1 << 8), (32, 1 << 10), (32, 1 << 30)]:
        plan = AggregationPlan(4, bits, 1.0, max_total_weight=total, rounding="nearest")
        weights = [plan.max_weight, 1, plan.max_weight, 1]
        updates = [np.array([1.0, -1.0, 0.3]) * sign for sign in (1, -1, 1, 1)]
        for mode in ("masks", "paillier"):
            opener, sealed = Parties(plan, mode).run(updates, weights)
            expected = sum(w * levels(u, 1, bits) for w, u in zip(weights, updates, strict=True))
            np.testing.assert_array_equal(opener.open_sums(sealed).values, expected)


def test_integers_come_back_as_their_sum(mode):
    big = 2**40 - 1
    plan = AggregationPlan(3, 8, 1.0, integers="sum", integer_bits=40, rounding="nearest")
    updates = [
        {"batches": np.array(number), "seen": np.array([big, -big, number]), "w": np.ones(2)}
        for number in (3, 4, -5)
    ]
    opener, sealed = Parties(plan, mode).run(updates)
    mean, _ = opener.open(sealed)
    assert mean["batches"] == 2
    assert mean["batches"].shape == ()
    np.testing.assert_array_equal(mean["seen"], [3 * big, -3 * big, 2])
    np.testing.assert_array_equal(mean["w"], [1, 1])


@pytest.mark.parametrize("mode", MODES[1:])
def test_any_subset_of_clients_counts(mode):
    plan = AggregationPlan(5, 16, 1.0, rounding="nearest")
    updates = sample(5, 50, 1.0)
    opener, sealed = Parties(plan, mode).run(updates, leave={0: 0, 3: 0})
    expected = sum(levels(updates[number], 1.0, 16) for number in (1, 2, 4))
    np.testing.assert_array_equal(opener.open_sums(sealed).values, expected)
    assert opener.open(sealed)[1].clients == (1, 2, 4)


@pytest.mark.parametrize("key", ["paillier", "paillier-short-subgroup"])
def test_keys_of_every_scheme(key):
    from pyfate_gpu import generate_keypair
    from pyfate_gpu.homo import SecureAggregator

    public, private = generate_keypair(512, key, allow_insecure_key_size=True)
    plan = AggregationPlan(3, 16, 1.0, rounding="nearest")
    updates = sample(3, 60, 1.0)
    clients = SecureAggregator("paillier", plan, key=public)
    server = clients.server(0)
    for number in (2, 0, 1):
        server.add(clients.client(0, number).seal(updates[number]))
    sums = SecureAggregator("paillier", plan, key=private).open_sums(server.close())
    np.testing.assert_array_equal(sums.values, sum(levels(u, 1.0, 16) for u in updates))
