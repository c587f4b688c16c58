# SPDX-License-Identifier: Apache-2.0
"""Features: standardised, clipped, rounded half to even; what cannot be is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.data.preparation import FeaturePipeline
from pyfate_gpu.errors import DataError


def test_standardises_as_scikit_learn_does(rng):
    values = rng.normal(size=(50, 4)) * [1, 10, 1e-3, 1e6] + [0, 5, -1, 1e6]
    prepared = FeaturePipeline.fit(values, standardize=True, clip=None).transform(values).values
    expected = StandardScaler().fit_transform(values)
    np.testing.assert_allclose(prepared, expected, atol=2.0**-FRACTION_BITS)


def test_new_rows_are_prepared_by_the_rows_of_fit(rng):
    old, new = rng.normal(size=(50, 2)), rng.normal(size=(3, 2)) * 100
    pipeline = FeaturePipeline.fit(old, standardize=True, clip=3.0)
    prepared = pipeline.transform(new).values
    expected = np.clip((new - old.mean(axis=0)) / old.std(axis=0), -3, 3)
    np.testing.assert_allclose(prepared, expected, atol=2.0**-FRACTION_BITS)


def test_constant_columns_become_zero():
    values = np.full((10, 2), [0.1, 1e300])
    pipeline = FeaturePipeline.fit(values, standardize=True, clip=None)
    assert not pipeline.transform(values).integers.any()


def test_nothing_happens_unless_asked_for(rng):
    values = rng.integers(-5, 5, size=(10, 3)).astype(float)
    pipeline = FeaturePipeline.fit(values, standardize=False, clip=None)
    assert (pipeline.transform(values).values == values).all()


@given(st.floats(-(2.0**38) + 1, 2.0**38 - 1))
def test_rounds_half_to_even(value):
    integer = FixedPointMatrix.round(np.array([[value]])).integers[0, 0]
    assert integer == round(Fraction(value) * 2**FRACTION_BITS)


@pytest.mark.parametrize("value", [2.0**38, -(2.0**38), 1e300, np.inf, np.nan])
def test_magnitudes_beyond_fixed_point_are_refused(value):
    with pytest.raises(DataError, match=r"the limit is 2\.7\d*e\+11: standardise or clip"):
        FixedPointMatrix.round(np.array([[0.0, value]]))


@pytest.mark.parametrize("power", [-900, -600, 500, 900, 1020])
@pytest.mark.parametrize("clip", [None, 1.5])
def test_columns_of_any_size_are_prepared_as_those_of_usual_size(rng, power, clip):
    values = np.array([0, 10, -3]) + rng.normal(size=(40, 3))
    usual = FeaturePipeline.fit(values, standardize=True, clip=clip)
    other = FeaturePipeline.fit(np.ldexp(values, power), standardize=True, clip=clip)
    assert (other.mean == np.ldexp(usual.mean, power)).all()
    assert (other.scale == np.ldexp(usual.scale, power)).all()
    new = rng.normal(size=(10, 3)) * 4
    for rows in (values, new):
        expected = usual.transform(rows).integers
        assert (other.transform(np.ldexp(rows, power)).integers == expected).all()


def test_columns_beside_each_other_do_not_change(rng):
    values = rng.normal(size=(40, 3)) * [1.0, 1e-170, 1e300]
    together = FeaturePipeline.fit(values, standardize=True, clip=None).transform(values)
    for column in range(3):
        alone = values[:, [column]]
        prepared = FeaturePipeline.fit(alone, standardize=True, clip=None).transform(alone)
        assert (together.integers[:, [column]] == prepared.integers).all()


def test_columns_that_reach_all_over_float64():
    values = np.array([[1e200], [-1e200], [1.7e308], [-1.7e308], [-1.7e308]])
    prepared = FeaturePipeline.fit(values, standardize=True, clip=None).transform(values).values
    expected = StandardScaler().fit_transform(values / 2**600)
    np.testing.assert_allclose(prepared, expected, atol=2.0**-FRACTION_BITS)


def test_columns_too_small_to_have_digits_are_named():
    values = np.array([[1.0, 1e-310], [2.0, 3e-310]])
    with pytest.raises(DataError, match="column 1 spreads less than .*: multiply it") as error:
        FeaturePipeline.fit(values, standardize=True, clip=None)
    assert "310" not in str(error.value)


def test_a_new_value_far_outside_is_clipped_or_refused():
    values = np.array([[1.0], [2.0], [4.0]]) * 1e-170
    far = np.array([[1e300], [-1e300]])
    clipped = FeaturePipeline.fit(values, standardize=True, clip=2.0).transform(far).values
    assert clipped.tolist() == [[2.0], [-2.0]]
    with pytest.raises(DataError, match="too large"):
        FeaturePipeline.fit(values, standardize=True, clip=None).transform(far)


@pytest.mark.parametrize("standardize", [False, True])
def test_no_columns_at_all(standardize):
    pipeline = FeaturePipeline.fit(np.zeros((4, 0)), standardize=standardize, clip=2.0)
    assert (pipeline.columns, pipeline.features, pipeline.names(())) == (0, 0, ())
    assert pipeline.transform(np.zeros((3, 0))).with_ones().values.tolist() == [[1.0]] * 3


@pytest.mark.parametrize("indicator", [False, True])
@pytest.mark.parametrize("method", ["mean", "median", -1])
def test_imputes_then_standardises_as_scikit_learn_does(rng, method, indicator):
    old, new = rng.normal(size=(50, 4)), rng.normal(size=(9, 4))
    old[rng.random(old.shape) < 0.2], new[rng.random(new.shape) < 0.2] = np.nan, np.nan
    own = {"strategy": method} if isinstance(method, str) else {"fill_value": method}
    imputer = SimpleImputer(**{"strategy": "constant"} | own, add_indicator=indicator)
    theirs = make_pipeline(imputer, StandardScaler()).fit(old)
    ours = FeaturePipeline.fit(old, standardize=True, clip=None, impute=method, indicator=indicator)
    assert (ours.columns, ours.features) == (4, 8 if indicator else 4)
    assert ours.names(tuple("abcd")) == (*"abcd", *(f"{c} missing" for c in "abcd" if indicator))
    for rows in (old, new):
        np.testing.assert_allclose(
            ours.transform(rows).values, theirs.transform(rows), atol=2.0**-FRACTION_BITS
        )


def test_missing_values_without_imputation_are_refused():
    pipeline = FeaturePipeline.fit(np.ones((2, 1)), standardize=False, clip=2.0)
    with pytest.raises(DataError, match="is no number or too large"):
        pipeline.transform(np.array([[np.nan]]))


def test_ones_for_the_intercept_and_rows_by_number(rng):
    matrix = FixedPointMatrix.round(rng.normal(size=(5, 2))).with_ones()
    assert (matrix.rows, matrix.columns) == (5, 3)
    assert (matrix.values[:, -1] == 1).all()
    assert (matrix.take(np.array([3, 0])).integers == matrix.integers[[3, 0]]).all()
