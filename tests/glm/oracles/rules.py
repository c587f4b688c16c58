# SPDX-License-Identifier: Apache-2.0
"""Update rules as their papers state them: each step from all gradients so far, no running averages.

Everything here takes the gradients and learning rates of steps 1 to t, oldest first, and returns what is
subtracted from the weights at step t. The constants are FATE's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

EPSILON = 1e-8
MOMENTUM = 0.9

Array = np.ndarray
Rule = Callable[[Sequence[Array], Sequence[float]], Array]


def _fading(share: float, steps: int) -> list[float]:
    """Powers of `share`, the newest step's is 1."""
    return [share ** (steps - 1 - index) for index in range(steps)]


def _sum(factors: Sequence[float], arrays: Sequence[Array]) -> Array:
    return np.sum([factor * array for factor, array in zip(factors, arrays, strict=True)], axis=0)


def _velocity(gradients: Sequence[Array], rates: Sequence[float]) -> Array | float:
    """Polyak's heavy ball: what all gradients so far still add to this step."""
    if not gradients:
        return 0.0
    fading = _fading(MOMENTUM, len(gradients))
    return _sum([rate * left for rate, left in zip(rates, fading, strict=True)], gradients)


def sgd(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    """Steepest descent."""
    return rates[-1] * gradients[-1]


def momentum(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    """Polyak (1964)."""
    return np.asarray(_velocity(gradients, rates))


def nesterov(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    """Sutskever et al. (2013), eq. 3 and 4: gradients are of the points looked ahead to.

    Those points are the weights, so a step is the difference of two of them.
    """

    def ahead(step: int) -> Array:
        moves = [_velocity(gradients[:i], rates[:i]) for i in range(step + 1)]
        return -np.sum([np.broadcast_to(move, gradients[0].shape) for move in moves], axis=0) - (
            MOMENTUM * moves[-1]
        )

    return ahead(len(gradients) - 1) - ahead(len(gradients))


def adagrad_rates(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    """Duchi, Hazan, Singer (2011): the norm of all gradients so far."""
    return rates[-1] / (np.linalg.norm(np.stack(gradients), axis=0) + EPSILON)


def rmsprop_rates(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    """Tieleman, Hinton (2012), lecture 6e, with .99 in place of .9."""
    squares = _sum(_fading(0.99, len(gradients)), [gradient**2 for gradient in gradients]) * 0.01
    return rates[-1] / (np.sqrt(squares) + EPSILON)


def adam_rates(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    """Kingma, Ba (2014): corrected for their bias, moments are weighted means."""
    fading = _fading(0.999, len(gradients))
    squares = _sum(fading, [gradient**2 for gradient in gradients]) / sum(fading)
    return rates[-1] / (np.sqrt(squares) + EPSILON)


def adagrad(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    return adagrad_rates(gradients, rates) * gradients[-1]


def rmsprop(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    return rmsprop_rates(gradients, rates) * gradients[-1]


def adam(gradients: Sequence[Array], rates: Sequence[float]) -> Array:
    fading = _fading(0.9, len(gradients))
    return adam_rates(gradients, rates) * _sum(fading, gradients) / sum(fading)


RULES: dict[str, Rule] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "adagrad": adagrad,
    "rmsprop": rmsprop,
    "adam": adam,
}

#: By how much a gradient of 1 that stays moves a weight in each step, in the end: the unit of soft thresholds.
STEADY: dict[str, Rule] = {
    "sgd": lambda gradients, rates: np.full(gradients[-1].shape, rates[-1]),
    "momentum": lambda gradients, rates: np.full(gradients[-1].shape, 10 * rates[-1]),
    "nesterov": lambda gradients, rates: np.full(gradients[-1].shape, 10 * rates[-1]),
    "adagrad": adagrad_rates,
    "rmsprop": rmsprop_rates,
    "adam": adam_rates,
}
