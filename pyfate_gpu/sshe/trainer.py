# SPDX-License-Identifier: Apache-2.0
"""Training on shares, at the guest and at the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.learning.convergence import loss_settled
from pyfate_gpu.learning.targets import EXPONENT_LIMIT, UNSCALED, TargetScale
from pyfate_gpu.protocol.batching import Batch, pack, unpack
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.features import FeatureShape, SharedFeatures
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.protocol.sharing.truncation import truncate
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.sshe import step
from pyfate_gpu.sshe.bounds import GUARD_BITS, Bounds
from pyfate_gpu.sshe.links import FACTOR_BITS, factor
from pyfate_gpu.sshe.settings import OWNERS, Settings
from pyfate_gpu.sshe.step import At, BatchRows
from pyfate_gpu.sshe.weights import Block, SharedWeights
from pyfate_gpu.typing import Floats


@dataclass(frozen=True, eq=False)
class Half:
    """What one party brings.

    Parameters
    ----------
    features : FixedPointMatrix
        All rows of its columns, the intercept's ones included.
    bits : int
        Public: features are below 2**bits in size.
    tested : FixedPointMatrix or None
        Validation rows.
    intercept : bool
        Whether the last column is that of an intercept.
    """

    features: FixedPointMatrix
    bits: int
    tested: FixedPointMatrix | None = None
    intercept: bool = False

    @property
    def shape(self) -> FeatureShape:
        """Its size."""
        return FeatureShape(self.features.rows, self.features.columns, self.bits)

    @property
    def tested_rows(self) -> int:
        """How many validation rows."""
        return 0 if self.tested is None else self.tested.rows


class SharedTrainer(ABC):
    """What both parties do.

    Parameters
    ----------
    exchange : Exchange
        The way to the other party.
    settings : Settings
    progress : Progress
        Hears of each iteration.
    half : Half
        This party's data.
    """

    weights: SharedWeights
    peer: FeatureShape
    weighted: bool
    peer_intercept: bool
    scale: TargetScale

    def __init__(
        self, exchange: Exchange, settings: Settings, progress: Progress, half: Half
    ) -> None:
        self.exchange = exchange
        self.session = exchange.session
        self.settings = settings
        self.progress = progress
        self.half = half
        self.steps = 0
        self._tested: SharedFeatures | None = None

    @abstractmethod
    def _agree(self) -> None:
        """Tell each other how much there is to do, and refuse what is not safe."""

    @abstractmethod
    def _divide(self, iteration: int) -> list[Batch] | None:
        """Return the batches from this iteration on, None where they are as before."""

    @abstractmethod
    def _rows(self, batch: Batch) -> BatchRows:
        """Return this party's part of a batch."""

    @abstractmethod
    def _open_loss(self, share: Ring, rows: int, at: At) -> None:
        """Open the loss of a batch, penalty included, to the guest: one number."""

    @abstractmethod
    def _proceed(self, iteration: int, at: At) -> bool:
        """Judge an iteration; return whether there is another one."""

    def train(self) -> int:
        """Train until the guest says stop; return the number of iterations."""
        self._agree()
        self._make_weights()
        first = self._resume() + 1
        batches: list[BatchRows] = []
        for iteration in range(first, self.settings.max_iter + 1):
            drawn = self._divide(iteration) if iteration == first or self._anew else None
            if drawn is not None:
                batches = [self._rows(batch) for batch in drawn]
            for number, batch in enumerate(batches):
                self._train_batch(batch, {"iteration": iteration, "batch": number})
            if not self._proceed(iteration, {"iteration": iteration, "batch": len(batches)}):
                break
            self._keep(iteration)
        return iteration

    def open_weights(self) -> Floats | None:
        """Return the best weights of this party's columns, which the other one opens to it; None if nobody's are."""
        if self.settings.reveal != OWNERS:
            return None
        own, other = self.weights.best
        self.exchange.open_to_peer("opened_weights", other)
        opened = self.exchange.open_from_peer("opened_weights", own)
        return ring.decode(opened, self.settings.fraction_bits + GUARD_BITS)

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""
        return self.weights.state() | {"steps": self.steps}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.weights.restore(state)
        self.steps = int(state["steps"])

    @property
    def _anew(self) -> bool:
        return self.settings.batch_strategy == "random"

    def _make_weights(self) -> None:
        """Share zeros: each party gives the other a share of its own columns' weights."""
        own = Block.zeros(self.half.features.columns, self.settings, intercept=self.half.intercept)
        other = Block.zeros(self.peer.columns, self.settings, intercept=self.peer_intercept)
        self.exchange.open_to_peer("initial", own.split())
        other.share = self.exchange.open_from_peer("initial", other.share)
        self.weights = SharedWeights(own, other)

    def _train_batch(self, batch: BatchRows, at: At) -> None:
        exchange, settings = self.exchange, self.settings
        bits = settings.fraction_bits
        score, encrypted = step.scores(exchange, batch.features, batch.peer, self.weights, bits, at)
        norm, penalty = step.squared_norm(exchange, self.weights, encrypted, at)
        step.check_range(exchange, norm, bits, at)
        residual = step.residuals(exchange, score, batch, settings.function, bits, at)
        with_loss = self.steps % settings.loss_every == 0
        self.steps += 1
        squares, square_bits = None, 2 * bits
        if batch.weighted:
            residual, squares = step.weigh(exchange, residual, batch, at, with_loss=with_loss)
            square_bits += FRACTION_BITS
        own, other, encrypted = step.gradient(exchange, residual, batch, at)
        if with_loss:
            if squares is None:
                squares = step.squares(exchange, residual, encrypted, at)
            share = self._loss_share(squares, square_bits, penalty, batch.rows)
            self._open_loss(share, batch.rows, at)
        rate = settings.rate(at["iteration"])
        for block, sums in ((self.weights.own, own), (self.weights.other, other)):
            block.descend(sums, batch.rows, rate, settings, first=exchange.first)

    def _loss_share(self, squares: Ring, square_bits: int, norm: Ring, rows: int) -> Ring:
        """Return a share of what residuals and weights make of the summed loss, in twice `FACTOR_BITS` bits."""
        settings, first = self.settings, self.exchange.first
        kept = truncate(squares, square_bits - FACTOR_BITS, first=first)
        found = ring.scale(kept, factor(settings.function.loss_factor))
        if settings.penalty == "none":
            return found
        norm_bits = 2 * (settings.fraction_bits + GUARD_BITS)
        kept = truncate(norm, norm_bits - FACTOR_BITS, first=first)
        return ring.add(found, ring.scale(kept, factor(settings.alpha / 2 * rows)))

    def _features(self, matrix: FixedPointMatrix) -> SharedFeatures:
        return SharedFeatures(matrix.integers, self.half.bits, self.exchange.peer_key)

    def _tested_scores(self, at: At) -> Ring:
        """Return shares of the scores of the validation rows."""
        assert self.half.tested is not None
        if self._tested is None:
            self._tested = self._features(self.half.tested)
        peer = self.peer.with_rows(self.half.tested.rows)
        found, _ = step.scores(
            self.exchange, self._tested, peer, self.weights, self.settings.fraction_bits, at
        )
        return found

    def _check_bounds(self, rows: int) -> None:
        shapes = (self.half.shape.with_rows(rows), self.peer.with_rows(rows))
        settings = self.settings
        Bounds.of(
            shapes if self.exchange.first else shapes[::-1],
            settings.function,
            settings.fraction_bits,
            momentum=settings.momentum if settings.optimizer == "momentum" else 0.0,
            weights=float(self.half.features.rows) if self.weighted else 1.0,
        ).check()

    def _resume(self) -> int:
        recovery = self.session.recovery
        if recovery is None or not recovery.iteration:
            return 0
        self.restore(recovery.load())
        return recovery.iteration

    def _keep(self, iteration: int) -> None:
        recovery = self.session.recovery
        if recovery is not None and recovery.is_due(iteration):
            recovery.save(iteration, self.state())


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
        self.peer = _shape(rows, columns, bits, host.name)
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
        self.progress.end_iteration(iteration, shown, converged=converged)
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


