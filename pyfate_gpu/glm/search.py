# SPDX-License-Identifier: Apache-2.0
"""Training by conjugate gradients: what guest, host and arbiter do in a pass; ``glm.conjugate`` has the numbers.

A labelled pass is the masked protocol as it is. In any other pass the parties put shares of the direction,
X_p p_p, in place of shares of the scores, and no labels enter. Either ends with sums over parties of a few
numbers, which the hosts send encrypted, and with what the guest makes of them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.errors import DataError, EncodingError, ProtocolError
from pyfate_gpu.federation.roles import ARBITER, GUEST
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.conjugate import (
    ConjugateSearch,
    ConjugateWeights,
    check_turn,
    is_labelled,
    scalars_of,
)
from pyfate_gpu.glm.descent import At, DescentService
from pyfate_gpu.glm.families import Quadratic
from pyfate_gpu.glm.guest import GuestTrainer
from pyfate_gpu.glm.host import HostBatch, HostTrainer
from pyfate_gpu.glm.packing import MAX_ROWS, ClassSlots, check_rows
from pyfate_gpu.glm.plan import Plan
from pyfate_gpu.glm.row_slots import RowSlots, why_data_forbid, why_terms_forbid
from pyfate_gpu.glm.rows import GuestBatch
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.protocol.checks import check_scores
from pyfate_gpu.protocol.masking import reveal, serve
from pyfate_gpu.protocol.scoring import add_up
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.federation import Session
    from pyfate_gpu.glm.weights import PartyWeights
    from pyfate_gpu.he import PrivateKey

logger = logging.getLogger(__name__)

Packing = ClassSlots | RowSlots

#: Sums that decide steps are of size 1 by their scale, or the loss at most; so many digits are never missed.
_SUMS = FixedPointEncoder(fraction_bits=100, bound=2.0**40)


class GuestSearch(GuestTrainer):
    """The guest's side; parameters as in `GuestTrainer`."""

    weights: ConjugateWeights
    family: Quadratic

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.search = ConjugateSearch(self.data.y.shape[1], self.settings.tol)

    def state(self) -> dict[str, Any]:
        """Return what the next passes depend on."""
        return super().state() | self.search.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self.search.restore(state)

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

    def _packs_rows(self, columns: int, standardized: bool) -> bool:
        settings, (rows, outputs) = self.settings, self.data.y.shape
        parties = len(self.session.hosts) + 1
        reason = why_terms_forbid(settings, parties=parties, outputs=outputs) or why_data_forbid(
            settings,
            rows=rows,
            columns=columns,
            weighted=self.data.weights is not None,
            standardized=standardized,
        )
        logger.info(
            "%s", f"rows do not share ciphertexts: {reason}" if reason else "rows share ciphertexts"
        )
        return not reason

    def _train_batch(self, batch: GuestBatch, iteration: int, number: int) -> float:
        """Do one pass; return the summed loss after it."""
        at = {"iteration": iteration, "batch": number}
        if is_labelled(iteration):
            loss = super()._train_batch(batch, iteration, number)
            step = self.search.begin(self._add_up(at))
        else:
            self._curve(batch, at)
            step = self.search.advance(self._add_up(at))
            loss = (self.losses[-1] - self.search.gain) * self.data.features.rows
        alpha, beta = step
        exponents = self.search.exponents
        self.session.send(
            self.session.hosts, "turn", alpha=alpha, beta=beta, exponents=exponents, **at
        )
        self.weights.turn(alpha, beta, exponents)
        return loss

    def _curve(self, batch: GuestBatch, at: At) -> None:
        """Have H p computed, for the direction p of all parties."""
        session, sent = self.session, batch.sent
        packing = packing_of(session, self.settings, self.plan, len(sent.y))
        self.progress.packing = packing.name
        share = self.family.slope * self.weights.direction_scores(sent.features.values)
        shape = packing.shape(len(share))
        forward = packing.check(add_up(session, "forward", "forward", shape, packing.slots, **at))
        with session.statistics.step(Step.ADD, operations=forward.size):
            product = forward + packing.spread(check_scores(share))
        product = self._weigh(product, batch)
        session.send(session.hosts, "residual", residual=product, **at)
        sums = packing.reveal(session, batch.own.features, product, at)
        self.weights.curve(sums, batch.own.features.rows)

    def _add_up(self, at: At) -> Floats:
        """Return the sums over parties of what each knows of its own columns."""
        own = self.weights.scalars()
        total = add_up(self.session, "curvature", "terms", (own.size,), **at)
        with self.session.statistics.step(Step.ADD, operations=own.size):
            total = total + _encoded(own)
        return reveal(self.session, total, "curvature", **at).reshape(own.shape)

    def _converged(self, before: Floats, iteration: int) -> bool:
        return self.search.done


