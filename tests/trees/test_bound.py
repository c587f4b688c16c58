# SPDX-License-Identifier: Apache-2.0
"""No partition gains more than the bound says, and hosts whose columns cannot win are spared."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pyfate_gpu.federation.steps import Step
from pyfate_gpu.learning.gain import Regularization
from pyfate_gpu.trees import growth, guest
from pyfate_gpu.trees.bound import largest_gain, may_gain
from tests.trees.conftest import check_bits, run_parties

UNITS = np.array([0.25, 0.125])
ROWS = st.lists(st.tuples(st.integers(-8, 8), st.integers(0, 8)), min_size=1, max_size=9)
REGULAR = st.builds(
    Regularization,
    reg_lambda=st.sampled_from([0.0, 0.3, 1.0]),
    reg_alpha=st.sampled_from([0.0, 0.4]),
    max_delta_step=st.sampled_from([0.0, 0.2, 1.0]),
)


def gains_of_all_partitions(regularization, values):
    """Each of them by itself, in floating point."""
    sides = np.array(list(product([0, 1], repeat=len(values))))
    return regularization.changes(sides @ values, values.sum(axis=0), UNITS)


@given(ROWS, REGULAR)
def test_the_bound_is_the_gain_of_the_best_partition(rows, regularization):
    values = np.array(rows)
    bound = largest_gain(regularization, values, UNITS)
    if regularization.reg_lambda == 0 and (values[:, 1] == 0).any():
        assert bound == np.inf
        return
    with np.errstate(invalid="ignore"):
        best = np.nanmax(gains_of_all_partitions(regularization, values))
    assert bound == pytest.approx(max(best, 0.0), rel=1e-12, abs=1e-12)


@given(
    st.lists(st.tuples(*[st.integers(-4, 4), st.integers(0, 4)] * 2), min_size=1, max_size=7),
    REGULAR,
)
def test_several_outputs_gain_no_more(rows, regularization):
    values = np.array(rows)
    assume(regularization.reg_lambda > 0)
    best = gains_of_all_partitions(regularization, values).max()
    assert largest_gain(regularization, values, UNITS) >= best - 1e-12 * (1 + abs(best))


@given(ROWS, REGULAR, st.floats(0, 5))
def test_what_may_gain_more_is_never_denied(rows, regularization, other):
    values = np.array(rows)
    assume(regularization.reg_lambda > 0)
    best = gains_of_all_partitions(regularization, values).max()
    if best > max(other, 1e-6):
        assert may_gain(regularization, values, UNITS, other)
    if best < max(other, 1e-6) * 0.999 - 1e-5:
        assert not may_gain(regularization, values, UNITS, other)


@given(ROWS, REGULAR)
def test_a_guest_that_has_the_best_partition_is_beaten_by_none(rows, regularization):
    values = np.array(rows)
    assume(regularization.reg_lambda > 0)
    gains = gains_of_all_partitions(regularization, values)
    best = gains.max()
    assume(best > 1e-3)
    if not may_gain(regularization, values, UNITS, best):
        assert not (gains > best).any()
    sides = np.array(list(product([0, 1], repeat=len(values)))) @ values
    winners = sides[gains > best - 1e-6]
    # Either side of one partition, and nothing else near it.
    if len(np.unique(winners, axis=0)) == len(
        np.unique([*winners[:1], values.sum(axis=0) - winners[0]], axis=0)
    ):
        alone = len(winners) == 2 * (1 << np.count_nonzero(~values.any(axis=1)))
        assert not alone or not may_gain(regularization, values, UNITS, best)


def cost(found):
    operations = [each.report_.usage.operations for each in (found.guest, *found.hosts)]
    return (
        operations[0].get(Step.DECRYPT.value, 0),
        sum(each.get(Step.SQUEEZE.value, 0) for each in operations[1:]),
    )


@pytest.mark.parametrize(
    "options",
    [
        {"gamma": 8.0},
        {"max_depth": 2, "reg_lambda": 0.5, "min_child_weight": 0.0},
        {"gamma": 8.0, "packing": "rows", "key_bits": 768},
        {"gamma": 8.0, "max_depth": 2, "gradient_bits": 4, "lazy_gradients": "show_changed_rows"},
    ],
    ids=["penalty", "last level", "rows as slots", "lazy"],
)
def test_hosts_that_cannot_win_are_spared(monkeypatch, classifier, rng, options):
    """The guest's columns tell the labels."""
    own = rng.integers(0, 4, size=(120, 2)).astype(float)
    hosts = [rng.normal(size=(120, 3)).round(2) for _ in range(2)]
    y = ((own[:, 0] > 1) & (own[:, 1] > 0)).astype(int)
    model = classifier(**{"n_estimators": 2, "max_bin": 16} | options)
    spared = check_bits(model, [own, *hosts], y)
    for module in (growth, guest):
        monkeypatch.setattr(module, "may_gain", lambda *_: True)
    asked = run_parties(model, own, y, hosts)
    assert asked.trees() == spared.trees()
    few, many = cost(spared), cost(asked)
    assert few[0] < many[0]
    assert options.get("packing") == "rows" or few[1] < many[1]


def test_sums_that_came_along_are_not_decrypted_where_nothing_can_be_gained(
    monkeypatch, classifier, rng
):
    """A host that splits a node sends the sums of a child in the same message."""
    host = rng.integers(0, 4, size=(300, 20)).astype(float)
    own = rng.normal(size=(300, 1))
    y = (host[:, 0] > 1).astype(int)
    model = classifier(n_estimators=1, gamma=8.0)
    spared = check_bits(model, [own, host], y)
    for module in (growth, guest):
        monkeypatch.setattr(module, "may_gain", lambda *_: True)
    asked = run_parties(model, own, y, [host])
    few, many = cost(spared), cost(asked)
    assert few[0] < many[0]
    assert few[1] == many[1]
    assert spared.guest.smallest_node_ == asked.guest.smallest_node_


def test_a_round_in_which_nobody_can_gain_encrypts_nothing(regressor, toy, transcript):
    found = check_bits(regressor(gamma=1e6), toy.parts, toy.target)
    assert all("value" in tree for tree in found.trees())
    assert not any(m.name.endswith("/gradients") for m in transcript)


def test_ciphertexts_of_sums_nobody_wants_are_not_decrypted():
    from pyfate_gpu.trees.packing import GradientSlots

    slots = GradientSlots(bits=24, rows=569, outputs=1, key_bits=2048)
    assert (slots.sums, slots.answers(100), slots.sums_of_each(100)) == (29, 4, 25)
    wanted = np.zeros(100, dtype=bool)
    wanted[[24, 60]] = True
    assert slots.needed(wanted).tolist() == [True, False, True, False]
    assert slots.needed(np.zeros(0, dtype=bool)).tolist() == []