class HostTrainer(SharedTrainer):
    """The host's side; parameters as in `SharedTrainer`."""

    def _agree(self) -> None:
        shape, session = self.half.shape, self.session
        session.send(
            GUEST,
            "shape",
            rows=shape.rows,
            columns=shape.columns,
            validation=self.half.tested_rows,
            bits=shape.bits,
        )
        columns, bits, self.peer_intercept, self._batches, self.weighted, exponent = (
            session.receive(
                GUEST, "plan", columns=int, bits=int, intercept=bool, batches=int, weighted=bool,
                exponent=int,
            )
        )  # fmt: skip
        if self._batches < 1 or abs(exponent) > EXPONENT_LIMIT or columns < self.peer_intercept:
            raise ProtocolError(
                f"the guest announced {columns} columns, {self._batches} batches, targets of size 2^{exponent}"
            )
        self.peer = _shape(shape.rows, columns, bits, GUEST.name)
        self.scale = TargetScale(exponent=exponent)

    def _divide(self, iteration: int) -> list[Batch] | None:
        arrays = self.session.receive(
            GUEST,
            "batches",
            iteration=iteration,
            rows=np.ndarray,
            sizes=np.ndarray,
            used=np.ndarray,
        )
        batches = unpack(arrays, self.half.features.rows)
        if len(batches) != self._batches:
            raise ProtocolError(
                f"the guest planned {self._batches} batches and announced {len(batches)}"
            )
        columns = {
            GUEST.name: self.peer.columns,
            self.session.party.name: self.half.features.columns,
        }
        for batch in batches:
            batch.check_safe(columns, "a batch", "The guest sends larger ones")
        self._check_bounds(max(len(batch.rows) for batch in batches))
        return batches

    def _rows(self, batch: Batch) -> BatchRows:
        return BatchRows(
            self._features(self.half.features.take(batch.rows)),
            self.peer.with_rows(len(batch.rows)),
            weighted=self.weighted,
        )

    def _open_loss(self, share: Ring, rows: int, at: At) -> None:
        self.exchange.open_to_peer("loss_share", share, **at)

    def _proceed(self, iteration: int, at: At) -> bool:
        if self.half.tested is not None:
            self.exchange.open_to_peer("validation_share", self._tested_scores(at), **at)
        proceed, best = self.session.receive(
            GUEST, "proceed", iteration=iteration, proceed=bool, best=bool
        )
        if best:
            self.weights.keep_best()
        self.progress.end_iteration(iteration)
        return bool(proceed)


def _shape(rows: int, columns: int, bits: int, party: str) -> FeatureShape:
    if rows < 1 or columns < 1 or not 1 <= bits <= 62:
        raise ProtocolError(
            f"{party} announced {rows} rows of {columns} columns of {bits} bits: it takes 1 or more of each, "
            "up to 62 bits"
        )
    return FeatureShape(rows, columns, bits)
