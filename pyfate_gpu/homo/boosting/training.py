# SPDX-License-Identifier: Apache-2.0
"""The rounds of boosting: at a client, and at server and arbiter, which only add and open sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pyfate_gpu.data.binning.counted import CountedBins
from pyfate_gpu.data.binning.numeric import NumericBins
from pyfate_gpu.data.binning.splits import TableBins
from pyfate_gpu.federation import Session
from pyfate_gpu.homo.boosting.growth import Gradients, Growth, Rules
from pyfate_gpu.homo.boosting.sums import Sums
from pyfate_gpu.homo.boosting.tree import Forest, Tree
from pyfate_gpu.homo.exchange import Exchange
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.learning.draws import draw_columns, draw_rows
from pyfate_gpu.learning.losses import Loss, weigh
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.typing import Floats, Integers

#: Metrics of labels and scores, both [rows, outputs].
Measure = Callable[[Floats, Floats], dict[str, float]]


@dataclass(frozen=True)
class Boosting:
    """What a client trains by.

    Parameters
    ----------
    loss : Loss
    rules : Rules
    max_bin, rounds : int
    patience : int or None
        Rounds without a better loss of validation rows after which training stops.
    subsample, colsample : float
    apart : bool
        Whether each output has a tree of its own.
    base_score : float or None
    seed : int
        Of this client's rows.
    measure : callable
    """

    loss: Loss
    rules: Rules
    max_bin: int
    rounds: int
    patience: int | None
    subsample: float
    colsample: float
    apart: bool
    base_score: float | None
    seed: int
    measure: Measure


@dataclass(frozen=True)
class LabelledRows:
    """A client's rows: features with NaN where missing, labels as the loss takes them."""

    values: Floats
    y: Floats
    weights: Floats


@dataclass
class Grown:
    """What clients have in common after some rounds.

    Attributes
    ----------
    bins : TableBins
    forest : Forest
    weight : float
        Of all rows.
    seed : int
        Of columns.
    losses, validation : list
        After each round but the last.
    """

    bins: TableBins
    forest: Forest
    weight: float
    seed: int
    losses: list[float] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)

    def state(self) -> dict[str, Any]:
        """As checkpoints keep it."""
        return {
            **self.forest.as_arrays(),
            "cuts": np.concatenate([np.empty(0), *(each.cuts for each in self.bins.bins)]),
            "cuts_of_column": self.bins.counts - 1, "missing": self.bins.missing,
            "weight": self.weight, "seed": str(self.seed), "losses": list(self.losses),
            "validation": list(self.validation),
        }  # fmt: skip

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> Grown:
        """The way back from `state`."""
        cuts = np.split(state["cuts"], np.cumsum(state["cuts_of_column"])[:-1])
        bins = TableBins(tuple(NumericBins(each) for each in cuts), state["missing"])
        return cls(
            bins, Forest.from_arrays(state, len(cuts)), float(state["weight"]), int(state["seed"]),
            list(state["losses"]), list(state["validation"]),
        )  # fmt: skip


def help_train(
    session: Session, exchange: Exchange, plan: AggregationPlan, progress: Progress, rounds: int
) -> int:
    """Take part in the sums of clients; return the number of rounds."""
    recovery = session.recovery
    begun = 0 if recovery is None else recovery.iteration
    number = begun
    if not begun:
        _help(exchange, plan)
    for number in range(begun + 1, rounds + 1):
        _help(exchange, plan)
        further = exchange.proceed()
        progress.end_iteration(number, converged=not further)
        if recovery is not None and recovery.is_due(number):
            recovery.save(number, {"iteration": number})
        if not further:
            break
    _help(exchange, plan)
    return number


def _help(exchange: Exchange, plan: AggregationPlan) -> None:
    while exchange.proceed():
        exchange.run(plan)


