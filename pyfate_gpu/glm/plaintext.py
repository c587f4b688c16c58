# SPDX-License-Identifier: Apache-2.0
"""The plaintext rule: the same updates without encryption, in one process; federated weights are compared to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.glm.conjugate import ConjugateSearch, ConjugateWeights, is_labelled
from pyfate_gpu.glm.families import FAMILIES
from pyfate_gpu.glm.model import prepare
from pyfate_gpu.glm.rows import LabelledData, read_exposure, read_weights
from pyfate_gpu.glm.settings import NEWTON, Settings
from pyfate_gpu.glm.targets import UNSCALED, TargetScale
from pyfate_gpu.glm.weights import PartyWeights
from pyfate_gpu.learning.convergence import loss_settled, weights_settled
from pyfate_gpu.typing import Floats


@dataclass
class PlaintextResult:
    """Weights by party in the order given (the guest's intercept last) and the history of losses.

    With more than one output, weights and scores have a column for each.
    """

    weights: list[Floats]
    losses: list[float]
    scores: Floats


@dataclass
class PlaintextRule:
    """Trains on all parties' columns at once; see `fit_plaintext`."""

    matrices: list[FixedPointMatrix]
    data: LabelledData
    settings: Settings
    start: Sequence[Floats] | None = None
    scale: TargetScale = UNSCALED
    losses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.family = FAMILIES[self.settings.family]
        self.data = replace(self.data, y=self.scale.shrink(self.data.y))
        self.division = self.settings.division(len(self.data.y))
        outputs = self.data.y.shape[1]
        starts: Sequence[Floats | None] = self.start or [None] * len(self.matrices)
        self.weights = [
            self._make_weights(
                matrix,
                outputs,
                intercept=self.settings.fit_intercept and index == 0,
                start=None if start is None else start.reshape(matrix.columns, outputs),
                scale=self.scale if index == 0 else TargetScale(exponent=self.scale.exponent),
            )
            for index, (matrix, start) in enumerate(zip(self.matrices, starts, strict=True))
        ]

    def _make_weights(self, matrix: FixedPointMatrix, outputs: int, **options: Any) -> PartyWeights:
        return PartyWeights((matrix.columns, outputs), self.settings, **options)

    def train(self) -> None:
        """Iterate until converged."""
        for iteration in range(1, self.settings.max_iter + 1):
            before = [own.values for own in self.weights]
            for own in self.weights:
                own.begin(iteration)
            batches = self.division.draw()
            loss = sum(self._train_batch(batch.rows, iteration) for batch in batches)
            self.losses.append(loss / len(self.data.y))
            if self._converged(before):
                break
        for own in self.weights:
            own.keep_best()

    def scores(self, rows: NDArray[np.int64] | slice = slice(None)) -> Floats:
        """Return the scores of some rows."""
        shares = [
            own.scores(matrix.take(rows))
            for own, matrix in zip(self.weights, self.matrices, strict=True)
        ]
        return np.asarray(np.sum(shares, axis=0))

    def _train_batch(self, rows: NDArray[np.int64], iteration: int) -> float:
        data = self.data.take(rows)
        score = data.shift(self.scores(rows))
        penalty = len(rows) * sum(own.penalty for own in self.weights)
        residual = data.weigh(self.family.residual(score, data.y))
        for own, matrix in zip(self.weights, self.matrices, strict=True):
            own.descend(matrix.take(rows).values.T @ residual, len(rows))
        return float(data.weigh(self.family.losses(score, data.y)).sum()) + penalty

    def _converged(self, before: list[Floats]) -> bool:
        settings = self.settings
        moves = zip(before, self.weights, strict=True)
        return loss_settled(settings.convergence, self.losses, settings.tol) or (
            settings.convergence == "weight_diff"
            and all(weights_settled(old, own.values, settings.tol) for old, own in moves)
        )


@dataclass
class PlaintextSearch(PlaintextRule):
    """The same by conjugate gradients, each party with a preconditioner of its own."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.search = ConjugateSearch(self.data.y.shape[1], self.settings.tol)

    def _make_weights(
        self, matrix: FixedPointMatrix, outputs: int, **options: Any
    ) -> ConjugateWeights:
        slope = FAMILIES[self.settings.family].slope  # type: ignore[attr-defined]
        shape = (matrix.columns, outputs)
        return ConjugateWeights(shape, self.settings, matrix.values, slope, **options)

    def _train_batch(self, rows: NDArray[np.int64], iteration: int) -> float:
        if is_labelled(iteration):
            loss = super()._train_batch(rows, iteration)
            turn = self.search.begin(self._sums())
        else:
            self._curve()
            turn = self.search.advance(self._sums())
            loss = (self.losses[-1] - self.search.gain) * len(self.data.y)
        for own in self._parts():
            own.turn(*turn, self.search.exponents)
        return loss

    def _curve(self) -> None:
        pairs = list(zip(self._parts(), self.matrices, strict=True))
        shares = [own.direction_scores(matrix.values) for own, matrix in pairs]
        slope = self.family.slope  # type: ignore[attr-defined]
        product = self.data.weigh(slope * np.sum(shares, axis=0))
        for own, matrix in pairs:
            own.curve(matrix.values.T @ product, matrix.rows)

    def _parts(self) -> list[ConjugateWeights]:
        return [own for own in self.weights if isinstance(own, ConjugateWeights)]

    def _sums(self) -> Floats:
        return np.asarray(np.sum([own.scalars() for own in self._parts()], axis=0))

    def _converged(self, before: list[Floats]) -> bool:
        return self.search.done


def fit_plaintext(
    parts: Sequence[Floats],
    y: Floats,
    settings: Settings,
    *,
    sample_weight: Floats | None = None,
    exposure: Floats | None = None,
    start: Sequence[Floats] | None = None,
    scale: TargetScale | None = None,
) -> PlaintextResult:
    """Train on all parties' columns at once.

    Parameters
    ----------
    parts : sequence of float64 [rows, columns]
        The columns of each party, the guest's first.
    y : float64 [rows] or [rows, outputs]
        Labels as the family takes them (0 and 1 for logistic regression).
    settings : Settings
        As the parties would use them.
    sample_weight, exposure : float64 [rows], optional
        As the guest would pass them.
    start : sequence of float64, optional
        Weights to begin with, as in the result.
    scale : TargetScale, optional
        The unit to compute in, by default that of `y`, as the guest has in a first fit.

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
    data = LabelledData(
        matrices[0],
        y.reshape(len(y), -1),
        read_weights(sample_weight, len(y)),
        read_exposure(exposure, len(y)),
    )
    if scale is None and FAMILIES[settings.family].scales_targets:
        scale = data.target_scale(centre=settings.fit_intercept)
    kind = PlaintextSearch if settings.optimizer == NEWTON else PlaintextRule
    rule = kind(matrices, data, settings, start, scale or UNSCALED)
    rule.train()
    flat = y.ndim == 1
    weights = [own.fitted() for own in rule.weights]
    scores = rule.scale.grow(data.shift(rule.scores()))
    return PlaintextResult(
        [own[:, 0] if flat else own for own in weights],
        [rule.scale.grow_loss(loss) for loss in rule.losses],
        scores[:, 0] if flat else scores,
    )


def _prepare(part: Floats, settings: Settings) -> FixedPointMatrix:
    return prepare(part, settings).transform(part)
