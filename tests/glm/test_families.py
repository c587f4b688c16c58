# SPDX-License-Identifier: Apache-2.0
"""Losses, their derivatives, and the loss from residuals alone."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu.errors import DataError
from pyfate_gpu.glm.families import FAMILIES, encode_binary


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES)
def family(request):
    return request.param


@pytest.fixture
def y(family, rng):
    return (
        rng.integers(0, 2, 50).astype(float) if "logistic" in family.name else rng.normal(size=50)
    )


def test_the_residual_is_the_derivative_of_the_loss(family, y, rng):
    score, step = rng.normal(size=50), 1e-6
    for row in range(5):
        shift = np.zeros(50)
        shift[row] = step
        slope = (family.loss(score + shift, y) - family.loss(score - shift, y)) / (2 * step)
        residual = family.slope * score + family.target(y)
        assert slope == pytest.approx(residual[row], abs=1e-6)


def test_residuals_alone_give_the_loss(family, y, rng):
    score = rng.normal(size=50)
    residual = family.slope * score + family.target(y)
    half_squares = float((residual**2).sum()) / (2 * family.slope)
    assert family.loss_from_residuals(half_squares, y) == pytest.approx(family.loss(score, y))


def test_linear_loss_is_half_the_squared_error():
    score, y = np.array([1.0, 2.0]), np.array([3.0, 2.5])
    assert FAMILIES["linear"].loss(score, y) == pytest.approx((4 + 0.25) / 2)


def test_taylor_loss_is_close_to_the_logistic_loss_near_zero():
    score, y = np.array([0.1, -0.2]), np.array([1.0, 0.0])
    exact = float(np.log1p(np.exp(-(2 * y - 1) * score)).sum())
    assert FAMILIES["logistic-taylor"].loss(score, y) == pytest.approx(exact, abs=1e-5)


def test_the_logistic_response_never_overflows():
    response = FAMILIES["logistic-taylor"].response(np.array([-1e6, 0.0, 1e6]))
    assert response.tolist() == [0.0, 0.5, 1.0]


@pytest.mark.parametrize("labels", [[0, 1, 1], [-1, 1, 1], ["a", "b", "b"], [False, True, True]])
def test_two_classes_in_sorted_order(labels):
    codes, classes = encode_binary(np.array(labels))
    assert codes.tolist() == [0.0, 1.0, 1.0]
    assert classes.tolist() == sorted(set(labels))


def test_labels_without_an_order_are_refused():
    with pytest.raises(DataError, match="mixes types that have no order"):
        encode_binary(np.array([1, "a", 2], dtype=object))


@pytest.mark.parametrize("labels", [[1, 1], [0, 1, 2], []])
def test_other_numbers_of_classes_are_refused(labels):
    with pytest.raises(DataError, match=f"y has {len(set(labels))} distinct values"):
        encode_binary(np.array(labels))
