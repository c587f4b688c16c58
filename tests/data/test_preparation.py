# SPDX-License-Identifier: Apache-2.0
"""Features: standardised, clipped, rounded half to even; what cannot be is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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


def test_columns_whose_variance_overflows_are_refused():
    values = np.array([[1e200], [-1e200], [1e308]])
    with pytest.raises(DataError, match="variance is beyond float64: rescale"):
        FeaturePipeline.fit(values, standardize=True, clip=None).transform(values)


def test_ones_for_the_intercept_and_rows_by_number(rng):
    matrix = FixedPointMatrix.round(rng.normal(size=(5, 2))).with_ones()
    assert (matrix.rows, matrix.columns) == (5, 3)
    assert (matrix.values[:, -1] == 1).all()
    assert (matrix.take(np.array([3, 0])).integers == matrix.integers[[3, 0]]).all()
