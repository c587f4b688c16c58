# SPDX-License-Identifier: Apache-2.0
"""Gradient descent over the columns of all parties side by side, in floating point, step by step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.glm.oracles.losses import LOSSES
from tests.glm.oracles.rules import RULES, STEADY

Array = np.ndarray


@dataclass(kw_only=True)
class Descent:
    """What is trained, and how; `train` returns the weights of [columns..., intercept].

    Parameters
    ----------
    x, y : float64 [rows, columns], [rows]
        Prepared features of all parties, labels.
    owners : sequence of int
        How many columns each party has, the guest's first; its intercept is the last weight of all.
    batches : sequence of int64 arrays
        Rows of each batch.
    weight, offset : float64 [rows], optional
        Weights of rows; what is added to scores.
    judge : callable, optional
        Takes the weights after an iteration, returns what is to become less.
    """

    x: Array
    y: Array
    loss: str
    owners: Sequence[int]
    batches: Sequence[Array] | None = None
    weight: Array | None = None
    offset: Array | None = None
    intercept: bool = True
    optimizer: str = "rmsprop"
    learning_rate: float = 0.05
    decay: float = 0.0
    decay_sqrt: bool = True
    penalty: str | None = "l2"
    alpha: float = 0.01
    max_iter: int = 3
    convergence: str = "diff"
    tol: float = 1e-4
    judge: Callable[[Array], float] | None = None
    patience: int | None = None

    losses: list[float] = field(default_factory=list)
    judged: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        rows, columns = self.x.shape
        ones = np.ones((rows, 1)) if self.intercept else np.empty((rows, 0))
        self._x = np.hstack([self.x, ones])
        self._w = np.zeros(self._x.shape[1])
        self._origin = np.zeros(self._x.shape[1])
        self._unit = 1.0
        alpha = 0.0 if self.penalty is None else self.alpha
        self._alpha = np.where(np.arange(self._x.shape[1]) < columns, alpha, 0.0)
        weight = np.ones(rows) if self.weight is None else np.asarray(self.weight, float)
        self._weight = weight * rows / weight.sum()
        self._offset = np.zeros(rows) if self.offset is None else self.offset
        self._gradients: list[Array] = []
        self._rates: list[float] = []
        if self.loss == "linear":
            self._measure()

    def _measure(self) -> None:
        """Least squares begin at the mean; steps are taken in the power of two nearest to the deviation."""
        mean = np.dot(self._weight, self.y) / len(self.y) if self.intercept else 0.0
        deviation = np.sqrt(np.dot(self._weight, (self.y - mean) ** 2) / len(self.y))
        self._unit = 2.0 ** np.round(np.log2(deviation))
        if self.intercept:
            self._origin[-1] = mean
        self._w = self._origin

    def train(self) -> Array:
        """Iterate; return the weights, the best ones where a judge is."""
        best = self._w
        for iteration in range(self.max_iter):
            before = self._w
            slowed = (1 + self.decay * iteration) ** (0.5 if self.decay_sqrt else 1.0)
            total = 0.0
            for rows in self.batches or [np.arange(len(self.y))]:
                total += self._step(rows, self.learning_rate / slowed)
            self.losses.append(total / len(self.y))
            stop = self._settled(before)
            if self.judge is None:
                best = self._w
            else:
                self.judged.append(self.judge(self._w))
                if self.judged[-1] < min([np.inf, *self.judged[:-1]]) or self.patience is None:
                    best = self._w
                waited = len(self.judged) - 1 - int(np.argmin(self.judged))
                stop = stop or (self.patience is not None and waited >= self.patience)
            if stop:
                break
        return best

    def _step(self, rows: Array, rate: float) -> float:
        x, y, weight = self._x[rows], self.y[rows], self._weight[rows]
        score = x @ self._w + self._offset[rows]
        loss = LOSSES[self.loss]
        value = (weight * loss.value(score, y)).sum() + len(rows) * self._penalty()
        gradient = np.einsum("r,r,rc->c", weight, loss.slope(score, y), x) / len(rows)
        if self.penalty == "l2":
            gradient = gradient + self._alpha * self._w
        self._gradients.append(gradient / self._unit)
        self._rates.append(rate)
        moved = self._w - self._unit * RULES[self.optimizer](self._gradients, self._rates)
        if self.penalty == "l1":
            threshold = self._alpha * STEADY[self.optimizer](self._gradients, self._rates)
            moved = np.where(
                moved > threshold,
                moved - threshold,
                np.where(moved < -threshold, moved + threshold, 0.0),
            )
        self._w = moved
        return float(value)

    def _penalty(self) -> float:
        if self.penalty == "l1":
            return float(np.linalg.norm(self._alpha * self._w, 1))
        return float(self._alpha @ self._w**2) / 2

    def _settled(self, before: Array) -> bool:
        losses = [loss / self._unit**2 for loss in self.losses]
        if self.convergence == "abs":
            return abs(losses[-1]) <= self.tol
        if self.convergence == "diff":
            return len(losses) > 1 and abs(losses[-1] - losses[-2]) <= self.tol
        bounds = np.cumsum([0, *self.owners])
        parties = [list(range(a, b)) for a, b in zip(bounds[:-1], bounds[1:], strict=True)]
        parties[0] += range(bounds[-1], len(self._w))  # the intercept is the guest's
        return all(
            np.linalg.norm((self._w - before)[own])
            <= self.tol * max(self._unit, np.linalg.norm((self._w - self._origin)[own]))
            for own in parties
        )
