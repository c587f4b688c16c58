# SPDX-License-Identifier: Apache-2.0
"""L2: half the squared weights, each times its own alpha (0 for the intercept)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def l2_loss(alpha: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Return the sum of alpha/2 w^2."""
    return float(alpha @ weights**2) / 2


def l2_gradient(alpha: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return alpha w."""
    return alpha * weights
