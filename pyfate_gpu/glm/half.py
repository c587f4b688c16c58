# SPDX-License-Identifier: Apache-2.0
"""One party's half of a model: its weights, and how they move."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.glm.features import FixedPointMatrix
from pyfate_gpu.glm.optimizers import OPTIMIZERS
from pyfate_gpu.glm.penalties import l2_gradient, l2_loss
from pyfate_gpu.glm.settings import Settings


class HalfModel:
    """Weights of one party's columns, all 0 to begin with.

    Parameters
    ----------
    columns : int
        Columns of the matrix it is used with.
    settings : Settings
        Optimizer, learning rate and penalty.
    intercept : bool
        The last column is the intercept's ones: no penalty on its weight.
    """

    def __init__(self, columns: int, settings: Settings, *, intercept: bool = False) -> None:
        self.weights = np.zeros(columns)
        self._alpha = np.full(columns, float(settings.alpha))
        if intercept:
            self._alpha[-1] = 0.0
        self._optimizer = OPTIMIZERS[settings.optimizer](settings.learning_rate)

    def scores(self, features: FixedPointMatrix) -> NDArray[np.float64]:
        """Return this half's share of the score of each row."""
        return features.values @ self.weights

    @property
    def penalty(self) -> float:
        """What the penalty adds to the mean loss."""
        return l2_loss(self._alpha, self.weights)

    def descend(self, gradient_sum: NDArray[np.float64], rows: int) -> None:
        """Take one step, given X^T d over `rows` rows."""
        gradient = gradient_sum / rows + l2_gradient(self._alpha, self.weights)
        self.weights = self.weights - self._optimizer.step(gradient)
