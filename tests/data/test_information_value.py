# SPDX-License-Identifier: Apache-2.0
"""WOE, IV, KS, chi-square and stability against exact fractions and SciPy, and the rules for cells of 0."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, ks_2samp

from pyfate_gpu.data.information_value import (
    SMOOTHINGS,
    evidence_of,
    evidence_of_classes,
    ks_of,
    stability_of,
)
from pyfate_gpu.errors import ConfigurationError, DataError, ShapeError

#: 1,000 rows: bins (events, others), the fourth of missing values.
PLANTED = [(0, 100), (50, 50), (100, 0), (10, 40), (150, 100), (90, 310)]


def by_hand(table, smoothing):
    """Weight of evidence and information value in exact fractions, but for the logarithm."""
    ones, zeros = sum(o for o, _ in table), sum(z for _, z in table)
    woe, value = [], 0.0
    for one, zero in table:
        if smoothing == "laplace":
            p = (one + Fraction(1, 2)) / (ones + Fraction(len(table), 2))
            q = (zero + Fraction(1, 2)) / (zeros + Fraction(len(table), 2))
        else:
            more = Fraction(1, 2) if smoothing == "fate" and 0 in (one, zero) else 0
            p, q = (one + more) / Fraction(ones), (zero + more) / Fraction(zeros)
        if not p or not q:
            woe.append(math.inf if p else -math.inf)
        else:
            woe.append(math.log(p / q))
        value += float(p - q) * woe[-1]
    return woe, value


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_planted_table(smoothing):
    ones, zeros = zip(*PLANTED, strict=True)
    assert sum(ones) + sum(zeros) == 1000
    found = evidence_of(ones, zeros, smoothing=smoothing)
    woe, value = by_hand(PLANTED, smoothing)
    np.testing.assert_allclose(found.woe, woe, rtol=0, atol=1e-12)
    assert found.iv == pytest.approx(value, abs=1e-12)
    assert math.isinf(found.iv) == (smoothing == "none")
    left_out = evidence_of(ones, zeros, smoothing=smoothing, left_out=[3])
    assert left_out.iv == pytest.approx(found.iv - found.terms[3], abs=1e-12)


COUNTS = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=9)


@given(table=COUNTS)
def test_ks_and_chi_square_are_scipys(table):
    counts = np.array(table, dtype=float)
    if not counts.sum(axis=0).all():
        return
    found = evidence_of(*counts.T)
    expected = chi2_contingency(counts[counts.sum(axis=1) > 0], correction=False)[0]
    assert found.chi_square == pytest.approx(expected, abs=1e-9)
    order = np.argsort(counts[:, 0] / np.maximum(counts.sum(axis=1), 1), kind="stable")
    scores = [np.repeat(np.argsort(order), counts[:, c].astype(int)) for c in (0, 1)]
    assert found.ks == pytest.approx(ks_2samp(*scores).statistic, abs=1e-12)
    assert found.iv >= 0


@given(table=COUNTS, seed=st.integers(0, 5))
def test_the_order_of_bins_does_not_matter(table, seed):
    counts = np.array(table, dtype=float)
    mixed = np.random.default_rng(seed).permutation(counts)
    for smoothing in ("fate", "laplace"):
        first, second = (evidence_of(*each.T, smoothing=smoothing) for each in (counts, mixed))
        assert first.iv == pytest.approx(second.iv, abs=1e-12)
    assert ks_of(*counts.T) == pytest.approx(ks_of(*mixed.T), abs=1e-12)


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
def test_bins_without_rows_say_nothing(smoothing):
    found = evidence_of([10, 0, 20], [5, 0, 30], smoothing=smoothing)
    without = evidence_of([10, 20], [5, 30], smoothing=smoothing)
    assert found.woe[1] == found.terms[1] == 0
    assert found.iv == without.iv
    assert found.chi_square == without.chi_square


@pytest.mark.parametrize("smoothing", SMOOTHINGS)
@pytest.mark.parametrize("table", [[(0, 0)], [(30, 20)], [(0, 0), (0, 0)]])
def test_one_bin_has_no_information(table, smoothing):
    assert evidence_of(*zip(*table, strict=True), smoothing=smoothing).iv == 0


def test_fates_rule_leaves_totals_as_they_are():
    found = evidence_of([0, 40], [10, 10])
    assert found.woe.tolist() == [
        math.log((0.5 / 40) / (10.5 / 20)),
        math.log((40 / 40) / (10 / 20)),
    ]
    none = evidence_of([0, 0], [10, 30])  # a total of 0 counts as 1
    assert none.woe[0] == math.log(0.5 / (10.5 / 40))


def test_classes_are_each_against_the_rest():
    table = np.array([[5, 20, 9], [30, 2, 8], [0, 7, 0]], dtype=float)
    for c, found in enumerate(evidence_of_classes(table)):
        assert found.iv == evidence_of(table[:, c], np.delete(table, c, 1).sum(axis=1)).iv
    assert len(evidence_of_classes(table[:, :2])) == 1
    assert evidence_of_classes(table[:, :2])[0].events.tolist() == [20, 2, 7]


def test_stability_is_that_of_shares():
    assert stability_of([100, 300], [1, 3]) == 0
    p, q = np.array([0.25, 0.75]), np.array([0.5, 0.5])
    expected = float(((q - p) * np.log(q / p)).sum())
    assert stability_of([100, 300], [7, 7]) == pytest.approx(expected, abs=1e-12)


def test_what_are_no_counts():
    with pytest.raises(DataError, match="negative or not finite"):
        evidence_of([1, -1], [1, 1])
    with pytest.raises(DataError, match="negative or not finite"):
        evidence_of([1, np.nan], [1, 1])
    with pytest.raises(ShapeError, match="events of 2 bins and others of 1"):
        evidence_of([1, 1], [1])
    with pytest.raises(ShapeError, match="one axis"):
        evidence_of([[1]], [1])
    with pytest.raises(ShapeError, match="two or more classes"):
        evidence_of_classes([[1], [2]])
    with pytest.raises(ConfigurationError, match="choose one of fate, laplace, none"):
        evidence_of([1], [1], smoothing="bayes")
    for alpha in (0, -1, np.inf, True, "1"):
        with pytest.raises(ConfigurationError, match="alpha"):
            evidence_of([1], [1], alpha=alpha)
