# SPDX-License-Identifier: Apache-2.0
"""How much each row counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.data.tables import read_targets
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats


def read_plain_weights(weights: Any, rows: int) -> Floats | None:
    """Return weights of rows as they are; None for None.

    Raises
    ------
    DataError
        When they are not one number for each row, 0 or more, and some above 0.
    """
    if weights is None:
        return None
    values = read_targets(weights, rows, "sample_weight")
    if values.min() < 0 or values.max() == 0:
        raise DataError(
            f"sample_weight reaches from {values.min():g} to {values.max():g}: "
            "weights are 0 or more, and some above 0"
        )
    return values


def read_weights(weights: Any, rows: int) -> FixedPointMatrix | None:
    """Return weights of rows, scaled to mean 1 and rounded; None for None.

    Raises
    ------
    DataError
        As of `read_plain_weights`.
    """
    values = read_plain_weights(weights, rows)
    if values is None:
        return None
    share = values / values.max()  # first, that the mean cannot overflow
    return FixedPointMatrix.round((share / share.mean())[:, np.newaxis])
