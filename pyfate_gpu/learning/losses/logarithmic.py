# SPDX-License-Identifier: Apache-2.0
"""Losses of numbers that are 0 or more, by the logarithm of their mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.learning.losses.base import Derivatives, Loss, row_sums, weighted_means
from pyfate_gpu.typing import Floats


class LogLoss(Loss):
    """Losses of means above 0, whose logarithm is the score."""

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([self.link(float(mean)) for mean in weighted_means(y, weights)])

    def link(self, response: float) -> float:
        """Return the score of a response."""
        if response <= 0:
            raise ConfigurationError(
                f"base_score is {response:g}; of a mean that grows by factors it must be above 0"
            )
        return math.log(response)

    def respond(self, scores: Floats) -> Floats:
        """Return the response of scores."""
        return np.exp(scores)


@dataclass(frozen=True)
class Poisson(LogLoss):
    """Counts, 0 or more.

    Parameters
    ----------
    max_delta_step : float
        The hessian is e to this power too large, which keeps steps small.
    """

    max_delta_step: float = 0.7

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        return np.exp(scores) - y, np.exp(scores + self.max_delta_step)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return row_sums(np.exp(scores) - y * scores)

    def check(self, y: Floats) -> None:
        """Refuse labels out of range."""
        _check_least(y, "poisson", strict=False)


class Gamma(LogLoss):
    """Amounts above 0 whose spread grows with their mean."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        ratio = y * np.exp(-scores)
        return 1 - ratio, ratio

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return row_sums(scores + y * np.exp(-scores))

    def check(self, y: Floats) -> None:
        """Refuse labels out of range."""
        _check_least(y, "gamma", strict=True)


@dataclass(frozen=True)
class Tweedie(LogLoss):
    """Amounts of which many are 0.

    Parameters
    ----------
    power : float
        The variance grows with the mean to this power, between 1 and 2.
    """

    power: float = 1.5

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        one, two = 1 - self.power, 2 - self.power
        of_y, of_mean = y * np.exp(one * scores), np.exp(two * scores)
        return of_mean - of_y, two * of_mean - one * of_y

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        one, two = 1 - self.power, 2 - self.power
        return row_sums(np.exp(two * scores) / two - y * np.exp(one * scores) / one)

    def check(self, y: Floats) -> None:
        """Refuse labels out of range."""
        _check_least(y, "tweedie", strict=False)


def _check_least(y: Floats, name: str, *, strict: bool) -> None:
    least = float(y.min())
    if least < 0 or (strict and least == 0):
        raise DataError(
            f"objective {name!r} takes labels {'above 0' if strict else 'of 0 or more'}; the least is {least:g}"
        )
