# SPDX-License-Identifier: Apache-2.0
"""X^T [[d]]: what both guest and host do with the encrypted residuals of a batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.errors import DataError
from pyfate_gpu.federation import Session
from pyfate_gpu.glm.features import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.he import CiphertextArray

#: What a plain number is multiplied by to be added to such a sum.
SCALE = 1 << FRACTION_BITS


def check_scores(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `values`, scores or residuals about to be encoded.

    Raises
    ------
    DataError
        When one is not finite or beyond the default encoder's bound.
    """
    limit = FixedPointEncoder().bound
    if not (np.abs(values) <= limit).all():  # NaN compares false
        raise DataError(
            f"a score or residual reached {np.abs(values).max():g}, the limit is {limit:g}: "
            "rescale y, standardise or clip the features, or lower the learning rate"
        )
    return values


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
