# SPDX-License-Identifier: Apache-2.0
"""Training by conjugate gradients: what guest, host and arbiter do in a pass; ``glm.conjugate`` has the numbers.

A labelled pass is the masked protocol as it is; in the first one, at weights of 0, residuals are targets, which the
guest encrypts. In any other pass the parties put shares of the direction, X_p p_p, in place of shares of the scores,
and no labels enter. Either ends with sums over parties of a few numbers, which the hosts send under masks that
cancel, and with what the guest makes of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.errors import DataError, EncodingError
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.conjugate import (
    ConjugateSearch,
    ConjugateWeights,
    check_turn,
    is_cold,
    is_labelled,
)
from pyfate_gpu.glm.descent import At, DescentService
from pyfate_gpu.glm.divergence import watched
from pyfate_gpu.glm.families import Quadratic
from pyfate_gpu.glm.guest import GuestTrainer
from pyfate_gpu.glm.host import HostBatch, HostTrainer
from pyfate_gpu.glm.rows import GuestBatch
from pyfate_gpu.glm.trainer import part_of
from pyfate_gpu.protocol.checks import check_scores
from pyfate_gpu.protocol.scoring import ask_for_scores
from pyfate_gpu.protocol.secure_sum import SecureSum
from pyfate_gpu.typing import Floats, Integers

if TYPE_CHECKING:
    from pyfate_gpu.data.fixed_point import FixedPointMatrix
    from pyfate_gpu.glm.weights import PartyWeights

#: Sums that decide steps are of size 1 by their scale, or the loss at most; so many digits are never missed.
_SUMS: dict[str, Any] = {"fraction_bits": 100, "bound": 2.0**40}


class GuestSearch(GuestTrainer):
    """The guest's side; parameters as in `GuestTrainer`."""

    weights: ConjugateWeights
    family: Quadratic

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.search = ConjugateSearch(self.data.y.shape[1], self.settings.tol)
        self.sums = SecureSum(self.session, "curvature", **_SUMS)
        self._scores: Floats = np.zeros(0)  # of validation rows

    def state(self) -> dict[str, Any]:
        """Return what the next passes depend on."""
        tested = {} if self.tested is None else {"tested_scores": self._scores}
        return super().state() | self.search.state() | tested

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self.search.restore(state)
        if self.tested is not None:
            self._scores = state["tested_scores"]

    def _make_weights(self, shape: tuple[int, int]) -> PartyWeights:
        return ConjugateWeights(
            shape,
            self.settings,
            self.data.features.values,
            self.family.slope,
            intercept=self.settings.fit_intercept,
            start=self.start,
            scale=self.scale,
        )

    def _train_batch(self, batch: GuestBatch, iteration: int, number: int) -> float:
        """Do one pass; return the summed loss after it."""
        at = {"iteration": iteration, "batch": number}
        if is_labelled(iteration):
            cold = is_cold(iteration, warm=self.plan.warm)
            loss = (
                self._begin(batch, at) if cold else super()._train_batch(batch, iteration, number)
            )
            step = self.search.begin(self._add_up(at))
        else:
            self._curve(batch, at)
            exponents, step = self.search.exponents, self.search.advance(self._add_up(at))
            self._move_scores(step[0], exponents)
            loss = (self.losses[-1] - self.search.gain) * self.data.features.rows
        alpha, beta = step
        exponents = self.search.exponents
        self.session.send(
            self.session.hosts, "turn", alpha=alpha, beta=beta, exponents=exponents, **at
        )
        self.weights.turn(alpha, beta, exponents)
        return loss

    def _begin(self, batch: GuestBatch, at: At) -> float:
        """Do the first pass, at weights of 0, where residuals are targets; return the summed loss."""
        session, own, packing = self.session, batch.own, self.packing
        targets = own.weigh(self.family.target(own.y))
        plain = packing.spread(check_scores(targets))
        for piece in self.pieces(len(own.y), at):
            with session.statistics.step(Step.ENCRYPT, operations=math.prod(piece.shape)):
                residual = session.public_key.encrypt(part_of(plain, piece), slots=packing.slots)
            session.send(session.hosts, "residual", residual=residual, **piece.at)
        self._ask_to_judge(at["iteration"])
        self.weights.descend(own.features.values.T @ targets, len(own.y))
        return float(own.weigh(self.family.constant(own.y)).sum())

    def _curve(self, batch: GuestBatch, at: At) -> None:
        """Have H p computed, for the direction p of all parties."""
        session, sent, packing = self.session, batch.sent, self.packing
        share = self.family.slope * self.weights.direction_scores(sent.features.values)
        product = self._relay(batch, None, check_scores(share), at)
        sums = packing.gradient(session, batch.own.features, product)
        if self.tested is not None:
            with watched(self.settings, at["iteration"], 1):
                along = self.weights.direction_scores(self.tested.features.values)
                self._answer = ask_for_scores(session, along, "validation", at["iteration"])
        self.weights.curve(packing.reveal(session, sums, at), batch.own.features.rows)

    def _tested_scores(self) -> Floats | None:
        if self._answer is not None:  # of a labelled pass, which changes no score
            self._scores = self._answer()
            self._answer = None
        return None if self.tested is None else self._scores

    def _move_scores(self, alpha: Floats, exponents: Integers) -> None:
        """Take the step with the scores of validation rows: the scores along the direction came during the pass."""
        if self._answer is not None:
            self._scores = self._scores + alpha * np.ldexp(self._answer(), -exponents)
            self._answer = None

    def _add_up(self, at: At) -> Floats:
        """Return the sums over parties of what each knows of its own columns."""
        with _within_bounds():
            return self.sums.collect(self.weights.scalars(), **at)

    def _converged(self, before: Floats, iteration: int) -> bool:
        return self.search.done


