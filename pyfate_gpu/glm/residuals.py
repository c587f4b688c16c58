# SPDX-License-Identifier: Apache-2.0
"""Products of plain numbers with encrypted residuals: what both guest and host do with a batch."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.he.array.placed import PlacedMatrix

#: What a plain number is multiplied by to be added to such a sum.
SCALE = 1 << FRACTION_BITS

_PLACED: weakref.WeakKeyDictionary[FixedPointMatrix, tuple[Any, PlacedMatrix]] = (
    weakref.WeakKeyDictionary()
)


def gradient_sums(
    session: Session, features: FixedPointMatrix, residual: CiphertextArray
) -> CiphertextArray:
    """Return X^T d times `SCALE`, [columns * outputs], of residuals [rows, outputs]."""
    operations = features.rows * features.columns * residual.shape[1]
    with session.statistics.step(Step.MULTIPLY, operations=operations):
        sums = _placed(features, residual).T @ residual
    return sums.ravel()


def _placed(features: FixedPointMatrix, residual: CiphertextArray) -> PlacedMatrix:
    """The features as the engine of `residual` holds them, from the first product of a batch on."""
    key = residual.public_key
    found = _PLACED.get(features)
    if found is None or found[0]() is not key.engine():
        engine = key.engine()
        found = _PLACED[features] = (weakref.ref(engine), features.place(key))
    return found[1]


def weighted_sum(
    session: Session, factors: NDArray[np.float64], values: CiphertextArray
) -> CiphertextArray:
    """Return the sum of all products, times `SCALE`, [1]: a party's share of the loss.

    Parameters
    ----------
    factors : float64 [rows, outputs]
        This party's factors, rounded like features.
    values : CiphertextArray [rows, outputs]
        Residuals or targets.
    """
    row = FixedPointMatrix.round(factors).integers.reshape(1, -1)
    with session.statistics.step(Step.MULTIPLY, operations=row.size):
        total: CiphertextArray = row @ values.ravel()  # type: ignore[assignment]
    return total
