# SPDX-License-Identifier: Apache-2.0
"""Gradients as integers: rounded by chance they are right on average, and slots of few bits hold more sums."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyfate_gpu import HeteroBoostedTreesClassifier
from pyfate_gpu.protocol.cost import JobShape
from pyfate_gpu.trees.packing import GradientSlots
from pyfate_gpu.trees.rounding import Rounding, random_shares
from tests.trees.conftest import run_parties

NUMBERS = st.lists(st.floats(-1e3, 1e3, width=32), min_size=1, max_size=20)


@given(NUMBERS, NUMBERS, st.integers(2, 7), st.integers(0, 2**128))
def test_an_integer_is_one_of_the_two_nearest_and_within_the_bound(g, h, bits, seed):
    rows = min(len(g), len(h))
    g, h = np.array(g)[:rows, np.newaxis], np.abs(h)[:rows, np.newaxis]
    found = Rounding(bits, seed, by_chance=True)(1, g, h)
    for place, values in enumerate((g, h)):
        integers, unit = found.integers[:, place], found.units[place]
        assert np.log2(unit) == round(np.log2(unit))
        assert (np.abs(integers) <= 1 << bits).all()
        assert (np.abs(integers * unit - values[:, 0]) < unit).all()
        whole = values[:, 0] % unit == 0
        assert (integers[whole] * unit == values[whole, 0]).all()
    assert (found.integers[:, 1] >= 0).all()


@pytest.mark.parametrize("value", [-0.93, -0.5001, 0.01, 0.37, 0.999])
def test_rounding_is_right_on_average(value):
    """Of 40,000 rows: six standard deviations are passed once in 10^9 runs, and the seed is fixed."""
    g = np.full((40_000, 1), value)
    g[0] = 1.0
    found = Rounding(2, 11, by_chance=True)(1, g, np.abs(g))
    mean = (found.integers[1:, 0] * found.units[0]).mean()
    part = (value * 4) % 1
    assert abs(mean - value) < 6 * np.sqrt(part * (1 - part) / 40_000) / 4
    assert len(np.unique(found.integers[1:, 0])) == 2


def test_gradient_and_hessian_of_a_row_are_rounded_apart():
    shares = random_shares(5, 1, (20_000, 2))
    assert 0 <= shares.min() < shares.max() < 1
    assert abs(np.corrcoef(shares.T)[0, 1]) < 0.05
    assert np.abs(np.histogram(shares, 10, (0, 1))[0] - 4000).max() < 6 * np.sqrt(3600)


def test_each_round_and_each_fit_has_chances_of_its_own(classifier, toy):
    g, h = np.full((200, 1), 0.3), np.full((200, 1), 0.2)
    rounds = [Rounding(2, 1, by_chance=True)(number, g, h).integers for number in (1, 2)]
    assert (rounds[0] != rounds[1]).any()
    model = classifier(gradient_bits=3, random_state=None, n_estimators=1, base_score=0.3)
    fits = [run_parties(model, toy.parts[0], toy.y, toy.parts[1:2]) for _ in range(2)]
    covers = [fit.guest._half.forest.trees[0].cover for fit in fits]
    assert covers[0] != covers[1]


def test_slots_of_5_bits_hold_twice_the_sums():
    settings = {
        bits: HeteroBoostedTreesClassifier(gradient_bits=bits).settings() for bits in (5, 24)
    }
    sums = [GradientSlots(settings[bits].size_bits, 569, 1, 2048).sums for bits in (5, 24)]
    assert sums == [68, 29]


def test_estimates_know_the_bits():
    shape = JobShape(rows=569, columns={"guest": 10, "host-0": 20})
    models = [
        HeteroBoostedTreesClassifier(key_bits=2048, max_depth=3, gradient_bits=b) for b in (5, 24)
    ]
    few, many = (model.workload(shape).steps["guest"]["decrypt"] for model in models)
    assert (few, many) == (16 + 16 + 24, 24 + 24 + 48)
