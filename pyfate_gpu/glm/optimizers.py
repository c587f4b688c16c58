# SPDX-License-Identifier: Apache-2.0
"""Update rules; each works on every weight by itself, so that parties can run them locally.

The constants are those of FATE, so that its configurations carry over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

_EPSILON = 1e-8


class Optimizer(ABC):
    """Turns gradients into steps; holds the running averages of one party's weights."""

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    @abstractmethod
    def step(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what to subtract from the weights."""


class SGD(Optimizer):
    """Gradient descent: lr g."""

    def step(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return lr g."""
        return self.learning_rate * gradient


class Momentum(Optimizer):
    """Heavy ball: v = 0.9 v + lr g; v."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self._velocity: NDArray[np.float64] | float = 0.0

    def step(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return v."""
        self._velocity = 0.9 * self._velocity + self.learning_rate * gradient
        return self._velocity


class AdaGrad(Optimizer):
    """Duchi, Hazan, Singer (2011): s = s + g^2; lr g / (sqrt(s) + eps)."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self._squares: NDArray[np.float64] | float = 0.0

    def step(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return lr g / (sqrt(s) + eps)."""
        self._squares = self._squares + gradient**2
        return self.learning_rate * gradient / (np.sqrt(self._squares) + _EPSILON)


class RMSProp(Optimizer):
    """Tieleman, Hinton (2012): s = 0.99 s + 0.01 g^2; lr g / (sqrt(s) + eps)."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self._squares: NDArray[np.float64] | float = 0.0

    def step(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return lr g / (sqrt(s) + eps)."""
        self._squares = 0.99 * self._squares + 0.01 * gradient**2
        return self.learning_rate * gradient / (np.sqrt(self._squares) + _EPSILON)


class Adam(Optimizer):
    """Kingma, Ba (arXiv 1412.6980), with the bias corrections of its algorithm 1."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self._mean: NDArray[np.float64] | float = 0.0
        self._squares: NDArray[np.float64] | float = 0.0
        self._steps = 0

    def step(self, gradient: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return lr m' / (sqrt(s') + eps)."""
        self._steps += 1
        self._mean = 0.9 * self._mean + 0.1 * gradient
        self._squares = 0.999 * self._squares + 0.001 * gradient**2
        mean = self._mean / (1 - 0.9**self._steps)
        squares = self._squares / (1 - 0.999**self._steps)
        return np.asarray(self.learning_rate * mean / (np.sqrt(squares) + _EPSILON))


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
}
