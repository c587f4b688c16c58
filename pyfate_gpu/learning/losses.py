# SPDX-License-Identifier: Apache-2.0
"""Losses that boosting goes down: gradient and hessian of each row's scores, at the party that has the labels.

Names are scikit-learn's; those of XGBoost are taken too and mean the same formulas, to the last digit but one.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats

#: Gradient and hessian of scores, given labels and scores, all [rows, outputs].
Derivatives = tuple[Floats, Floats]
#: What a user's own loss is: called with labels and scores as `Derivatives` are, or of one axis for one output.
Custom = Callable[[Floats, Floats], tuple[Any, Any]]

#: The least hessian of losses whose hessian dies out with their gradient.
LEAST_HESSIAN = 1e-16
#: The largest gradient or hessian: squares of sums of them are finite.
LARGEST = 1e140


class Loss(ABC):
    """A loss of labels and scores, both [rows, outputs]; sums over outputs."""

    #: Whether leaves take the best constant of their rows in place of a Newton step.
    refits_leaves = False

    @abstractmethod
    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return the first and second derivative of each row's loss by its scores."""

    @abstractmethod
    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row, [rows]."""

    @abstractmethod
    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the constant scores [outputs] to begin with, given weights [rows]."""

    def link(self, response: float) -> float:
        """Return the score that stands for a response: the inverse of `respond`."""
        return response

    def respond(self, scores: Floats) -> Floats:
        """Return what scores predict."""
        return scores

    def check(self, y: Floats) -> None:  # noqa: B027 - most take any number
        """Refuse labels that the loss is not defined for.

        Raises
        ------
        DataError
            Saying which it takes.
        """

    def refit(self, residuals: Floats, weights: Floats) -> float:
        """Return the constant that is best for rows with these residuals y - score, where `refits_leaves`."""
        raise NotImplementedError


class Squared(Loss):
    """Half the square of the difference."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        return scores - y, np.ones_like(scores)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return _rows((scores - y) ** 2 / 2)

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return _means(y, weights)


@dataclass(frozen=True)
class Quantile(Loss):
    """The pinball loss, whose best constant is a quantile.

    Parameters
    ----------
    alpha : float
        Which quantile, between 0 and 1.
    """

    alpha: float = 0.5
    refits_leaves = True

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        return np.where(scores >= y, 1 - self.alpha, -self.alpha), np.ones_like(scores)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        missed = y - scores
        return _rows(np.maximum(self.alpha * missed, (self.alpha - 1) * missed))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([_quantile(column, weights, self.alpha) for column in y.T])

    def refit(self, residuals: Floats, weights: Floats) -> float:
        """Return the best constant of residuals."""
        return _quantile(residuals, weights, self.alpha)


class Absolute(Quantile):
    """The absolute difference, whose best constant is the median."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        return np.sign(scores - y), np.ones_like(scores)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return _rows(np.abs(scores - y))


@dataclass(frozen=True)
class PseudoHuber(Loss):
    """Squared near 0, absolute far from it, smooth in between.

    Parameters
    ----------
    slope : float
        Where the one becomes the other.
    """

    slope: float = 1.0

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        difference = scores - y
        squares = self.slope**2 + difference**2
        root = np.sqrt(1 + (difference / self.slope) ** 2)
        return difference / root, self.slope**2 / (squares * root)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        ratio = (scores - y) / self.slope
        return _rows(self.slope**2 * (np.sqrt(1 + ratio**2) - 1))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([_quantile(column, weights, 0.5) for column in y.T])


class Logistic(Loss):
    """The logistic loss of two classes, y in {0, 1}."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        p = self.respond(scores)
        return p - y, np.maximum(p * (1 - p), LEAST_HESSIAN)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return _rows(np.logaddexp(0.0, (1 - 2 * y) * scores))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([self.link(float(mean)) for mean in _means(y, weights)])

    def link(self, response: float) -> float:
        """Return the score of a response."""
        if not 0 < response < 1:
            raise ConfigurationError(
                f"base_score is {response:g}; of a probability it must lie between 0 and 1"
            )
        return math.log(response / (1 - response))

    def respond(self, scores: Floats) -> Floats:
        """Return the response of scores."""
        return np.exp(-np.logaddexp(0.0, -scores))


class Softmax(Loss):
    """The logistic loss of more than two classes, a column of y for each."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        p = self.respond(scores)
        return p - y, np.maximum(2 * p * (1 - p), LEAST_HESSIAN)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return np.asarray(np.logaddexp.reduce(scores, axis=1) - _rows(y * scores))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.log(np.maximum(_means(y, weights), LEAST_HESSIAN))

    def respond(self, scores: Floats) -> Floats:
        """Return the response of scores."""
        return np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))


class _Log(Loss):
    """Losses of means above 0, whose logarithm is the score."""

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([self.link(float(mean)) for mean in _means(y, weights)])

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
class Poisson(_Log):
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
        return _rows(np.exp(scores) - y * scores)

    def check(self, y: Floats) -> None:
        """Refuse labels out of range."""
        _check_least(y, "poisson", strict=False)


