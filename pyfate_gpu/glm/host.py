# SPDX-License-Identifier: Apache-2.0
"""The party that has features and no labels."""

from __future__ import annotations

from itertools import count

from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.glm.convergence import weights_settled
from pyfate_gpu.glm.families import Family
from pyfate_gpu.glm.features import FixedPointMatrix
from pyfate_gpu.glm.half import HalfModel
from pyfate_gpu.glm.handshake import receive_batches, report_shape
from pyfate_gpu.glm.masking import reveal
from pyfate_gpu.glm.progress import Progress
from pyfate_gpu.glm.residuals import SCALE, check_scores, weighted_sums
from pyfate_gpu.glm.settings import Settings


class HostTrainer:
    """A host's side of training.

    Parameters
    ----------
    session : Session
        After the handshake.
    features : FixedPointMatrix
        All rows, this host's columns.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        family: Family,
        features: FixedPointMatrix,
        progress: Progress,
    ) -> None:
        self.session = session
        self.settings = settings
        self.family = family
        self.features = features
        self.progress = progress
        self.half = HalfModel(features.columns, settings)

    def train(self) -> int:
        """Train until the guest says stop; return the number of iterations."""
        report_shape(self.session, self.features.rows, self.features.columns)
        batches = receive_batches(self.session, self.features.rows, self.features.columns)
        parts = [self.features.take(rows) for rows in batches]
        for iteration in count(1):
            before = self.half.weights
            for batch, features in enumerate(parts):
                self._train_batch(features, iteration, batch)
            if self.settings.convergence == "weight_diff":
                settled = weights_settled(before, self.half.weights, self.settings.tol)
                self.session.send(GUEST, "settled", iteration=iteration, settled=settled)
            proceed = self.session.receive(GUEST, "proceed", iteration=iteration, proceed=bool)
            self.progress.end_iteration(iteration)
            if not proceed:
                break
        return iteration

    def _train_batch(self, features: FixedPointMatrix, iteration: int, batch: int) -> None:
        session, public_key = self.session, self.session.public_key
        assert public_key is not None
        at = {"iteration": iteration, "batch": batch}

        scores = self.half.scores(features)
        with session.statistics.step("encrypt", operations=len(scores)):
            forward = public_key.encrypt(check_scores(self.family.slope * scores))
        session.send(GUEST, "forward", forward=forward, **at)

        residual = session.receive_encrypted(GUEST, "residual", "residual", scores.shape, **at)
        gradient, loss = weighted_sums(session, features, scores, residual)

        penalty = 2 * features.rows * self.half.penalty  # the guest halves the sum of all shares
        session.send(GUEST, "loss_share", share=loss + round(penalty * SCALE), **at)

        sums = reveal(session, gradient, "gradient", **at) / SCALE
        self.half.descend(sums, features.rows)


def send_scores(session: Session, half: HalfModel, features: FixedPointMatrix) -> None:
    """Send the guest this host's share of each score, encrypted; the host's side of predict."""
    assert session.public_key is not None
    report_shape(session, features.rows, features.columns)
    with session.statistics.step("encrypt", operations=features.rows):
        scores = session.public_key.encrypt(check_scores(half.scores(features)))
    session.send(GUEST, "scores", scores=scores)
