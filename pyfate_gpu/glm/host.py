# SPDX-License-Identifier: Apache-2.0
"""The party that has features and no labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import count

import numpy as np

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.errors import DataError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.descent import descend
from pyfate_gpu.glm.divergence import watched
from pyfate_gpu.glm.families import Family
from pyfate_gpu.glm.plan import Plan, Shape, receive_plan, report_shape
from pyfate_gpu.glm.residuals import weighted_sum
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.glm.targets import receive_scale
from pyfate_gpu.glm.trainer import Trainer, joined, part_of
from pyfate_gpu.glm.weights import PartyWeights
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.learning.convergence import weights_settled
from pyfate_gpu.protocol.batching import Batch, unpack
from pyfate_gpu.protocol.checks import check_scores
from pyfate_gpu.protocol.pieces import receive_pieces
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.protocol.scoring import send_scores
from pyfate_gpu.typing import Floats


@dataclass(frozen=True, repr=False)
class HostBatch:
    """A host's part of a batch: its rows, how many of them count, and targets if there are any."""

    features: FixedPointMatrix
    used: int
    targets: CiphertextArray | None


class HostTrainer(Trainer):
    """A host's side of training; parameters as in `Trainer`.

    Parameters
    ----------
    features : FixedPointMatrix
        All rows, this host's columns.
    validation : FixedPointMatrix or None
        Validation rows.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        family: Family,
        progress: Progress,
        features: FixedPointMatrix,
        *,
        validation: FixedPointMatrix | None = None,
        start: Floats | None = None,
        training: str = "",
    ) -> None:
        super().__init__(session, settings, family, progress, start, training=training)
        self.features = features
        self.validation = validation
        self._ahead = False  # whether the next shares were sent

    def _make_weights(self, shape: tuple[int, int]) -> PartyWeights:
        return PartyWeights(shape, self.settings, start=self.start, scale=self.scale)

    def train(self) -> int:
        """Train until the guest says stop; return the number of iterations."""
        tested = 0 if self.validation is None else self.validation.rows
        warm = self.start is not None
        rows, columns = self.features.rows, self.features.columns
        shape = Shape(rows, columns, tested, warm, self._standardized, self.training)
        report_shape(self.session, shape)
        self.plan = plan = receive_plan(self.session)
        self.packing = plan.packing(self.settings, rows)
        if plan.row_bits and not self._standardized:
            raise ProtocolError("the guest packs rows, and columns here have no public norm")
        self.progress.packing = self.packing.name
        if self.family.scales_targets:
            self.scale = receive_scale(self.session)
        self.weights = self._make_weights((columns, plan.outputs))
        first, anew = resume(self) + 1, self.settings.batch_strategy == "random"
        announced = self._receive_batches(plan, first)
        for iteration in count(first):
            if iteration == first or anew:
                batches = self._divide(announced, iteration)
            before = self.weights.values
            self.weights.begin(iteration)
            for number, batch in enumerate(batches):
                with watched(self.settings, iteration, number):
                    self._train_batch(batch, iteration, number)
            self._tell(before, iteration)
            if iteration < self.settings.max_iter:
                features = batches[0].features
                if anew:
                    announced = self._receive_batches(plan, iteration + 1)
                    features = self.features.take(announced[0].rows)
                self._send_ahead(features, iteration + 1)
            if not self._proceed(iteration):
                break
            keep(self, iteration)
        return iteration

    def _receive_batches(self, plan: Plan, iteration: int) -> list[Batch]:
        """Take the guest's batches, having checked them for every party's sake."""
        session = self.session
        arrays = session.receive(
            GUEST,
            "batches",
            iteration=iteration,
            rows=np.ndarray,
            sizes=np.ndarray,
            used=np.ndarray,
        )
        columns = plan.columns | {session.party.name: self.features.columns}
        batches = unpack(arrays, self.features.rows)
        if len(batches) != plan.batches:
            raise ProtocolError(
                f"the guest planned {plan.batches} batches and announced {len(batches)}"
            )
        for batch in batches:
            batch.check_safe(columns, "a batch", "The guest sends larger ones")
        return batches

    def _divide(self, batches: list[Batch], iteration: int) -> list[HostBatch]:
        """Return this host's part of each batch, with targets where the family needs them."""
        parts = []
        for number, batch in enumerate(batches):
            targets = None
            if self.family.loss_from_targets:
                shape = (len(batch.rows), self.plan.outputs)
                targets = self.session.receive_encrypted(
                    GUEST, "targets", "targets", shape, iteration=iteration, batch=number
                )
            parts.append(HostBatch(self.features.take(batch.rows), batch.used, targets))
        return parts

    def _train_batch(self, batch: HostBatch, iteration: int, number: int) -> None:
        session, packing = self.session, self.packing
        at = {"iteration": iteration, "batch": number}

        share = self.weights.scores(batch.features)
        residual = self._exchange(batch, at)
        gradient = packing.gradient(session, batch.features, residual)
        before, penalty = self.weights.values, batch.used * self.weights.penalty
        sums = descend(session, self.settings, packing, self.weights, gradient, batch.used, at)
        if batch.targets is None:
            part = self._encrypt_part(self.family.own_part(before, sums) + penalty)
        else:
            integers = FixedPointMatrix.round(np.array([penalty])).integers
            part = weighted_sum(session, self.family.host_factor(share), batch.targets) + integers
        session.send(GUEST, "loss_share", share=part, **at)

    def _exchange(self, batch: HostBatch, at: dict[str, int]) -> CiphertextArray:
        """Send this host's shares of all rows, unless they went ahead; return the sums of all parties, encrypted."""
        if not self._ahead:
            self._send_shares(batch.features, at)
        self._ahead = False
        return self._receive_residual(batch, at)

    def _receive_residual(self, batch: HostBatch, at: dict[str, int]) -> CiphertextArray:
        """Return the guest's encrypted residuals of all rows."""
        packing, cuts = self.packing, self.pieces(batch.features.rows, at)
        found = receive_pieces(self.session, GUEST, "residual", "residual", cuts, packing.slots)
        return joined([packing.check(piece) for piece in found])

    def _send_shares(self, features: FixedPointMatrix, at: dict[str, int]) -> None:
        session, packing = self.session, self.packing
        share = check_scores(self.family.forward(self._share(features, at["iteration"])))
        plain = packing.spread(share)
        for piece in self.pieces(len(share), at):
            with session.statistics.step(Step.ENCRYPT, operations=math.prod(piece.shape)):
                forward = session.public_key.encrypt(part_of(plain, piece), slots=packing.slots)
            session.send(GUEST, "forward", forward=forward, **piece.at)

    def _send_ahead(self, features: FixedPointMatrix, iteration: int) -> None:
        """Send the shares of an iteration's first batch before it is known whether there is that iteration.

        They are encrypted, and cost nobody a wait.
        """
        with watched(self.settings, iteration - 1, batch=2):
            self._send_shares(features, {"iteration": iteration, "batch": 0})
        self._ahead = True

    def _share(self, features: FixedPointMatrix, iteration: int) -> Floats:
        """Return this host's share [rows, outputs] of what an iteration adds up over parties."""
        return self.weights.scores(features)

    def _encrypt_part(self, part: float) -> CiphertextArray:
        """Return this host's part of the loss of a batch, encrypted as `Packing.reveal_loss` takes it."""
        encoder = self.packing.part_encoder
        scaled = part / self.family.label_scale * self.packing.part_unit
        if not abs(scaled) <= encoder.bound:  # NaN compares false
            raise DataError(f"this party's part of the loss became {part:g}")
        with self.session.statistics.step(Step.ENCRYPT, operations=1):
            return self.session.public_key.encrypt(np.array([scaled]), encoder)

    def _tell(self, before: Floats, iteration: int) -> None:
        """Send what the guest judges an iteration by."""
        session = self.session
        if self.settings.convergence == "weight_diff":
            settled = weights_settled(before, self.weights.values, self.settings.tol)
            session.send(GUEST, "settled", iteration=iteration, settled=settled)
        if self.validation is not None:
            with watched(self.settings, iteration, batch=1):
                self._send_validation(self.weights.scores(self.validation), iteration)

    def _send_validation(self, shares: Floats, iteration: int) -> None:
        send_scores(self.session, shares, "validation", iteration)

    def _proceed(self, iteration: int) -> bool:
        """Hear whether there is another iteration."""
        proceed, best = self.session.receive(
            GUEST, "proceed", iteration=iteration, proceed=bool, best=bool
        )
        if best:
            self.weights.keep_best()
            self.progress.kept = iteration
        self.progress.end_iteration(iteration)
        self.progress.ended = "" if proceed else "the guest ended it"
        return bool(proceed)