class HostSearch(HostTrainer):
    """A host's side; parameters as in `HostTrainer`."""

    weights: ConjugateWeights

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
        if is_labelled(iteration):
            super()._train_batch(batch, iteration, number)
        else:
            self._curve(batch, at)
        terms = _encoded(self.weights.scalars())
        with session.statistics.step(Step.ENCRYPT, operations=terms.size):
            encrypted = session.public_key.encrypt(terms)
        session.send(GUEST, "curvature", terms=encrypted, **at)
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

    def _curve(self, batch: HostBatch, at: At) -> None:
        session = self.session
        share = self.family.forward(self.weights.direction_scores(batch.features.values))
        packing = packing_of(session, self.settings, self.plan, len(share))
        self.progress.packing = packing.name
        if isinstance(packing, RowSlots) and not self._standardized:
            raise ProtocolError("the guest packs rows, and columns here have no public norm")
        shape, slots = packing.shape(len(share)), packing.slots
        with session.statistics.step(Step.ENCRYPT, operations=math.prod(shape)):
            forward = session.public_key.encrypt(packing.spread(check_scores(share)), slots=slots)
        session.send(GUEST, "forward", forward=forward, **at)
        product = session.receive_encrypted(
            GUEST, "residual", "residual", shape, ARBITER, slots, **at
        )
        sums = packing.reveal(session, batch.features, packing.check(product), at)
        self.weights.curve(sums, batch.features.rows)


class SearchService(DescentService):
    """The arbiter's side for one party; parameters as in `DescentService`, and the guest's plan."""

    def __init__(self, *arguments: Any, plan: Plan, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._packing = packing_of(self._session, self._settings, plan)
        self._columns = plan.columns[self._party.name]

    def serve(self, at: At) -> None:
        """Decrypt what the party sends for one pass, and no more than that."""
        if is_labelled(at["iteration"]):
            super().serve(at)
            return
        self._packing.serve(self._session, self._private_key, self._party, self._columns, at)


def serve_sums(session: Session, private_key: PrivateKey, outputs: int, at: At) -> None:
    """Decrypt the guest's sums over parties of one pass; the arbiter's last part of it."""
    count = scalars_of(at["iteration"]) * outputs
    serve(session, private_key, GUEST, "curvature", count, **at)


def packing_of(session: Session, settings: Settings, plan: Plan, rows: int = 0) -> Packing:
    """Return how rows and outputs share ciphertexts, by what the terms allow and the plan says.

    Raises
    ------
    ProtocolError
        When the guest plans what the terms do not allow.
    ConfigurationError
        When slots have no room for so many rows.
    """
    parties = len(session.hosts) + 1
    if not plan.row_slots:
        packing = settings.class_slots(parties, plan.outputs)
        check_rows(rows, packing)
        return packing
    found = RowSlots.of(key_bits=settings.key_bits, parties=parties)
    reason = why_terms_forbid(settings, parties=parties, outputs=plan.outputs)
    if found is None or reason or rows > MAX_ROWS:
        raise ProtocolError(
            f"the guest packs rows, which cannot be: {reason or 'there are too many'}"
        )
    return found


def _encoded(terms: Floats) -> Any:
    try:
        return _SUMS.encode(terms.ravel())
    except EncodingError:
        raise DataError(
            f"a sum of the search reached {np.abs(terms).max():g}: standardise or clip the features"
        ) from None
