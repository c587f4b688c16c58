# SPDX-License-Identifier: Apache-2.0
"""From an encrypted gradient to the step of a party's weights, in both modes.

``masked``: the arbiter decrypts uniform residues, the party's own optimizer takes the step.
``arbiter_optimizer``: the arbiter decrypts the gradient itself and returns it with the step, as in FATE. It then
knows the gradients and all changes of the weights of every party: weaker, and there for comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.federation import Party, Session
from pyfate_gpu.federation.roles import ARBITER
from pyfate_gpu.glm.divergence import divergence
from pyfate_gpu.glm.plan import Packing
from pyfate_gpu.glm.settings import ARBITER_OPTIMIZER, Settings
from pyfate_gpu.glm.weights import PartyWeights, make_optimizer
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey

At = dict[str, int]


def descend(
    session: Session,
    settings: Settings,
    packing: Packing,
    weights: PartyWeights,
    gradient: CiphertextArray,
    rows: int,
    at: At,
) -> Floats:
    """Take one step, given encrypted X^T d over `rows` rows; return X^T d, [columns, outputs]."""
    if settings.mode == ARBITER_OPTIMIZER:
        return _ask_for_step(session, packing, weights, gradient, rows, at)
    sums = packing.reveal(session, gradient, at)
    weights.descend(sums, rows)
    return sums


def _ask_for_step(
    session: Session,
    packing: Packing,
    weights: PartyWeights,
    gradient: CiphertextArray,
    rows: int,
    at: At,
) -> Floats:
    """Have the arbiter take a step; return X^T d, of which it returns the sum with the penalty's part."""
    penalty = FixedPointMatrix.round(weights.penalty_gradient * rows)
    session.send(ARBITER, "rows", rows=rows, **at)
    session.send(ARBITER, "gradient", gradient=packing.show(session, gradient, penalty), **at)
    answers = session.receive(
        ARBITER,
        "step",
        iteration=at["iteration"],
        batch=at["batch"],
        step=np.ndarray,
        rates=np.ndarray,
        sums=np.ndarray,
    )
    shape = weights.values.shape
    for values in answers:
        if values.dtype != np.float64 or values.shape != shape or not np.isfinite(values).all():
            raise ProtocolError(f"the arbiter's step is no {shape} finite numbers")
    step, rates, sums = answers
    weights.move(step, rates)
    return np.asarray(sums - penalty.values)


class DescentService:
    """The arbiter's side of `descend` for one party.

    Parameters
    ----------
    packing : Packing
        How rows and outputs share ciphertexts.
    columns : int
        The party's.
    """

    def __init__(
        self,
        session: Session,
        private_key: PrivateKey,
        settings: Settings,
        packing: Packing,
        party: Party,
        columns: int,
    ) -> None:
        self._session = session
        self._private_key = private_key
        self._settings = settings
        self._packing = packing
        self._party = party
        self._columns = columns
        self._optimizer = make_optimizer(settings)

    def serve(self, at: At) -> None:
        """Decrypt what the party sends for one batch, and no more than that."""
        if self._settings.mode == ARBITER_OPTIMIZER:
            self._take_step(at)
        else:
            self._packing.serve(self._session, self._private_key, self._party, self._columns, at)

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on, by names that no other party's state has."""
        state = self._optimizer.state()
        return {f"{self._party}_{name}": value for name, value in state.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up this party's part of what `state` returned."""
        prefix = f"{self._party}_"
        names = [name for name in state if name.startswith(prefix)]
        self._optimizer.restore({name.removeprefix(prefix): state[name] for name in names})

    def _take_step(self, at: At) -> None:
        session, party = self._session, self._party
        rows = session.receive(
            party, "rows", iteration=at["iteration"], batch=at["batch"], rows=int
        )
        if rows < 1:
            raise ProtocolError(f"{party} announced a gradient over {rows} rows")
        sums = self._packing.read(session, self._private_key, party, self._columns, at)
        self._optimizer.learning_rate = self._settings.rate(at["iteration"])
        with np.errstate(over="ignore", invalid="ignore"):
            step = self._optimizer.descend(sums / rows)
        if not np.isfinite(step).all():
            raise divergence(self._settings, at["iteration"])
        rates = np.broadcast_to(np.asarray(self._optimizer.rates), step.shape)
        session.send(party, "step", step=step, rates=rates.copy(), sums=sums, **at)
