# SPDX-License-Identifier: Apache-2.0
"""X^T [[d]]: what both guest and host do with the encrypted residuals of a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.federation import Session
from pyfate_gpu.glm.features import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.he import CiphertextArray

#: What a plain number is multiplied by to be added to such a sum.
SCALE = 1 << FRACTION_BITS


def weighted_sums(
    session: Session,
    features: FixedPointMatrix,
    share: NDArray[np.float64],
    residual: CiphertextArray,
) -> tuple[CiphertextArray, CiphertextArray]:
    """Multiply the residuals by this party's columns, and by its share of d/slope.

    Parameters
    ----------
    features : FixedPointMatrix
        Rows of the batch, columns of this party.
    share : float64 [rows]
        This party's part of d/slope, for the loss: sum of d^2/slope = sum of d times all shares.
    residual : CiphertextArray [rows]
        The encrypted residuals d.

    Returns
    -------
    CiphertextArray [columns], CiphertextArray [1]
        Sums for the gradient and for the loss, both times `SCALE`.
    """
    shares = FixedPointMatrix.round(share[:, np.newaxis])
    columns = np.ascontiguousarray(np.hstack([features.integers, shares.integers]).T)
    with session.statistics.step("multiply", operations=columns.size):
        sums: CiphertextArray = columns @ residual  # type: ignore[assignment] # NumPy steps back
    return sums[:-1], sums[-1:]
