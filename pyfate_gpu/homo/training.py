# SPDX-License-Identifier: Apache-2.0
"""The rounds of a training: at a client, and at those that help."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyfate_gpu.federation import Session
from pyfate_gpu.homo.exchange import Exchange, Opened
from pyfate_gpu.homo.local import Descent, LocalRows
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.homo.spending import Spending
from pyfate_gpu.homo.standardisation import Scale, learn
from pyfate_gpu.learning.optimizers import Optimizer
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.typing import Floats

FIRST_LOSS = 16.0
"""Clip of losses and metrics in the first round; it adapts from there on."""
Metrics = Callable[[Floats, Floats], dict[str, float]]


class Helper:
    """Server or arbiter: takes part in rounds and keeps which one it is."""

    def __init__(
        self,
        session: Session,
        exchange: Exchange,
        plan: AggregationPlan,
        progress: Progress,
        iterations: int,
    ) -> None:
        self._session, self._exchange, self._plan = session, exchange, plan
        self._progress, self._iterations = progress, iterations

    @property
    def _begun(self) -> int:
        recovery = self._session.recovery
        return 0 if recovery is None else recovery.iteration

    def standardise(self, by_rows: AggregationPlan, columns: int, wanted: bool) -> None:
        """Help to find the scale of columns, unless clients have kept it."""
        if wanted and not self._begun:
            learn(lambda plan, update: self._exchange.run(plan), by_rows, columns, None)

    def train(self) -> int:
        """Return the number of iterations."""
        recovery = self._session.recovery
        for iteration in range(self._begun + 1, self._iterations + 1):
            self._exchange.run(self._plan)
            proceed = self._exchange.proceed()
            self._progress.end_iteration(iteration, converged=not proceed)
            if recovery is not None and recovery.is_due(iteration):
                recovery.save(iteration, {"iteration": iteration})
            if not proceed:
                return iteration
        return self._iterations


class ClientTrainer:
    """A client: trains on its rows, sends what it learned, takes up what all learned.

    Attributes
    ----------
    weights : float64 [columns, outputs]
        The common ones.
    losses, validation : list
        By iteration; means over all clients, under noise of this one.
    report : AggregationReport or None
        Of the last round, None before.
    scale : Scale
        Kept in checkpoints.
    """

    weights: Floats
    report: AggregationReport | None = None

    def __init__(
        self,
        session: Session,
        exchange: Exchange,
        plan: AggregationPlan,
        progress: Progress,
        rows: int,
        iterations: int,
        tol: float,
        patience: int | None,
        spending: Spending | None = None,
    ) -> None:
        self._session, self._exchange, self.plan, self._progress = session, exchange, plan, progress
        self._rows, self._iterations = rows, iterations
        self._tol, self._patience, self.spending = tol, patience, spending
        self.losses: list[float] = []
        self.validation: list[dict[str, float]] = []
        self.scale = Scale.none(0)
        self._best: tuple[float, int, Floats] = (float("inf"), 0, np.empty(0))

    @property
    def kept(self) -> dict[str, Any] | None:
        """What the last checkpoint has, None at the beginning."""
        recovery = self._session.recovery
        return None if recovery is None or not recovery.iteration else dict(recovery.load())

    def run(self, plan: AggregationPlan, update: Any) -> Opened | None:
        """One round, in which this client counts by its rows where the plan has weights."""
        return self._exchange.run(plan, update, self._rows if plan.max_weight > 1 else 1)

    def train(
        self,
        descent: Descent,
        rows: LocalRows,
        tested: LocalRows | None,
        metrics: Metrics,
        optimizer: Optimizer | None,
        random: np.random.Generator,
    ) -> int:
        """Return the number of iterations; `weights` are then those of the best, if there is one."""
        self.weights = np.zeros((rows.features.shape[1], rows.y.shape[1]))
        if self.spending is None:
            # In the order of names: change, loss, validation.
            self.plan = self.plan.with_clips([1.0, FIRST_LOSS, *([FIRST_LOSS] if tested else [])])
        iteration = begun = self._restore(optimizer)
        for iteration in range(begun + 1, self._iterations + 1):
            change = self._change(descent, rows, optimizer, random)
            told = {"loss": np.array([descent.mean_loss(rows, self.weights)])}
            if tested is not None:
                told["validation"] = self._judge(descent, tested, metrics)
            mean = self._sum({"change": change}, told)
            self._note(mean, descent, tested, metrics)
            # The loss and the metrics are of the weights before this step.
            if optimizer is None:
                self.weights = self.weights + mean["change"]
            else:
                self.weights = self.weights - self._step(optimizer, mean["change"])
            ended = self._ended(iteration) or iteration == self._iterations
            self._exchange.proceed(not ended)
            self._progress.end_iteration(iteration, self.losses[-1], converged=ended)
            self._save(iteration, optimizer)
            if ended:
                break
        if self._best[1]:
            self.weights = self._best[2]
        return iteration

    def _sum(self, update: dict[str, Floats], told: dict[str, Floats]) -> dict[str, Floats]:
        """One round of training; under noise what clients measure stays at home."""
        spending = self.spending
        opened = self.run(self.plan, update | told if spending is None else update)
        assert opened is not None
        mean, self.report = opened
        self.plan = self.report.next_plan
        if spending is None:
            return dict(mean)
        spending.count(self.report.noise_multiplier)
        return dict(mean) | told

    def _step(self, optimizer: Optimizer, gradient: Floats) -> Floats:
        """What to subtract; where steps do not follow the size of gradients, what rounding left of 0 is 0."""
        assert self.report is not None
        if optimizer.normalises and self.spending is None:
            rounding = self.report.rounding_error["change"]
            gradient = np.where(np.abs(gradient) <= rounding, 0.0, gradient)
        return optimizer.descend(gradient)

    def _change(
        self,
        descent: Descent,
        rows: LocalRows,
        optimizer: Optimizer | None,
        random: np.random.Generator,
    ) -> Floats:
        if optimizer is None:
            return descent.train(rows, self.weights, random) - self.weights
        return descent.gradient(rows, self.weights, self.weights)

    def _judge(self, descent: Descent, tested: LocalRows, metrics: Metrics) -> Floats:
        scores = tested.features @ self.weights
        loss = descent.loss.mean(tested.y, scores, tested.weights)
        return np.array([loss, *metrics(tested.y, scores).values()])

    def _note(
        self, mean: dict[str, Floats], descent: Descent, tested: LocalRows | None, metrics: Metrics
    ) -> None:
        self.losses.append(float(mean["loss"][0]))
        if tested is None:
            return
        names = ["loss", *metrics(tested.y[:1], tested.features[:1] @ self.weights)]
        found = dict(zip(names, mean["validation"].tolist(), strict=True))
        self.validation.append(found)
        if self._patience is None or self.report is None:
            return
        if not self.report.clipped["validation"] and found["loss"] < self._best[0]:
            self._best = (found["loss"], len(self.validation), self.weights.copy())

    def _ended(self, iteration: int) -> bool:
        if self._patience is not None and iteration - self._best[1] >= self._patience:
            return True
        if self.spending is not None or self.report is None or len(self.losses) < 2:
            return False
        if any(self.report.clipped.values()):
            return False
        return abs(self.losses[-1] - self.losses[-2]) <= self._tol

    def _save(self, iteration: int, optimizer: Optimizer | None) -> None:
        recovery = self._session.recovery
        if recovery is None or self.report is None or not recovery.is_due(iteration):
            return
        state: dict[str, Any] = {
            "weights": self.weights, "mean": self.scale.mean, "deviation": self.scale.deviation,
            "clips": list(self.plan.clips(len(self.report.clipped))), "losses": list(self.losses),
            "validation": list(self.validation), "best_loss": self._best[0] if self._best[1] else None,
            "best_iteration": self._best[1], "best": self._best[2],
        }  # fmt: skip
        if optimizer is not None:
            state |= {f"optimizer {name}": value for name, value in optimizer.state().items()}
        if self.spending is not None:
            state |= self.spending.state()
        recovery.save(iteration, state)

    def _restore(self, optimizer: Optimizer | None) -> int:
        kept = self.kept
        if kept is None:
            return 0
        self.weights = kept["weights"]
        self.scale = Scale(kept["mean"], kept["deviation"])
        recovery = self._session.recovery
        assert recovery is not None
        if self.spending is None:
            self.plan = self.plan.with_clips(kept["clips"])
        else:
            self.spending.go_on(recovery, kept, self.plan.clients, self._iterations)
        self.losses, self.validation = list(kept["losses"]), list(kept["validation"])
        if kept["best_iteration"]:
            self._best = (kept["best_loss"], kept["best_iteration"], kept["best"])
        if optimizer is not None:
            before = "optimizer "
            optimizer.restore(
                {n[len(before) :]: v for n, v in kept.items() if n.startswith(before)}
            )
        return recovery.iteration
