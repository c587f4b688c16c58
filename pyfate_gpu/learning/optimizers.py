# SPDX-License-Identifier: Apache-2.0
"""Update rules; each works on every weight by itself, so that parties can run them locally.

The constants are those of FATE, so that its configurations carry over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from pyfate_gpu.typing import Floats

_EPSILON = 1e-8
_MOMENTUM = 0.9
#: Smaller gradients are what rounding features to 24 fraction bits leaves of 0.
_ROUNDING = 2.0**-20


class Optimizer(ABC):
    """Turns gradients into steps; holds the running averages of one party's weights.

    `learning_rate` may change between steps. `rates` says by how much a steady gradient of 1 would move
    each weight in the end: what a proximal L1 penalty, which acts on the moved weights, must be scaled by.
    """

    #: Gradients are divided by their own size: a step's length does not follow theirs.
    normalises: ClassVar[bool] = False

    def __init__(self, learning_rate: float) -> None:
        self.learning_rate = learning_rate

    @abstractmethod
    def step(self, gradient: Floats) -> Floats:
        """Return what to subtract from the weights."""

    def descend(self, gradient: Floats) -> Floats:
        """Return the `step` for a gradient of features that were rounded.

        What rounding can leave of 0 counts as 0 where gradients are divided by their size: a weight that is
        where it should be would otherwise go a whole step, whither chance decides.
        """
        if self.normalises:
            gradient = np.where(np.abs(gradient) < _ROUNDING, 0.0, gradient)
        return self.step(gradient)

    @property
    def rates(self) -> Floats | float:
        """Return the step for a steady gradient of 1, after the first `step`."""
        return self.learning_rate

    def state(self) -> dict[str, Floats | float | int]:
        """Return the running averages by name."""
        return {name[1:]: value for name, value in vars(self).items() if name.startswith("_")}

    def restore(self, state: Mapping[str, Floats | float | int]) -> None:
        """Take up the running averages that `state` returned."""
        vars(self).update({f"_{name}": value for name, value in state.items()})


class SGD(Optimizer):
    """Gradient descent: lr g."""

    def step(self, gradient: Floats) -> Floats:
        """Return lr g."""
        return self.learning_rate * gradient


class Momentum(Optimizer):
    """Heavy ball: v = 0.9 v + lr g; v."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self._velocity: Floats | float = 0.0

    def step(self, gradient: Floats) -> Floats:
        """Return v."""
        self._velocity = _MOMENTUM * self._velocity + self.learning_rate * gradient
        return self._velocity

    @property
    def rates(self) -> float:
        """Return lr / (1 - 0.9), the sum of what one gradient adds to all later steps."""
        return self.learning_rate / (1 - _MOMENTUM)


class Nesterov(Momentum):
    """Nesterov's momentum in the form of Bengio et al. (arXiv 1212.0901): 1.9 v' - 0.9 v."""

    def step(self, gradient: Floats) -> Floats:
        """Return 1.9 v' - 0.9 v with v' = 0.9 v + lr g."""
        before = self._velocity
        return (1 + _MOMENTUM) * super().step(gradient) - _MOMENTUM * before


class AdaGrad(Optimizer):
    """Duchi, Hazan, Singer (2011): s = s + g^2; lr g / (sqrt(s) + eps)."""

    normalises = True

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self._squares: Floats | float = 0.0

    def step(self, gradient: Floats) -> Floats:
        """Return lr g / (sqrt(s) + eps)."""
        self._squares = self._squares + gradient**2
        return self.rates * gradient

    @property
    def rates(self) -> Floats:
        """Return lr / (sqrt(s) + eps)."""
        return np.asarray(self.learning_rate / (np.sqrt(self._squares) + _EPSILON))


class RMSProp(AdaGrad):
    """Tieleman, Hinton (2012): s = 0.99 s + 0.01 g^2; lr g / (sqrt(s) + eps)."""

    def step(self, gradient: Floats) -> Floats:
        """Return lr g / (sqrt(s) + eps)."""
        self._squares = 0.99 * self._squares + 0.01 * gradient**2
        return self.rates * gradient


class Adam(Optimizer):
    """Kingma, Ba (arXiv 1412.6980), with the bias corrections of its algorithm 1."""

    normalises = True

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self._mean: Floats | float = 0.0
        self._squares: Floats | float = 0.0
        self._steps = 0

    def step(self, gradient: Floats) -> Floats:
        """Return lr m' / (sqrt(s') + eps)."""
        self._steps += 1
        self._mean = 0.9 * self._mean + 0.1 * gradient
        self._squares = 0.999 * self._squares + 0.001 * gradient**2
        return self.rates * self._mean / (1 - 0.9**self._steps)

    @property
    def rates(self) -> Floats:
        """Return lr / (sqrt(s') + eps)."""
        squares = self._squares / (1 - 0.999**self._steps)
        return np.asarray(self.learning_rate / (np.sqrt(squares) + _EPSILON))


OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "momentum": Momentum,
    "nesterov": Nesterov,
    "adagrad": AdaGrad,
    "rmsprop": RMSProp,
    "adam": Adam,
}