class Gamma(_Log):
    """Amounts above 0 whose spread grows with their mean."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        ratio = y * np.exp(-scores)
        return 1 - ratio, ratio

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return _rows(scores + y * np.exp(-scores))

    def check(self, y: Floats) -> None:
        """Refuse labels out of range."""
        _check_least(y, "gamma", strict=True)


@dataclass(frozen=True)
class Tweedie(_Log):
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
        return _rows(np.exp(two * scores) / two - y * np.exp(one * scores) / one)

    def check(self, y: Floats) -> None:
        """Refuse labels out of range."""
        _check_least(y, "tweedie", strict=False)


@dataclass(frozen=True)
class CustomLoss(Loss):
    """A loss of the user's own, known by its derivatives alone.

    Parameters
    ----------
    function : callable
        Returns gradient and hessian of labels and scores.
    """

    function: Custom

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        single = scores.shape[1] == 1
        found = self.function(y[:, 0], scores[:, 0]) if single else self.function(y, scores)
        try:
            g, h = (np.asarray(part, dtype=np.float64).reshape(scores.shape) for part in found)
        except (TypeError, ValueError):
            raise ConfigurationError(
                f"objective returned no gradient and hessian of {len(scores)} rows: it must return two arrays like the "
                "scores that it was called with"
            ) from None
        return g, h

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return np.full(len(y), np.nan)  # nobody said what it is

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.zeros(y.shape[1])


#: Losses of regressions by scikit-learn's names.
LOSSES: dict[str, type[Loss]] = {
    "squared_error": Squared,
    "absolute_error": Absolute,
    "huber": PseudoHuber,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": Tweedie,
}
#: What XGBoost calls them.
XGBOOST_NAMES = {
    "reg:squarederror": "squared_error",
    "reg:absoluteerror": "absolute_error",
    "reg:pseudohubererror": "huber",
    "reg:quantileerror": "quantile",
    "count:poisson": "poisson",
    "reg:gamma": "gamma",
    "reg:tweedie": "tweedie",
}


def find_loss(
    objective: Any,
    *,
    huber_slope: float = 1.0,
    quantile_alpha: float = 0.5,
    tweedie_variance_power: float = 1.5,
) -> Loss:
    """Return the loss of a regression.

    Parameters
    ----------
    objective : str or callable
        A name of `LOSSES` or `XGBOOST_NAMES`, or a function of labels and scores that returns gradient and hessian.

    Raises
    ------
    ConfigurationError
        When there is no such loss.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.losses import find_loss
    >>> g, h = find_loss("squared_error").derivatives(np.array([[1.0]]), np.array([[3.0]]))
    >>> g.tolist(), h.tolist()
    ([[2.0]], [[1.0]])
    """
    if callable(objective):
        return CustomLoss(objective)
    name = XGBOOST_NAMES.get(objective, objective) if isinstance(objective, str) else objective
    if not isinstance(name, str) or name not in LOSSES:
        raise ConfigurationError(
            f"objective is {objective!r}; choose one of {', '.join(LOSSES)}, or a function of labels and scores"
        )
    if name == "huber":
        return PseudoHuber(huber_slope)
    if name == "quantile":
        return Quantile(quantile_alpha)
    if name == "tweedie":
        return Tweedie(tweedie_variance_power)
    return LOSSES[name]()


def weigh(derivatives: Derivatives, weights: Floats | None) -> Derivatives:
    """Return derivatives times the weights of the rows, [rows]; checked to be usable.

    Raises
    ------
    DataError
        When one is not finite, too large to be squared, or a hessian below 0.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.losses import weigh
    >>> weigh((np.ones((2, 1)), np.ones((2, 1))), np.array([2.0, 0.5]))[0].ravel().tolist()
    [2.0, 0.5]
    """
    g, h = derivatives
    if weights is not None:
        g, h = g * weights[:, np.newaxis], h * weights[:, np.newaxis]
    bad = ~(np.isfinite(g).all(axis=1) & np.isfinite(h).all(axis=1))
    if bad.any():
        raise DataError(
            f"the gradients of {int(bad.sum())} rows are infinite or NaN, first of row {int(np.argmax(bad))}: "
            "rescale y, lower the learning rate, or set max_delta_step"
        )
    largest = float(max(np.abs(g).max(initial=0.0), h.max(initial=0.0)))
    if largest > LARGEST:
        raise DataError(
            f"a gradient reached {largest:g}, the limit is {LARGEST:g}: rescale y, or lower the learning rate"
        )
    if (h < 0).any():
        raise DataError(
            f"the hessian of row {int(np.argmax((h < 0).any(axis=1)))} is below 0: a loss must be convex"
        )
    return g, h


def _rows(values: Floats) -> Floats:
    return np.asarray(values.sum(axis=1), dtype=np.float64)


def _means(y: Floats, weights: Floats) -> Floats:
    """Weighted means of the columns, the same for any order of rows."""
    total = math.fsum(weights)
    return np.array([math.fsum(column * weights) / total for column in y.T])


def _quantile(values: Floats, weights: Floats, alpha: float) -> float:
    """The value that a share `alpha` of the weight lies at or below, midway where two will do."""
    order = np.argsort(values, kind="stable")
    below = np.cumsum(weights[order])
    wanted = alpha * below[-1]
    place = int(np.searchsorted(below, wanted))
    place = min(place, len(values) - 1)
    found = float(values[order[place]])
    if below[place] == wanted and place + 1 < len(values):
        return (found + float(values[order[place + 1]])) / 2
    return found


def _check_least(y: NDArray[np.float64], name: str, *, strict: bool) -> None:
    least = float(y.min())
    if least < 0 or (strict and least == 0):
        raise DataError(
            f"objective {name!r} takes labels {'above 0' if strict else 'of 0 or more'}; the least is {least:g}"
        )
