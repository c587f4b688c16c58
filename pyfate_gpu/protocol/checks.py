# SPDX-License-Identifier: Apache-2.0
"""Checks of numbers before they are encrypted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.errors import DataError


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
