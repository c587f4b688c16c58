# SPDX-License-Identifier: Apache-2.0
"""The party that has the labels, and decides when training ends."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import DataError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.glm.batching import Batches
from pyfate_gpu.glm.convergence import loss_settled, weights_settled
from pyfate_gpu.glm.families import Family
from pyfate_gpu.glm.features import FixedPointMatrix
from pyfate_gpu.glm.half import HalfModel
from pyfate_gpu.glm.handshake import announce_batches, collect_shapes
from pyfate_gpu.glm.masking import reveal
from pyfate_gpu.glm.progress import Progress
from pyfate_gpu.glm.residuals import SCALE, check_scores, weighted_sums
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.he import CiphertextArray, concatenate


class GuestTrainer:
    """The guest's side of training.

    Parameters
    ----------
    session : Session
        After the handshake.
    features : FixedPointMatrix
        All rows, this guest's columns, the intercept's ones included where it is fitted.
    y : float64 [rows]
        Labels as the family takes them.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        family: Family,
        features: FixedPointMatrix,
        y: NDArray[np.float64],
        progress: Progress,
    ) -> None:
        self.session = session
        self.settings = settings
        self.family = family
        self.features = features
        self.y = y
        self.progress = progress
        self.half = HalfModel(features.columns, settings, intercept=settings.fit_intercept)
        self.losses: list[float] = []

    def train(self) -> int:
        """Train until converged or out of iterations; return the number of iterations."""
        batches = self._plan()
        parts = [(self.features.take(rows), self.y[rows]) for rows in batches]
        for iteration in range(1, self.settings.max_iter + 1):
            before = self.half.weights
            loss = sum(
                self._train_batch(features, y, iteration, batch)
                for batch, (features, y) in enumerate(parts)
            )
            self.losses.append(_checked_loss(loss / len(self.y)))
            converged = self._converged(before, iteration)
            proceed = not converged and iteration < self.settings.max_iter
            self.session.send(self.session.peers, "proceed", iteration=iteration, proceed=proceed)
            self.progress.end_iteration(iteration, self.losses[-1], converged=converged)
            if not proceed:
                break
        return iteration

    def _plan(self) -> Batches:
        """Divide the rows; refuse batches that are not safe for every party."""
        session, settings = self.session, self.settings
        columns = {"guest": self.features.columns}
        shapes = collect_shapes(session, self.features.rows)
        columns |= {host.name: count for host, count in shapes.items()}
        batches = Batches.plan(
            self.features.rows,
            settings.batch_size,
            shuffle=settings.shuffle,
            seed=settings.random_state,
        )
        batches.check_safe(columns)
        announce_batches(session, batches, columns)
        return batches

    def _train_batch(
        self, features: FixedPointMatrix, y: NDArray[np.float64], iteration: int, batch: int
    ) -> float:
        """Take one step; return the summed loss of the batch before it."""
        session, slope = self.session, self.family.slope
        at = {"iteration": iteration, "batch": batch}

        own = slope * self.half.scores(features) + self.family.target(y)
        residual = add_up(session, "forward", "forward", y.shape, **at)
        with session.statistics.step("add", operations=len(y)):
            residual = residual + check_scores(own)
        session.send(session.hosts, "residual", residual=residual, **at)

        gradient, loss = weighted_sums(session, features, own / slope, residual)
        shares = add_up(session, "loss_share", "share", (1,), **at)
        with session.statistics.step("add", operations=1):
            loss = loss + shares
        sums = reveal(session, concatenate([gradient, loss]), "gradient", **at) / SCALE

        penalty = self.half.penalty
        self.half.descend(sums[:-1], len(y))
        return self.family.loss_from_residuals(float(sums[-1]) / 2, y) + len(y) * penalty

    def _converged(self, before: NDArray[np.float64], iteration: int) -> bool:
        settings, session = self.settings, self.session
        if settings.convergence != "weight_diff":
            return loss_settled(settings.convergence, self.losses, settings.tol)
        settled = [weights_settled(before, self.half.weights, settings.tol)]
        settled += [
            session.receive(host, "settled", iteration=iteration, settled=bool)
            for host in session.hosts
        ]
        return all(settled)


def collect_scores(
    session: Session, half: HalfModel, features: FixedPointMatrix
) -> NDArray[np.float64]:
    """Return the score of each row: hosts' shares added under encryption; the guest's side of predict."""
    collect_shapes(session, features.rows)
    session.send(ARBITER, "decryptions", count=features.rows)
    total = add_up(session, "scores", "scores", (features.rows,))
    with session.statistics.step("add", operations=features.rows):
        total = total + check_scores(half.scores(features))
    return reveal(session, total, "scores")


def add_up(
    session: Session, name: str, key: str, shape: tuple[int, ...], **at: int
) -> CiphertextArray:
    """Receive one encrypted array from each host and add them."""
    total = session.receive_encrypted(session.hosts[0], name, key, shape, **at)
    for host in session.hosts[1:]:
        term = session.receive_encrypted(host, name, key, shape, **at)
        with session.statistics.step("add", operations=total.size):
            total = total + term
    return total


def _checked_loss(loss: float) -> float:
    if not math.isfinite(loss):
        raise DataError(
            f"the loss became {loss}: lower the learning rate, standardise or clip the features"
        )
    return loss
