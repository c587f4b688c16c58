# SPDX-License-Identifier: Apache-2.0
"""Products of plain numbers with encrypted residuals: what both guest and host do with a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.he import CiphertextArray

#: What a plain number is multiplied by to be added to such a sum.
SCALE = 1 << FRACTION_BITS


def gradient_sums(
    session: Session, features: FixedPointMatrix, residual: CiphertextArray
) -> CiphertextArray:
    """Return X^T d times `SCALE`, [columns * outputs], of residuals [rows, outputs]."""
    columns = np.ascontiguousarray(features.integers.T)
    with session.statistics.step(Step.MULTIPLY, operations=columns.size * residual.shape[1]):
        sums: CiphertextArray = columns @ residual  # type: ignore[assignment] # NumPy steps back
    return sums.ravel()


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
