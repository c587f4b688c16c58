# SPDX-License-Identifier: Apache-2.0
"""Rounding, clipping, digits: what happens before anything is hidden."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps

from pyfate_gpu.errors import BoundError, ConfigurationError, DataError
from pyfate_gpu.homo import AggregationPlan
from pyfate_gpu.homo.quantiser import Layout, join, split, vector
from pyfate_gpu.homo.report import _moved, mean_of, read_sums, report_of
from pyfate_gpu.homo.updates import take_apart


def elements(plan, update, weight=1):
    structure, arrays = take_apart(update)
    layout = Layout(plan, structure)
    return layout, np.concatenate(list(vector(layout, arrays, weight)))


def opened(plan, updates):
    layouts, vectors = zip(*(elements(plan, update) for update in updates), strict=True)
    sums = read_sums(sum(vectors), layouts[0])
    report = report_of(sums, layouts[0], 0, tuple(range(len(updates))), ())
    return mean_of(sums, layouts[0]), report


@pytest.mark.parametrize("value", [0.3, -0.3, 5.5, -17.999])
def test_stochastic_rounding_is_right_on_average(value):
    plan = AggregationPlan(2, 16, clip=32767.0)  # so that a level is 1
    values = np.full(1_000_000, value)
    _, vector_ = elements(plan, values)
    rounded = vector_[: len(values)]
    assert set(rounded) == {np.floor(value), np.ceil(value)}
    share = value - np.floor(value)
    deviation = (share * (1 - share) / len(values)) ** 0.5
    assert abs(rounded.mean() - value) < 7 * deviation  # chance: less than once in 10^11


def test_levels_stay_what_they_are():
    for bits in (2, 8, 16, 24, 32):
        plan = AggregationPlan(2, bits, clip=0.1)
        top = plan.levels
        exact = np.unique(np.linspace(-top, top, 1001).astype(np.int64))
        _, vector_ = elements(AggregationPlan(2, bits, clip=float(top)), exact.astype(np.float64))
        np.testing.assert_array_equal(vector_[: len(exact)], exact)
        _, ends = elements(plan, np.array([0.1, -0.1, 0.0]))
        assert ends[:3].tolist() == [top, -top, 0]


def test_two_seals_round_differently():
    plan = AggregationPlan(2, 8)
    values = np.random.default_rng(1).uniform(-1, 1, 1000)
    _, first = elements(plan, values)
    _, second = elements(plan, values)
    assert (first[:1000] != second[:1000]).sum() > 100


@given(
    nps.arrays(
        st.sampled_from([np.float16, np.float32, np.float64]), nps.array_shapes(max_side=5),
        elements=st.floats(-2, 2, width=16),
    ),
    st.integers(2, 32),
)  # fmt: skip
def test_a_mean_is_as_near_as_the_report_says(values, bits):
    plan = AggregationPlan(2, bits, clip=1.0)
    mean, report = opened(plan, [values, values])
    assert mean.dtype == values.dtype
    assert mean.shape == values.shape
    clipped = np.clip(values.astype(np.float64), -1, 1)
    ulp = np.spacing(np.abs(clipped).astype(values.dtype)).astype(np.float64)
    assert (np.abs(mean.astype(np.float64) - clipped) <= report.rounding_error["0"] + ulp).all()
    if values.size:
        assert report.clipped["0"] == (np.abs(values) > 1).mean()


def test_clipping_comes_before_the_weight():
    plan = AggregationPlan(2, 16, clip=1.0, max_total_weight=2000, rounding="nearest")
    _, vector_ = elements(plan, np.array([0.5, 3.0]), weight=1000)
    assert vector_[:2].tolist() == [1000 * 16384, 1000 * 32767]


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), max_size=9), st.integers(1, 61))
def test_digits_join_to_the_sum(numbers, bits):
    digits = split(np.array(numbers, dtype=np.int64), -(-63 // bits), bits)
    assert digits.size == 0 or np.abs(digits).max() < 2**bits
    assert join(digits, bits) == numbers
    assert join(3 * digits.astype(object), bits) == [3 * number for number in numbers]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_values_that_are_none(bad, dtype):
    values = np.zeros(40_000, dtype=dtype)
    values[-1] = bad
    with pytest.raises(DataError, match="NaN or infinite"):
        elements(AggregationPlan(2), {"w": values})


def test_values_beyond_floats_once_scaled():
    with pytest.raises(DataError, match="beyond all limits"):
        elements(AggregationPlan(2, 32, clip=2.0**-60), np.array([1e300]))


def test_integers_beyond_the_plan():
    plan = AggregationPlan(2, integers="sum", integer_bits=8)
    elements(plan, np.array([255, -255]))
    for number in (256, -256):
        with pytest.raises(DataError, match="integer_bits"):
            elements(plan, np.array([number]))
    with pytest.raises(ConfigurationError, match="no weighted mean"):
        elements(AggregationPlan(2), [np.ones(2), np.array(3)])


def test_one_clip_for_each_array():
    plan = AggregationPlan(2, clip=(1.0, 4.0), rounding="nearest")
    mean, report = opened(plan, [[np.array([3.0]), np.array([3.0])]] * 2)
    assert mean[0] == 1
    assert abs(mean[1][0] - 3) <= report.rounding_error["1"]
    assert report.clipped == {"0": 1.0, "1": 0.0}
    with pytest.raises(ConfigurationError, match="2 clips"):
        elements(plan, [np.ones(1)])


def test_adaptive_clips_move_with_what_is_clipped():
    plan = AggregationPlan(2, clip="adaptive")
    wide, narrow = np.linspace(-20, 20, 999), np.linspace(-1e-3, 1e-3, 999)
    clips = []
    for _ in range(12):
        mean, report = opened(plan, [[wide, narrow]] * 2)
        clips.append(plan.clips(2))
        plan = report.next_plan
    assert clips[0] == (1.0, 1.0)
    assert plan.clips(2) == (32.0, 2.0**-8)
    assert clips[-1] == plan.clips(2)  # it rests
    assert report.clipped == {"0": 0.0, "1": 0.0}
    assert np.abs(mean[1] - narrow).max() <= report.rounding_error["1"]


def test_adaptive_clips_never_swing():
    """Where a clip halves, it does not double next."""
    for clipped, large in [(0, 0), (0, 9e-5), (2e-3, 1), (0, 2e-4)]:
        moved = _moved(1.0, clipped, large)
        assert moved == (2.0 if clipped > 1e-3 else 0.5 if large < 1e-4 else 1.0)


def test_a_float16_mean_neither_overflows_nor_shrinks():
    plan = AggregationPlan(100, 16, clip=32767.0, rounding="nearest")
    mean, _ = opened(plan, [np.full(3, 20_000, dtype=np.float16)] * 100)
    np.testing.assert_array_equal(mean, np.full(3, 20_000, dtype=np.float16))


def test_sums_beyond_the_plan_are_refused():
    plan = AggregationPlan(2, 8)
    layout, one = elements(plan, np.ones(3))
    read_sums(2 * one, layout)
    for wrong in (3 * one, one * 0):
        with pytest.raises(BoundError):
            read_sums(wrong, layout)


def test_plans_that_make_no_sense():
    for wrong in (
        {"clients": 1}, {"value_bits": 1}, {"value_bits": 33}, {"value_bits": True}, {"clip": 0.0},
        {"clip": -1.0}, {"clip": float("nan")}, {"clip": "large"}, {"clip": (1.0, "a")},
        {"max_total_weight": 2}, {"rounding": "up"}, {"integers": "mean"}, {"integer_bits": 64},
        {"neighbours": 3}, {"value_bits": 32, "max_total_weight": 1 << 40},
    ):  # fmt: skip
        with pytest.raises(ConfigurationError):
            AggregationPlan(**({"clients": 3} | wrong))


def test_the_width_is_the_proof():
    for clients, bits, total in [
        (2, 2, 2),
        (3, 8, 3),
        (10, 16, 10),
        (100, 16, 2**20),
        (7, 32, 999),
    ]:
        plan = AggregationPlan(clients, bits, max_total_weight=total)
        half = 1 << (plan.width - 1)
        assert clients * plan.client_bound < half
        assert clients * plan.max_weight <= total
        assert plan.digit_bits >= 1
