# SPDX-License-Identifier: Apache-2.0
"""Training on shares at the guest, who has the labels and decides when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.learning.convergence import loss_settled
from pyfate_gpu.learning.targets import UNSCALED, TargetScale
from pyfate_gpu.protocol.batching import Batch, pack
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.sshe.links import FACTOR_BITS
from pyfate_gpu.sshe.settings import Settings
from pyfate_gpu.sshe.step import At, BatchRows
from pyfate_gpu.sshe.trainer import Half, SharedTrainer, announced_shape
from pyfate_gpu.typing import Floats


class GuestTrainer(SharedTrainer):
    """The guest's side.

    Parameters
    ----------
    labels : float64 [rows]
        In the unit of training.
    row_weights : FixedPointMatrix [rows, 1] or None
    validator : Validator or None
        Judges each iteration, given the scores of the validation rows.
    scale : TargetScale
        The unit of training.
    """

    def __init__(
        self,
        exchange: Exchange,
        settings: Settings,
        progress: Progress,
        half: Half,
        labels: Floats,
        row_weights: FixedPointMatrix | None = None,
        validator: Validator | None = None,
        scale: TargetScale = UNSCALED,
    ) -> None:
        super().__init__(exchange, settings, progress, half)
        self.labels = labels
        self.row_weights = row_weights
        self.validator = validator
        self.scale = scale
        self.weighted = row_weights is not None
        self.peer_intercept = False
        self.division = settings.division(half.features.rows)
        self.losses: list[float] = []  # in the unit of training
        self._opened: list[tuple[float, int]] = []

    @property
    def loss_history(self) -> list[float]:
        """The losses in the user's unit."""
        return [self.scale.grow_loss(loss) for loss in self.losses]

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""
        judged = {} if self.validator is None else self.validator.state()
        return super().state() | self.division.state() | judged | {"losses": list(self.losses)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self.division.restore(state)
        self.losses = list(state["losses"])
        if self.validator is not None:
            self.validator.restore(state)

    def _agree(self) -> None:
        host, shape = self.exchange.peer, self.half.shape
        rows, columns, tested, bits = self.session.receive(
            host, "shape", rows=int, columns=int, validation=int, bits=int
        )
        for what, here, there in (
            ("rows", shape.rows, rows),
            ("validation rows", self.half.tested_rows, tested),
        ):
            if here != there:
                raise ConfigurationError(
                    f"guest has {here} {what}, {host} has {there}: "
                    "give every party the same rows in the same order"
                )
        self.peer = announced_shape(rows, columns, bits, host.name)
        self.division.check_safe({GUEST.name: shape.columns, host.name: columns})
        self.session.send(
            host,
            "plan",
            columns=shape.columns,
            bits=shape.bits,
            intercept=self.half.intercept,
            batches=len(self.division),
            weighted=self.weighted,
            exponent=self.scale.exponent,
        )
        self._check_bounds(self.division.size)

    def _divide(self, iteration: int) -> list[Batch] | None:
        batches = self.division.draw()
        rows, sizes, used = pack(batches)
        self.session.send(
            self.exchange.peer, "batches", iteration=iteration, rows=rows, sizes=sizes, used=used
        )
        return batches

    def _rows(self, batch: Batch) -> BatchRows:
        weights = None if self.row_weights is None else self.row_weights.take(batch.rows)
        return BatchRows(
            self._features(self.half.features.take(batch.rows)),
            self.peer.with_rows(len(batch.rows)),
            self.labels[batch.rows],
            weights,
            self.weighted,
        )

    def _open_loss(self, share: Ring, rows: int, at: At) -> None:
        opened = self.exchange.open_from_peer("loss_share", share, **at)
        self._opened.append((float(ring.decode(opened, 2 * FACTOR_BITS)[0]), rows))

    def _proceed(self, iteration: int, at: At) -> bool:
        loss = self._loss()
        validator, settings = self.validator, self.settings
        converged = loss is not None and loss_settled("diff", self.losses, settings.tol)
        if validator is not None:
            shares = self._tested_scores(at)
            opened = self.exchange.open_from_peer("validation_share", shares, **at)
            validator.judge(ring.decode(opened, settings.fraction_bits)[:, np.newaxis])
            converged = converged or validator.exhausted
        best = validator is None or validator.keeps
        if best:
            self.weights.keep_best()
        proceed = not converged and iteration < settings.max_iter
        self.session.send(
            self.exchange.peer, "proceed", iteration=iteration, proceed=proceed, best=best
        )
        shown = None if loss is None else self.scale.grow_loss(loss)
        metrics = None if validator is None else validator.history[-1]
        self.progress.end_iteration(iteration, shown, converged=converged, metrics=metrics)
        if not proceed:
            why = f"max_iter is {settings.max_iter}"
            if converged:
                why = f"it converged (diff, tol {settings.tol:g})"
            judged = why if validator is None else validator.verdict or why
            self.progress.end(iteration, judged, iteration if validator is None else validator.kept)
        return proceed

    def _loss(self) -> float | None:
        """Return the mean loss of the rows whose loss was opened in this iteration."""
        opened, self._opened = self._opened, []
        if not opened:
            return None
        rows = sum(count for _, count in opened)
        mean = sum(total for total, _ in opened) / rows
        self.losses.append(mean + self.settings.function.loss_shift)
        return self.losses[-1]
