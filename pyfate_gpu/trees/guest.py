# SPDX-License-Identifier: Apache-2.0
"""The party that has the labels and the key: it says which rows part, and judges what sums come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.binning.histogram import ClearSplits
from pyfate_gpu.data.binning.splits import Codes, TableBins, all_splits
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.learning.draws import draw_by_gradient, draw_columns, draw_rows
from pyfate_gpu.learning.losses import Loss, weigh
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.trees.bound import may_gain
from pyfate_gpu.trees.forest import Forest
from pyfate_gpu.trees.growth import Growth, Turn
from pyfate_gpu.trees.lazy import SentRows
from pyfate_gpu.trees.packing import channels_of
from pyfate_gpu.trees.plan import announce_plan
from pyfate_gpu.trees.sampling import Sample
from pyfate_gpu.trees.settings import Settings
from pyfate_gpu.trees.workload import choose_slots
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey


@dataclass(frozen=True, repr=False)
class LabelledData:
    """The guest's rows, those of validation last.

    Parameters
    ----------
    codes : int16 [rows, columns]
        The table in bins.
    y : float64 [training rows, outputs]
        Labels as the loss takes them.
    weights : float64 [training rows] or None
        None for all the same.
    """

    codes: Codes
    y: Floats
    weights: Floats | None

    @property
    def rows(self) -> int:
        """Rows to train with."""
        return len(self.y)


class GuestTrainer:
    """The guest's side of training.

    Parameters
    ----------
    session : Session
        After the handshake.
    loss : Loss
        To go down.
    progress : Progress
        Hears of each round.
    private_key : PrivateKey
        Of this session.
    bins : TableBins
        Of the guest's columns.
    forest : Forest
        To grow on.
    scores : float64 [rows, outputs]
        What the forest says of all rows.
    candidates : list of int
        Splits that the columns of each host allow.
    validator : Validator or None
        Judges rounds by rows of validation.
    seed : int
        Of all draws.
    done : int
        Rounds of an earlier fit.

    Attributes
    ----------
    smallest : int
        The fewest rows that sums of a host were of; 0 where there were none.
    changed : list of int
        Where only changed gradients are sent: how many rows these were, in each round that hosts took part in.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        loss: Loss,
        progress: Progress,
        private_key: PrivateKey,
        data: LabelledData,
        bins: TableBins,
        forest: Forest,
        scores: Floats,
        candidates: list[int],
        *,
        validator: Validator | None,
        seed: int,
        done: int = 0,
    ) -> None:
        self.session = session
        self.settings = settings
        self.loss = loss
        self.progress = progress
        self.private_key = private_key
        self.data = data
        self.bins = bins
        self.forest = forest
        self.scores = scores
        self.candidates = candidates
        self.validator = validator
        self.seed = seed
        self.rounding = settings.rounding(seed)
        self.done = done
        self.smallest = 0
        self.sent = SentRows() if settings.is_lazy else None
        self.changed: list[int] = []
        self.loss_history: list[float] = []
        self.counts = [self._count()]
        self._clear: ClearSplits | None = None

    def train(self, rounds: int) -> int:
        """Grow so many rounds at most; return how many are kept."""
        outputs, key_bits = self.scores.shape[1], self.private_key.public_key.key_bits
        candidates = sum(self.candidates)
        self.slots = choose_slots(self.settings, self.data.rows, outputs, candidates, key_bits)
        announce_plan(self.session, outputs, packed=self.slots.packed)
        number, stops = resume(self), False
        while number < rounds and not stops:
            number += 1
            self._round(number)
            self.counts.append(self._count())
            stops = self._judge()
            metrics = None if self.validator is None else self.validator.history[-1]
            self.progress.end_iteration(
                number, self.loss_history[-1], converged=stops, metrics=metrics
            )
            keep(self, number)
        why, kept = f"n_estimators is {rounds + self.done}", number
        if self.validator is not None:
            why, kept = self.validator.verdict or why, self.validator.kept
        self.progress.end(number, why, kept)
        self._end(number + 1, kept)
        return kept

    def state(self) -> dict[str, Any]:
        """Return what the next rounds depend on."""
        found = {
            **self.forest.as_arrays(),
            "scores": self.scores,
            "counts": np.array(self.counts, dtype=np.int64),
            "seed": hex(self.seed),
            "exponents": self.rounding.exponents,
            "changed": self.changed,
            "smallest": self.smallest,
            "losses": self.loss_history,
        }
        return found if self.validator is None else found | self.validator.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.forest = Forest.from_arrays(state)
        self.scores = state["scores"]
        self.counts = [tuple(each) for each in state["counts"].tolist()]
        self.seed = int(state["seed"], 16)
        self.rounding = self.settings.rounding(self.seed)
        self.rounding.exponents = dict(state["exponents"])
        self.changed = list(state["changed"])
        self.smallest = state["smallest"]
        self.loss_history = list(state["losses"])
        if self.validator is not None:
            self.validator.restore(state)

    def _count(self) -> tuple[int, ...]:
        """Trees, splits of the guest and of each host so far."""
        return (len(self.forest.trees), len(self.forest.table), *self.forest.sizes)

    def _round(self, number: int) -> None:
        rows, settings = self.data.rows, self.settings
        derivatives = self.loss.derivatives(self.data.y, self.scores[:rows])
        g, h = weigh(derivatives, self.data.weights)
        plan = settings.trees_of_round(self.scores.shape[1])
        if settings.uses_goss(self.done + number):
            size = np.abs(g * h).sum(axis=1)
            chosen, factor = draw_by_gradient(
                self.seed, self.done + number, size, settings.top_rate, settings.other_rate
            )
            others = chosen[round(rows * settings.top_rate) :]
            g[others] *= factor
            h[others] *= factor
            draws = [chosen] * len(plan)
        else:
            draws = [
                draw_rows(
                    self.seed, self.done + number, self._draw_of(tree), rows, settings.subsample
                )
                for tree in range(len(plan))
            ]
        sample = Sample.of(rows, draws)
        gradients = self.rounding(self.done + number, g, h)
        asked = (
            self.done + number > settings.guest_only_trees
            and settings.levels_of_hosts > 0
            and any(self.candidates)
            and all(np.count_nonzero(r) >= 2 * settings.min_samples_leaf for r in sample.roots)
            and any(
                may_gain(
                    settings.regularization,
                    gradients.integers[sample.roots[root]][:, channels_of(outputs)],
                    gradients.units,
                )
                for root, outputs in zip(sample.trees, plan, strict=True)
            )
        )
        turn = Turn(
            number,
            plan,
            sample,
            gradients,
            asked,
            [self._clear_splits(number, tree) for tree in range(len(plan))],
        )
        for host, size in zip(self.session.hosts, self.candidates, strict=True):
            self._announce(host, number, sample if asked and size else None)
        Growth(self, turn).run()

    def _draw_of(self, tree: int) -> int:
        """Trees of one output each share the rows of their place in the forest."""
        return tree % self.settings.num_parallel_tree

    def _clear_splits(self, number: int, tree: int) -> ClearSplits:
        share, columns = self.settings.colsample_bytree, self.data.codes.shape[1]
        if share == 1.0 and self._clear is not None:
            return self._clear
        drawn = draw_columns(self.seed, self.done + number, tree, columns, share)
        splits = all_splits(self.bins, drawn)
        found = ClearSplits(self.bins, self.data.codes, drawn, splits)
        if share == 1.0:
            self._clear = found
        return found

    def _judge(self) -> bool:
        """Note how good the forest is; return whether to stop."""
        rows, weights = self.data.rows, self.data.weights
        losses = self.loss.values(self.data.y, self.scores[:rows])
        self.loss_history.append(float(np.average(losses, weights=weights)))
        if self.validator is None:
            return False
        self.validator.judge(self.scores[rows:])
        return self.validator.exhausted

    def _end(self, number: int, kept: int) -> None:
        """Tell hosts that there is no further round, and how many are kept."""
        for host in self.session.hosts:
            self._announce(host, number, None, kept=kept)
        trees, splits, *sizes = self.counts[kept]
        forest = self.forest
        del forest.trees[trees:], forest.outputs[trees:], forest.table.splits[splits:]
        forest.sizes = sizes

    def _announce(
        self, host: Party, number: int, sample: Sample | None, kept: int | None = None
    ) -> None:
        """Tell a host of a round and of the rows in it, or how many rounds are kept when there is no other."""
        shown = Sample([], np.empty(0, dtype=np.int64)) if sample is None else sample
        self.session.send(
            host,
            "round",
            iteration=number,
            proceed=kept is None,
            kept=kept or 0,
            asked=sample is not None,
            **shown.as_message(),
        )
