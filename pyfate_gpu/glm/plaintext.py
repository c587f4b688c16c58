# SPDX-License-Identifier: Apache-2.0
"""The same update rule without encryption, in one process: what federated weights are compared to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.glm.batching import Batches
from pyfate_gpu.glm.convergence import loss_settled, weights_settled
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.features import FeaturePipeline, FixedPointMatrix
from pyfate_gpu.glm.half import HalfModel
from pyfate_gpu.glm.settings import Settings


@dataclass(frozen=True)
class PlaintextResult:
    """Weights by party in the order given (the guest's intercept last) and the history of losses."""

    weights: list[NDArray[np.float64]]
    losses: list[float]
    scores: NDArray[np.float64]


def fit_plaintext(
    parts: Sequence[NDArray[np.float64]], y: NDArray[np.float64], settings: Settings
) -> PlaintextResult:
    """Train on all parties' columns at once.

    Parameters
    ----------
    parts : sequence of float64 [rows, columns]
        The columns of each party, the guest's first.
    y : float64 [rows]
        Labels as the family takes them (0 and 1 for logistic regression).
    settings : Settings
        As the parties would use them.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroLinearRegression
    >>> from pyfate_gpu.glm.plaintext import fit_plaintext
    >>> x = np.linspace(-1.0, 1.0, 50).reshape(-1, 1)
    >>> settings = HeteroLinearRegression(alpha=0.0, optimizer="sgd", learning_rate=0.5).settings()
    >>> fit_plaintext([x, x**2], x[:, 0], settings).losses[0] > 0.1
    True
    """
    matrices = [_prepare(part, settings) for part in parts]
    if settings.fit_intercept:
        matrices[0] = matrices[0].with_ones()
    halves = [
        HalfModel(matrix.columns, settings, intercept=settings.fit_intercept and index == 0)
        for index, matrix in enumerate(matrices)
    ]
    family = FAMILIES[settings.family]
    batches = Batches.plan(
        len(y), settings.batch_size, shuffle=settings.shuffle, seed=settings.random_state
    )
    losses: list[float] = []
    for _ in range(settings.max_iter):
        before = [half.weights for half in halves]
        loss = 0.0
        for rows in batches:
            taken = [matrix.take(rows) for matrix in matrices]
            score = np.sum([h.scores(m) for h, m in zip(halves, taken, strict=True)], axis=0)
            loss += family.loss(score, y[rows]) + len(rows) * sum(half.penalty for half in halves)
            residual = family.slope * score + family.target(y[rows])
            for half, matrix in zip(halves, taken, strict=True):
                half.descend(matrix.values.T @ residual, len(rows))
        losses.append(loss / len(y))
        moves = zip(before, halves, strict=True)
        if loss_settled(settings.convergence, losses, settings.tol) or (
            settings.convergence == "weight_diff"
            and all(weights_settled(old, half.weights, settings.tol) for old, half in moves)
        ):
            break
    scores = np.sum([h.scores(m) for h, m in zip(halves, matrices, strict=True)], axis=0)
    return PlaintextResult([half.weights for half in halves], losses, scores)


def _prepare(part: NDArray[np.float64], settings: Settings) -> FixedPointMatrix:
    pipeline = FeaturePipeline.fit(part, standardize=settings.standardize, clip=settings.clip)
    return pipeline.transform(part)
