# SPDX-License-Identifier: Apache-2.0
"""Losses of classes by the probability of the right one."""

from __future__ import annotations

import math

import numpy as np

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.learning.losses.base import (
    LEAST_HESSIAN,
    Derivatives,
    Loss,
    row_sums,
    weighted_means,
)
from pyfate_gpu.typing import Floats


class Logistic(Loss):
    """The logistic loss of two classes, y in {0, 1}."""

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        p = self.respond(scores)
        return p - y, np.maximum(p * (1 - p), LEAST_HESSIAN)

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return row_sums(np.logaddexp(0.0, (1 - 2 * y) * scores))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.array([self.link(float(mean)) for mean in weighted_means(y, weights)])

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
        return np.asarray(np.logaddexp.reduce(scores, axis=1) - row_sums(y * scores))

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.log(np.maximum(weighted_means(y, weights), LEAST_HESSIAN))

    def respond(self, scores: Floats) -> Floats:
        """Return the response of scores."""
        return np.exp(scores - np.logaddexp.reduce(scores, axis=1, keepdims=True))