class ClientTraining:
    """A client: grows the same trees as the others.

    Parameters
    ----------
    session : Session
    exchange : Exchange
    sums : Sums
    progress : Progress
    boosting : Boosting
    own : LabelledRows
    tested : LabelledRows, optional
        Rows to judge by.
    """

    def __init__(
        self,
        session: Session,
        exchange: Exchange,
        sums: Sums,
        progress: Progress,
        boosting: Boosting,
        own: LabelledRows,
        tested: LabelledRows | None,
    ) -> None:
        self._session, self._exchange, self._sums = session, exchange, sums
        self._progress, self._boosting = progress, boosting
        self._own, self._tested = own, tested

    def train(self) -> tuple[Grown, int]:
        """Return what was grown, the best of it where training stops early, and the number of rounds kept."""
        boosting, recovery = self._boosting, self._session.recovery
        begun = 0 if recovery is None else recovery.iteration
        if recovery is not None and begun:
            grown = Grown.of_state(dict(recovery.load()))
        else:
            grown = self._begin()
        codes = grown.bins.assign(self._own.values)
        scores = grown.forest.scores(self._own.values)
        judged = None if self._tested is None else grown.forest.scores(self._tested.values)
        number, stopped = begun, False
        for number in range(begun + 1, boosting.rounds + 1):
            trees = self._round(grown, codes, scores, judged, number)
            stopped = self._rests(grown.validation)
            if not stopped:
                grown.forest.trees += trees
                for tree in trees:
                    scores[:, list(tree.outputs)] += tree.scores(self._own.values)
                    if self._tested is not None and judged is not None:
                        judged[:, list(tree.outputs)] += tree.scores(self._tested.values)
            self._sums.end()
            ended = stopped or number == boosting.rounds
            self._exchange.proceed(not ended)
            loss = grown.losses[-1] if grown.losses else None
            self._progress.end_iteration(number, loss, converged=ended)
            if recovery is not None and recovery.is_due(number) and not stopped:
                recovery.save(number, grown.state())
            if ended:
                break
        if not stopped:
            largest = np.abs(self._quantities(scores, judged))
            orders = self._sums.orders(largest)
            self._note(grown, orders, self._sums.total(self._numbers(scores, judged, orders)))
        self._sums.end()
        return grown, self._kept(grown, number - 1 if stopped else number)

    def _begin(self) -> Grown:
        """Cut columns and find the scores before the first tree, together."""
        own, boosting = self._own, self._boosting
        counted = CountedBins(own.values.shape[1], boosting.max_bin)
        while counted.is_open:
            counted.take(self._sums.total(counted.count(own.values)))
        weighed = np.column_stack([own.y * own.weights[:, np.newaxis], own.weights])
        orders = self._sums.orders(np.abs(weighed).max(axis=0))
        totals = self._sums.total(self._sums.integers(weighed, orders).sum(axis=0))
        found = totals * self._sums.units(orders)
        mean = found[:-1] / found[-1]
        if boosting.base_score is None:
            base = boosting.loss.start(mean[np.newaxis], np.ones(1))
        else:
            base = np.full(len(mean), boosting.loss.link(boosting.base_score))
        self._sums.end()
        seed = int(self._session.task_id, 16)
        return Grown(counted.bins(), Forest(np.asarray(base)), float(found[-1]), seed)

    def _round(
        self, grown: Grown, codes: Any, scores: Floats, judged: Floats | None, number: int
    ) -> list[Tree]:
        """Grow the trees of a round, and note how good those before are."""
        own, boosting, sums = self._own, self._boosting, self._sums
        g, h = weigh(boosting.loss.derivatives(own.y, scores), own.weights)
        largest = [np.abs(g).max(), h.max(), *np.abs(self._quantities(scores, judged))]
        orders = sums.orders(np.array(largest))
        integers = np.empty((len(g), 2 * g.shape[1]), dtype=np.int64)
        integers[:, 0::2] = sums.integers(g, orders[0])
        integers[:, 1::2] = sums.integers(h, orders[1])
        gradients = Gradients(integers, sums.units(orders[:2]))
        growth = Growth(grown.bins, codes, boosting.rules, gradients, sums.total)
        outputs = range(g.shape[1])
        groups = [(k,) for k in outputs] if boosting.apart else [tuple(outputs)]
        plan = [
            (
                group,
                draw_columns(grown.seed, number, tree, codes.shape[1], boosting.colsample),
                draw_rows(boosting.seed, number, tree, len(g), boosting.subsample),
            )
            for tree, group in enumerate(groups)
        ]
        trees, told = growth.grow(plan, self._numbers(scores, judged, orders[2:]))
        self._note(grown, orders[2:], told)
        return trees

    def _quantities(self, scores: Floats, judged: Floats | None) -> Floats:
        """Sums over this client's rows: loss; of validation rows loss and metrics."""
        own, loss = self._own, self._boosting.loss
        found = [float(own.weights @ loss.values(own.y, scores))]
        if self._tested is not None and judged is not None:
            y, weights = self._tested.y, self._tested.weights
            found += [float(weights @ loss.values(y, judged))]
            found += [each * len(y) for each in self._boosting.measure(y, judged).values()]
        return np.array(found)

    def _numbers(self, scores: Floats, judged: Floats | None, orders: Integers) -> Integers:
        rows = 0 if self._tested is None else len(self._tested.y)
        return np.append(self._sums.integers(self._quantities(scores, judged), orders), rows)

    def _note(self, grown: Grown, orders: Integers, told: Integers) -> None:
        """Keep losses and metrics; those of the scores before the first tree are told to nobody."""
        found = told[:-1] * self._sums.units(orders)
        if not grown.forest.trees:
            return
        grown.losses.append(float(found[0]) / grown.weight)
        if self._tested is not None:
            names = ["loss", *self._boosting.measure(self._tested.y[:1], self._judge_none())]
            means = (found[1:] / max(1, int(told[-1]))).tolist()
            grown.validation.append(dict(zip(names, means, strict=True)))

    def _judge_none(self) -> Floats:
        assert self._tested is not None
        return np.zeros_like(self._tested.y[:1])

    def _rests(self, validation: list[dict[str, float]]) -> bool:
        patience = self._boosting.patience
        if patience is None or not validation:
            return False
        losses = [each["loss"] for each in validation]
        return len(losses) - 1 - int(np.argmin(losses)) >= patience

    def _kept(self, grown: Grown, rounds: int) -> int:
        """Cut the forest down to its best round where training may stop early."""
        if self._boosting.patience is None or not grown.validation:
            return rounds
        best = int(np.argmin([each["loss"] for each in grown.validation])) + 1
        each_round = len(grown.forest.trees) // rounds
        del grown.forest.trees[best * each_round :]
        return best
