# SPDX-License-Identifier: Apache-2.0
"""How good the model is on other rows after each iteration, and when it is no longer getting better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyfate_gpu.errors import DataError
from pyfate_gpu.learning.metrics import Evaluate
from pyfate_gpu.typing import Floats


@dataclass(repr=False)
class Validator:
    """The guest's judgement after each iteration.

    Parameters
    ----------
    y : float64 [rows, outputs]
        Labels of the validation rows.
    evaluate : callable
        Metrics by name, given labels and scores; the first one is judged by, less is better.
    patience : int or None
        Iterations without a better one before training stops; None for never.

    Attributes
    ----------
    history : list of dict
        Metrics after each iteration.
    best : int
        The best iteration so far, from 1; 0 before the first.
    scores : float64 or None
        Of the rows at the iteration whose weights are kept so far.
    """

    y: Floats
    evaluate: Evaluate
    patience: int | None
    history: list[dict[str, float]] = field(default_factory=list)
    best: int = 0
    scores: Floats | None = None

    def judge(self, scores: Floats) -> None:
        """Judge the next iteration by the scores of the validation rows."""
        self.history.append(self.evaluate(self.y, scores))
        judged = [next(iter(metrics.values())) for metrics in self.history]
        if judged[-1] != judged[-1]:
            raise DataError(
                "the metrics of the validation rows became NaN: lower the learning rate"
            )
        if self.best == 0 or judged[-1] < judged[self.best - 1]:
            self.best = len(judged)
        if self.keeps:
            self.scores = scores

    def attributes(self, grow: Callable[[Floats], Floats] | None = None) -> dict[str, Any]:
        """Return what a fitted model of the guest has of it.

        Parameters
        ----------
        grow : callable, optional
            From the unit of training to the user's.
        """
        found: dict[str, Any] = {"validation_history_": self.history}
        if self.scores is not None:
            scores = self.scores if grow is None else grow(self.scores)
            found["validation_scores_"] = scores[:, 0] if scores.shape[1] == 1 else scores
        return found

    def state(self) -> dict[str, Any]:
        """Return what was judged so far."""
        return {
            "history": self.history,
            "judged_best": self.best,
            "judged_scores": np.zeros((0, 0)) if self.scores is None else self.scores,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.history, self.best = list(state["history"]), state["judged_best"]
        scores = state["judged_scores"]
        self.scores = scores if scores.size else None

    @property
    def keeps(self) -> bool:
        """Whether the weights of the last iteration are the ones to keep so far."""
        return self.patience is None or self.best == len(self.history)

    @property
    def verdict(self) -> str:
        """Why there is no further iteration, in words; empty if there may be one."""
        worse = f"validation rows were judged no better for {self.patience} iterations"
        return worse if self.exhausted else ""

    @property
    def kept(self) -> int:
        """The iteration that is kept, from 1."""
        return len(self.history) if self.patience is None else self.best

    @property
    def exhausted(self) -> bool:
        """Whether there was no better iteration for too long."""
        return self.patience is not None and len(self.history) - self.best >= self.patience
