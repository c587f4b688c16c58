# SPDX-License-Identifier: Apache-2.0
"""What one party trains: the weights of its columns, and how they move."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.glm.settings import NEWTON, Settings
from pyfate_gpu.glm.targets import UNSCALED, TargetScale
from pyfate_gpu.learning.optimizers import OPTIMIZERS, SGD, Optimizer
from pyfate_gpu.learning.penalties import PENALTIES
from pyfate_gpu.typing import Floats


class PartyWeights:
    """Weights of one party's columns, one column of them for each output.

    Parameters
    ----------
    shape : (int, int)
        Columns of the matrix it is used with, outputs.
    settings : Settings
        Optimizer, learning rate and penalty.
    intercept : bool
        The last column is the intercept's ones: no penalty on its weights.
    start : float64 of that shape, optional
        Weights to begin with, in the user's unit; by default 0 in that of training.
    scale : TargetScale
        The unit of training.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        settings: Settings,
        *,
        intercept: bool = False,
        start: Floats | None = None,
        scale: TargetScale = UNSCALED,
    ) -> None:
        self._scale, self._intercept = scale, intercept
        self.values = (
            np.zeros(shape) if start is None else scale.shrink_weights(start, intercept=intercept)
        )
        self.best = self.values
        self._settings = settings
        self._penalty = PENALTIES[settings.penalty]
        alpha = 0.0 if settings.penalty == "none" else settings.alpha
        self._alpha = np.full((shape[0], 1), scale.alpha(alpha, self._penalty.degree))
        if intercept:
            self._alpha[-1] = 0.0
        self._optimizer = make_optimizer(settings)

    def scores(self, features: FixedPointMatrix) -> Floats:
        """Return this party's share of the score of each row, [rows, outputs]."""
        return features.times(self.values)

    @property
    def penalty(self) -> float:
        """What the penalty adds to the mean loss."""
        return self._penalty.loss(self._alpha, self.values)

    @property
    def penalty_gradient(self) -> Floats:
        """The derivative of the penalty where it is smooth."""
        return self._penalty.gradient(self._alpha, self.values)

    def begin(self, iteration: int) -> None:
        """Take the learning rate of an iteration, counted from 1."""
        self._optimizer.learning_rate = self._settings.rate(iteration)

    def descend(self, gradient_sums: Floats, rows: int) -> None:
        """Take one step, given X^T d over `rows` rows."""
        gradient = gradient_sums.reshape(self.values.shape) / rows + self.penalty_gradient
        self.move(self._optimizer.descend(gradient), self._optimizer.rates)

    def move(self, step: Floats, rates: Floats | float) -> None:
        """Subtract a step; shrink by what of the penalty is not smooth."""
        self.values = self._penalty.shrink(self._alpha, self.values - step, rates)

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return {
            "weights": self.values,
            "best": self.best,
            **{f"optimizer_{name}": value for name, value in self._optimizer.state().items()},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.values, self.best = state["weights"], state["best"]
        prefix = "optimizer_"
        names = [name for name in state if name.startswith(prefix)]
        self._optimizer.restore({name.removeprefix(prefix): state[name] for name in names})

    def fitted(self) -> Floats:
        """Return the best weights in the user's unit."""
        return self._scale.grow_weights(self.best, intercept=self._intercept)

    def keep_best(self) -> None:
        """Note these weights as the best so far."""
        self.best = self.values


def make_optimizer(settings: Settings) -> Optimizer:
    """Return the update rule that the settings name; of a search, which takes its own steps, the plainest."""
    kind = SGD if settings.optimizer == NEWTON else OPTIMIZERS[settings.optimizer]
    return kind(settings.learning_rate)
