# SPDX-License-Identifier: Apache-2.0
"""What a client does with its own rows: losses, gradients, epochs of descent. Nobody else in sight."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.typing import Floats


class Loss(ABC):
    """A loss of scores, both [rows, outputs]."""

    @abstractmethod
    def mean(self, y: Floats, scores: Floats, weights: Floats) -> float:
        """The weighted mean over rows."""

    @abstractmethod
    def residuals(self, y: Floats, scores: Floats) -> Floats:
        """Derivatives of each row's loss by its scores."""


class SquaredLoss(Loss):
    """Half the squared difference."""

    def mean(self, y: Floats, scores: Floats, weights: Floats) -> float:
        """The weighted mean over rows."""
        return float(weights @ ((scores - y) ** 2).sum(axis=1) / 2 / weights.sum())

    def residuals(self, y: Floats, scores: Floats) -> Floats:
        """The differences."""
        return scores - y


class LogLoss(Loss):
    """Of two classes with one output, or of more with one each."""

    def mean(self, y: Floats, scores: Floats, weights: Floats) -> float:
        """The weighted mean over rows."""
        if y.shape[1] == 1:
            each = np.logaddexp(0, scores) - y * scores
        else:
            top = scores.max(axis=1, keepdims=True)
            each = top + np.log(np.exp(scores - top).sum(axis=1, keepdims=True))
            each = each - (y * scores).sum(axis=1, keepdims=True)
        return float(weights @ each[:, 0] / weights.sum())

    def residuals(self, y: Floats, scores: Floats) -> Floats:
        """Probabilities less labels."""
        return probabilities(scores) - y


def probabilities(scores: Floats) -> Floats:
    """Of the second class where there is one output, of each class where there are more."""
    if scores.shape[1] == 1:
        half = np.exp(-np.abs(scores))
        return np.asarray(np.where(scores >= 0, 1, half) / (1 + half))
    exponentials = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class LocalRows:
    """A client's rows, prepared: features with a last column of ones if there is an intercept.

    Parameters
    ----------
    features : float64 [rows, columns]
    y : float64 [rows, outputs]
    weights : float64 [rows]
    """

    features: Floats
    y: Floats
    weights: Floats


@dataclass(frozen=True)
class Descent:
    """How a client descends.

    Parameters
    ----------
    loss : Loss
    alpha : float
        Adds alpha/2 of the squared weights to the loss, but for the intercept's.
    proximal : float
        Adds proximal/2 of the squared distance from the common weights.
    learning_rate : float
    epochs : int
        Passes over the rows.
    batch_size : int or None
        Rows of a step; None for all.
    intercept : bool
    """

    loss: Loss
    alpha: float
    proximal: float
    learning_rate: float
    epochs: int
    batch_size: int | None
    intercept: bool

    def gradient(self, rows: LocalRows, weights: Floats, common: Floats) -> Floats:
        """Of the mean loss of the rows at `weights`."""
        residuals = self.loss.residuals(rows.y, rows.features @ weights)
        found = rows.features.T @ (residuals * rows.weights[:, None]) / rows.weights.sum()
        return np.asarray(found + self._decay(weights) + self.proximal * (weights - common))

    def mean_loss(self, rows: LocalRows, weights: Floats) -> float:
        """With the penalty."""
        penalty = float((self._decay(weights) * weights).sum()) / 2
        return self.loss.mean(rows.y, rows.features @ weights, rows.weights) + penalty

    def train(self, rows: LocalRows, common: Floats, random: np.random.Generator) -> Floats:
        """The weights after all epochs, from the common ones."""
        weights = common.copy()
        count = len(rows.y)
        size = count if self.batch_size is None else min(self.batch_size, count)
        for _ in range(self.epochs):
            order = random.permutation(count) if size < count else np.arange(count)
            for start in range(0, count, size):
                some = order[start : start + size]
                batch = LocalRows(rows.features[some], rows.y[some], rows.weights[some])
                if batch.weights.sum() > 0:
                    weights -= self.learning_rate * self.gradient(batch, weights, common)
        return weights

    def _decay(self, weights: Floats) -> Floats:
        decay = self.alpha * weights
        if self.intercept:
            decay[-1] = 0
        return decay
