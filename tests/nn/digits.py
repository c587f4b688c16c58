# SPDX-License-Identifier: Apache-2.0
"""Halves of digits between two parties, odd or even, with nets that each made of its own rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import KernelPCA
from sklearn.linear_model import LogisticRegression

COMMON = 200


@dataclass
class Halves:
    """The left half is the guest's; rows of both begin with those in common, in the same order."""

    guest: np.ndarray
    y: np.ndarray
    host: np.ndarray
    new: np.ndarray
    wanted: np.ndarray
    guest_net: Callable[[np.ndarray], np.ndarray]
    host_net: Callable[[np.ndarray], np.ndarray]
    #: Labels of the common rows, those that the guest lacks included, and the guest's half of the host's new rows.
    labels: np.ndarray
    guest_new: np.ndarray

    def alone(self, labelled: int, draws: int = 10) -> list[float]:
        """Accuracies of logistic regression on the host's net, had the guest given labels of common rows away."""
        return [
            self._best(self.host_net(self.scaled(self.host)), self.host_net(self.scaled(self.new, self.host)), rows)
            for rows in self._draws(labelled, draws)
        ]  # fmt: skip

    def linear(self, labelled: int, draws: int = 10) -> list[float]:
        """The same on the host's features themselves."""
        return [
            self._best(self.scaled(self.host), self.scaled(self.new, self.host), rows)
            for rows in self._draws(labelled, draws)
        ]

    def guest_alone(self, net: bool) -> float:
        """Accuracy of the guest's own logistic regression, had it its half of the host's new rows."""
        known = ~np.isnan(self.y)
        own, new = self.scaled(self.guest), self.scaled(self.guest_new, self.guest)
        if net:
            own, new = self.guest_net(own), self.guest_net(new)
        return max(
            LogisticRegression(C=C, max_iter=5000).fit(own[known], self.y[known]).score(new, self.wanted)
            for C in (0.01, 0.1, 1.0, 10.0)
        )  # fmt: skip

    def _draws(self, labelled, draws):
        generator = np.random.default_rng(0)
        found = [
            generator.permutation(COMMON)[:labelled] for _ in range(1 if labelled == COMMON else draws)
        ]  # fmt: skip
        return [rows for rows in found if len(set(self.labels[rows])) == 2]

    def _best(self, own, new, rows):
        return max(
            LogisticRegression(C=C, max_iter=5000).fit(own[rows], self.labels[rows]).score(new, self.wanted)
            for C in (0.01, 0.1, 1.0, 10.0)
        )  # fmt: skip

    @staticmethod
    def scaled(values, of=None):
        of = values if of is None else of
        scale = np.where(of.std(axis=0) > 0, of.std(axis=0), 1.0)
        return ((values - of.mean(axis=0)) / scale).clip(-4, 4)


def halves_of_digits(seed: int, *, labelled: int, components: int) -> Halves:
    """Return 1,197 rows of the guest and 800 of the host, 200 of them common, `labelled` of these with a label."""
    X, digit = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(X))
    common, at_host, at_guest = order[:COMMON], order[COMMON:800], order[800:]
    left = np.arange(64) % 8 < 4
    y = (digit % 2).astype(float)
    guest = X[np.concatenate([common, at_guest])][:, left]
    host = X[np.concatenate([common, at_host])][:, ~left]
    labels = np.concatenate([y[common], y[at_guest]])
    labels[labelled:COMMON] = np.nan
    return Halves(
        guest, labels, host, X[at_host][:, ~left], y[at_host], kernel_components(Halves.scaled(guest), components),
        kernel_components(Halves.scaled(host), components), y[common], X[at_host][:, left],
    )  # fmt: skip


def kernel_components(rows: np.ndarray, count: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a net that was made of rows without labels."""
    model = KernelPCA(count, kernel="rbf", gamma=0.02, eigen_solver="dense").fit(rows[:600])
    made = model.transform(rows)
    scale = 4 / np.sqrt((made**2).sum(axis=1).mean())
    return lambda values: model.transform(values) * scale
