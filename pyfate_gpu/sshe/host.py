# SPDX-License-Identifier: Apache-2.0
"""Training on shares at the host."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.learning.targets import EXPONENT_LIMIT, TargetScale
from pyfate_gpu.protocol.batching import Batch, unpack
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.sshe.step import At, BatchRows
from pyfate_gpu.sshe.trainer import SharedTrainer, announced_shape


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
        self.peer = announced_shape(shape.rows, columns, bits, GUEST.name)
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
        self.progress.ended = "" if proceed else "the guest ended it"
        return bool(proceed)
