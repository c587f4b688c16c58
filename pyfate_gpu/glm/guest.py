# SPDX-License-Identifier: Apache-2.0
"""The party that has the labels, and decides when training ends."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pyfate_gpu.errors import DataError, DisagreementError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.descent import descend
from pyfate_gpu.glm.divergence import watched
from pyfate_gpu.glm.families import Family
from pyfate_gpu.glm.plan import Plan, Shape, announce_plan, collect_shapes, compare_shapes
from pyfate_gpu.glm.row_slots import row_bits_of, why_data_forbid, why_terms_forbid
from pyfate_gpu.glm.rows import GuestBatch, LabelledData
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.glm.targets import UNSCALED, TargetScale, announce_scale
from pyfate_gpu.glm.trainer import Trainer, joined, part_of
from pyfate_gpu.glm.weights import PartyWeights
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.learning.convergence import loss_settled, weights_settled
from pyfate_gpu.protocol.batching import Batch, pack
from pyfate_gpu.protocol.checks import check_scores
from pyfate_gpu.protocol.pieces import Piece
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.protocol.scoring import add_up, ask_for_scores
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.typing import Floats

logger = logging.getLogger(__name__)


class GuestTrainer(Trainer):
    """The guest's side of training; parameters as in `Trainer`.

    Parameters
    ----------
    data : LabelledData
        All rows.
    tested : LabelledData or None
        Validation rows.
    validator : Validator or None
        Judges each iteration by them, given their scores in the unit of training.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        family: Family,
        progress: Progress,
        data: LabelledData,
        *,
        tested: LabelledData | None = None,
        validator: Validator | None = None,
        start: Floats | None = None,
        scale: TargetScale = UNSCALED,
        training: str = "",
    ) -> None:
        super().__init__(session, settings, family, progress, start, scale, training)
        self.data = replace(data, y=scale.shrink(data.y))
        self.tested = tested
        self.validator = validator
        self.division = settings.division(data.features.rows)
        shape = data.features.columns, data.y.shape[1]
        self.weights = self._make_weights(shape)
        self.losses: list[float] = []  # in the unit of training
        self._ahead: list[Batch] = []  # batches of the next iteration, announced
        self._drawn: dict[str, Any] = {}  # state of the division before it drew these
        self._answer: Callable[[], Floats] | None = None  # waits for the scores of validation rows

    @property
    def loss_history(self) -> list[float]:
        """The losses in the user's unit."""
        return [self.scale.grow_loss(loss) for loss in self.losses]

    def _make_weights(self, shape: tuple[int, int]) -> PartyWeights:
        return PartyWeights(
            shape,
            self.settings,
            intercept=self.settings.fit_intercept,
            start=self.start,
            scale=self.scale,
        )

    def train(self) -> int:
        """Train until converged or out of iterations; return the number of iterations."""
        self._announce_plan()
        first = resume(self) + 1
        for iteration in range(first, self.settings.max_iter + 1):
            if iteration == first or self.division.changes(iteration):
                batches = self._divide(iteration)
            before = self.weights.values
            self.weights.begin(iteration)
            self.losses.append(self._train_batches(batches, iteration))
            if not self._proceed(before, iteration):
                break
            keep(self, iteration)
        return iteration

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""
        judged = {} if self.validator is None else self.validator.state()
        return super().state() | self._drawn | judged | {"losses": self.losses}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self.division.restore(state)
        self.losses = list(state["losses"])
        if self.validator is not None:
            self.validator.restore(state)

    def _announce_plan(self) -> None:
        """Tell everybody what there is to do; refuse what is not safe for every party."""
        session = self.session
        if len(session.hosts) > 1 and not self.family.several_hosts:
            raise DisagreementError(
                f"the {self.family.name} family takes one host, there are {len(session.hosts)}: "
                "the product of what two hosts encrypt cannot be computed"
            )
        rows, width = self.data.features.rows, self.data.features.columns
        tested = 0 if self.tested is None else self.tested.features.rows
        warm = self.start is not None
        own = Shape(rows, width, tested, warm, self._standardized, self.training)
        shapes = collect_shapes(session)
        columns = compare_shapes(own, shapes)
        standardized = all(shape.standardized for shape in (own, *shapes.values()))
        self.division.check_safe(columns)
        outputs = self.data.y.shape[1]
        packed = self._packs_rows(sum(columns.values()), standardized)
        row_bits = row_bits_of(rows) if packed else 0
        self.plan = Plan(columns, outputs, len(self.division), tested, row_bits, warm)
        self.packing = self.plan.packing(self.settings, rows)
        self.progress.packing = self.packing.name
        announce_plan(session, self.plan)
        if self.family.scales_targets:
            announce_scale(session, self.scale)

    def _packs_rows(self, columns: int, standardized: bool) -> bool:
        """Return whether rows share ciphertexts, given the columns of all parties and whether all are standardised."""
        settings, (rows, outputs) = self.settings, self.data.y.shape
        parties = len(self.session.hosts) + 1
        reason = why_terms_forbid(
            settings, parties=parties, outputs=outputs, row_bits=row_bits_of(rows)
        ) or why_data_forbid(
            settings,
            rows=self.division.size,
            columns=columns,
            weighted=self.data.weights is not None,
            standardized=standardized,
        )
        logger.info(
            "%s", f"rows do not share ciphertexts: {reason}" if reason else "rows share ciphertexts"
        )
        return not reason

    def _divide(self, iteration: int) -> list[GuestBatch]:
        """Return the batches from this iteration on; send targets where the family needs them.

        Where the next iteration has its own, hosts hear of them now: so they need not wait to send its first shares.
        """
        batches = self._ahead or self._announce(iteration)
        self._ahead, self._drawn = [], self.division.state()
        if iteration < self.settings.max_iter and self.division.changes(iteration + 1):
            self._ahead = self._announce(iteration + 1)
        parts = [GuestBatch.of(self.data, batch) for batch in batches]
        if self.family.loss_from_targets:
            for number, part in enumerate(parts):
                self._send_targets(part, iteration, number)
        return parts

    def _announce(self, iteration: int) -> list[Batch]:
        batches = self.division.add_dummies(self.division.draw())
        rows, sizes, used = pack(batches)
        self.session.send(
            self.session.hosts, "batches", iteration=iteration, rows=rows, sizes=sizes, used=used
        )
        return batches

    def _send_targets(self, batch: GuestBatch, iteration: int, number: int) -> None:
        targets = batch.sent.weigh(self.family.target(batch.sent.y))
        if batch.real is not None:
            hidden = np.ones(len(targets), dtype=bool)
            hidden[batch.real] = False
            targets = np.where(hidden[:, np.newaxis], 0.0, targets)
        with self.session.statistics.step(Step.ENCRYPT, operations=targets.size):
            encrypted = self.session.public_key.encrypt(check_scores(targets))
        self.session.send(
            self.session.hosts, "targets", iteration=iteration, batch=number, targets=encrypted
        )

    def _train_batches(self, batches: list[GuestBatch], iteration: int) -> float:
        """Take a step for each batch; return the mean loss of all rows before these."""
        total = 0.0
        for number, batch in enumerate(batches):
            with watched(self.settings, iteration, number):
                total += self._train_batch(batch, iteration, number)
                if not math.isfinite(total):
                    raise DataError(f"the loss became {total}")
        return total / self.data.features.rows

    def _train_batch(self, batch: GuestBatch, iteration: int, number: int) -> float:
        """Take one step; return the summed loss of the batch before it."""
        session, family, own = self.session, self.family, batch.own
        at = {"iteration": iteration, "batch": number}
        residual = self._residual(batch, at)
        if batch.real is not None:
            residual = residual[batch.real]

        gradient, label = self.packing.gradient_and_label(
            session, own.features, residual, family.label_factor(own.y)
        )
        before, rows = self.weights.values, len(own.y)
        share = own.shift(self.weights.scores(own.features))
        known = float(own.weigh(family.rest(share, own.y)).sum()) + rows * self.weights.penalty
        sums = descend(session, self.settings, self.packing, self.weights, gradient, rows, at)
        parts = add_up(session, "loss_share", "share", (1,), **at)
        if number + 1 == len(self.division):
            self._ask_to_judge(iteration)
        unknown = family.label_scale * self.packing.reveal_loss(session, label, parts, at)
        return known + family.own_part(before, sums) + unknown

    def _residual(self, batch: GuestBatch, at: dict[str, int]) -> CiphertextArray:
        """Send hosts the encrypted residuals of all rows, 0 for dummies, and return them."""
        sent = batch.sent
        share = sent.shift(self.weights.scores(sent.features))
        return self._relay(batch, self.family.factor(share), self.family.addend(share, sent.y), at)

    def _relay(
        self, batch: GuestBatch, factor: Floats | None, addend: Floats, at: dict[str, int]
    ) -> CiphertextArray:
        """Take the hosts' shares of all rows, add the guest's, send hosts the sums, and return them.

        Each piece is sent before the next one is asked for: everybody works at the same time.
        """
        session, packing = self.session, self.packing
        plain, found = packing.spread(addend), []
        for piece in self.pieces(len(addend), at):
            forward = packing.check(
                add_up(session, "forward", "forward", piece.shape, packing.slots, **piece.at)
            )
            times = None if factor is None else factor[piece.part]
            with session.statistics.step(self.family.combining, operations=forward.size):
                sums = self.family.combine(forward, times, part_of(plain, piece))
            found.append(self._weigh(sums, batch, piece))
            session.send(session.hosts, "residual", residual=found[-1], **piece.at)
        return joined(found)

    def _weigh(self, residual: CiphertextArray, batch: GuestBatch, piece: Piece) -> CiphertextArray:
        if batch.factors is None:
            return residual
        with self.session.statistics.step(Step.WEIGH, operations=residual.size):
            weighed: CiphertextArray = residual * part_of(batch.factors, piece)
        return weighed

    def _ask_to_judge(self, iteration: int) -> None:
        """Ask for the scores of validation rows, together with what else is asked for last in an iteration."""
        if self.tested is not None:
            with watched(self.settings, iteration, len(self.division)):
                share = self.tested.shift(self.weights.scores(self.tested.features))
                self._answer = ask_for_scores(self.session, share, "validation", iteration)

    def _tested_scores(self) -> Floats | None:
        """Return the scores that were asked for, None without validation rows."""
        return None if self._answer is None else self._answer()

    def _proceed(self, before: Floats, iteration: int) -> bool:
        """Judge an iteration and tell everybody whether there is another one."""
        session, validator = self.session, self.validator
        converged = self._converged(before, iteration)
        scores = self._tested_scores()
        if validator is not None and scores is not None:
            with watched(self.settings, iteration, len(self.division)):
                validator.judge(scores)
            converged = converged or validator.exhausted
        best = validator is None or validator.keeps
        if best:
            self.weights.keep_best()
        proceed = not converged and iteration < self.settings.max_iter
        session.send(session.peers, "proceed", iteration=iteration, proceed=proceed, best=best)
        loss = self.scale.grow_loss(self.losses[-1])
        metrics = None if validator is None else validator.history[-1]
        self.progress.end_iteration(iteration, loss, converged=converged, metrics=metrics)
        if not proceed:
            self._tell_of_the_end(iteration, converged=converged)
        return proceed

    def _tell_of_the_end(self, iteration: int, *, converged: bool) -> None:
        settings, validator = self.settings, self.validator
        why = f"max_iter is {settings.max_iter}"
        if converged:
            why = f"it converged ({settings.convergence}, tol {settings.tol:g})"
        if validator is None:
            self.progress.end(iteration, why, iteration)
        else:
            self.progress.end(iteration, validator.verdict or why, validator.kept)

    def _converged(self, before: Floats, iteration: int) -> bool:
        settings, session = self.settings, self.session
        if settings.convergence != "weight_diff":
            return loss_settled(settings.convergence, self.losses, settings.tol)
        settled = [weights_settled(before, self.weights.values, settings.tol)]
        settled += [
            session.receive(host, "settled", iteration=iteration, settled=bool)
            for host in session.hosts
        ]
        return all(settled)