class HostSearch(HostTrainer):
    """A host's side; parameters as in `HostTrainer`."""

    weights: ConjugateWeights

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.sums = SecureSum(self.session, "curvature", **_SUMS)

    def _make_weights(self, shape: tuple[int, int]) -> PartyWeights:
        return ConjugateWeights(
            shape,
            self.settings,
            self.features.values,
            self.family.slope,  # type: ignore[attr-defined] # settings refuse other families
            start=self.start,
            scale=self.scale,
        )

    def _train_batch(self, batch: HostBatch, iteration: int, number: int) -> None:
        session, at = self.session, {"iteration": iteration, "batch": number}
        if is_cold(iteration, warm=self.plan.warm):
            self._begin(batch, at)
        elif is_labelled(iteration):
            super()._train_batch(batch, iteration, number)
        else:
            self._curve(batch, at)
        with _within_bounds():
            self.sums.send(self.weights.scalars(), **at)
        alpha, beta, exponents = session.receive(
            GUEST,
            "turn",
            iteration=iteration,
            batch=number,
            alpha=np.ndarray,
            beta=np.ndarray,
            exponents=np.ndarray,
        )
        self.weights.turn(*check_turn(alpha, beta, exponents, self.weights.values.shape[1]))

    def _begin(self, batch: HostBatch, at: At) -> None:
        self._send_validation_ahead(at["iteration"])
        residual = self._receive_residual(batch, at)
        gradient = self.packing.gradient(self.session, batch.features, residual)
        self.weights.descend(self.packing.reveal(self.session, gradient, at), batch.features.rows)

    def _curve(self, batch: HostBatch, at: At) -> None:
        session, packing = self.session, self.packing
        product = self._exchange(batch, at)
        sums = packing.gradient(session, batch.features, product)
        self.weights.curve(packing.reveal(session, sums, at), batch.features.rows)

    def _send_shares(self, features: FixedPointMatrix, at: At) -> None:
        super()._send_shares(features, at)
        self._send_validation_ahead(at["iteration"])

    def _send_validation_ahead(self, iteration: int) -> None:
        """Send shares of what the pass adds to the scores of validation rows, or of these: both are known before it."""
        if self.validation is not None:
            with watched(self.settings, iteration, batch=1):
                self._send_validation(self._share(self.validation, iteration), iteration)

    def _tell(self, before: Floats, iteration: int) -> None:
        """The guest knows all it judges by."""

    def _share(self, features: FixedPointMatrix, iteration: int) -> Floats:
        if is_labelled(iteration):
            return super()._share(features, iteration)
        return self.weights.direction_scores(features.values)


class SearchService(DescentService):
    """The arbiter's side for one party; parameters as in `DescentService`."""

    def serve(self, at: At) -> None:
        """Decrypt what the party sends for one pass, and no more than that."""
        if is_labelled(at["iteration"]):
            super().serve(at)
            return
        self._packing.serve(self._session, self._private_key, self._party, self._columns, at)


@contextmanager
def _within_bounds() -> Iterator[None]:
    try:
        yield
    except EncodingError as error:
        raise DataError(
            f"a sum of the search is too large ({error}): standardise or clip the features"
        ) from None
