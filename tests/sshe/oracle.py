# SPDX-License-Identifier: Apache-2.0
"""Descent in the clear, by the rule that shares follow; imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LINKS = {
    "identity": (0.0, 1.0, 0.0),
    "linear": (0.5, 0.25, 0.0),
    "minimax": (0.5, 0.125, 0.0),
    "cubic": (0.5, 0.197, -0.004),
    "cubic_wide": (0.5, 0.15012, -0.001593),
}


@dataclass
class Descent:
    """Parameters by the names that estimators have for them."""

    link: str
    iterations: int
    batch_size: int | None = None
    momentum: float = 0.9
    learning_rate: float = 0.05
    decay: float = 0.0
    alpha: float = 0.01
    intercept: bool = True

    def run(self, guest, host, y, weights=None, orders=None):
        """Return weights, the guest's first with its intercept, and the mean loss of each iteration."""
        X = np.hstack([guest, np.ones((len(y), int(self.intercept))), host])
        penalty = np.full(X.shape[1], rounded(self.alpha))
        if self.intercept:
            penalty[guest.shape[1]] = 0.0
        w, v, losses = np.zeros(X.shape[1]), np.zeros(X.shape[1]), []
        s = np.ones(len(y)) if weights is None else weights / np.mean(weights)
        size = self.batch_size or len(y)
        for iteration in range(1, self.iterations + 1):
            order = np.arange(len(y)) if orders is None else orders[iteration - 1]
            rate = rounded(self.learning_rate / np.sqrt(1 + self.decay * (iteration - 1)))
            total = 0.0
            for start in range(0, len(y), size):
                rows = order[start : start + size]
                residual = self.residual(X[rows] @ w, y[rows])
                total += self.loss(s[rows] @ residual**2, len(rows)) * len(rows)
                total += 0.5 * len(rows) * self.alpha * (penalty > 0) @ w**2
                gradient = X[rows].T @ (s[rows] * residual) / len(rows)
                v = rounded(self.momentum) * v + gradient + penalty * w
                w = w - rate * v
            losses.append(total / len(y))
        return w, losses

    def residual(self, z, y):
        constant, slope, cube = LINKS[self.link]
        return constant + rounded(slope) * z + rounded(cube) * z**3 - y

    def loss(self, squares, rows):
        _, slope, cube = LINKS[self.link]
        mean = squares / rows
        if cube:
            return mean
        return mean / (2 * slope) + (0 if self.link == "identity" else np.log(2) - 0.125 / slope)


def rounded(value):
    """As public factors are: 24 fraction bits."""
    return np.round(value * 2.0**24) / 2.0**24


def prepared(values, clip=None):
    """Standardise, clip, round to 24 fraction bits."""
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    if clip is not None:
        scaled = np.clip(scaled, -clip, clip)
    return np.round(scaled * 2.0**24) / 2.0**24
