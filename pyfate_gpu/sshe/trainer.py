# SPDX-License-Identifier: Apache-2.0
"""Training on shares: what guest and host have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.learning.targets import TargetScale
from pyfate_gpu.protocol.batching import Batch
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.sharing.features import FeatureShape, SharedFeatures
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.protocol.sharing.truncation import truncate
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
        first = resume(self) + 1
        batches: list[BatchRows] = []
        for iteration in range(first, self.settings.max_iter + 1):
            drawn = self._divide(iteration) if iteration == first or self._anew else None
            if drawn is not None:
                batches = [self._rows(batch) for batch in drawn]
            for number, batch in enumerate(batches):
                self._train_batch(batch, {"iteration": iteration, "batch": number})
            if not self._proceed(iteration, {"iteration": iteration, "batch": len(batches)}):
                break
            keep(self, iteration)
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


def announced_shape(rows: int, columns: int, bits: int, party: str) -> FeatureShape:
    """Return what the other party announced of its features.

    Raises
    ------
    ProtocolError
        When it makes no sense.
    """
    if rows < 1 or columns < 1 or not 1 <= bits <= 62:
        raise ProtocolError(
            f"{party} announced {rows} rows of {columns} columns of {bits} bits: it takes 1 or more of each, "
            "up to 62 bits"
        )
    return FeatureShape(rows, columns, bits)
