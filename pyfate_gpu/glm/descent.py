# SPDX-License-Identifier: Apache-2.0
"""From an encrypted gradient to the step of a party's weights, in both modes.

``masked``: the arbiter decrypts uniform residues, the party's own optimizer takes the step.
``arbiter_optimizer``: the arbiter decrypts the gradient itself and returns the step, as in FATE. It then
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
from pyfate_gpu.federation.steps import Step
from pyfate_gpu.glm.divergence import divergence
from pyfate_gpu.glm.residuals import SCALE
from pyfate_gpu.glm.settings import ARBITER_OPTIMIZER, Settings
from pyfate_gpu.glm.weights import PartyWeights, make_optimizer
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.protocol.masking import reveal, serve
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.he import PrivateKey

At = dict[str, int]


def descend(
    session: Session,
    settings: Settings,
    weights: PartyWeights,
    gradient: CiphertextArray,
    rows: int,
    at: At,
    loss: CiphertextArray | None = None,
) -> float:
    """Take one step, given encrypted X^T d over `rows` rows; return the value of the guest's `loss`.

    Both come times `SCALE`. The loss is masked in either mode.
    """
    if settings.mode == ARBITER_OPTIMIZER:
        _ask_for_step(session, weights, gradient, rows, at)
        return 0.0 if loss is None else float(reveal(session, loss, "loss", **at)[0]) / SCALE
    values = gradient if loss is None else concatenate([gradient, loss])
    sums = reveal(session, values, "gradient", **at) / SCALE
    weights.descend(sums[: gradient.size], rows)
    return float(sums[-1])


def _ask_for_step(
    session: Session, weights: PartyWeights, gradient: CiphertextArray, rows: int, at: At
) -> None:
    penalty = FixedPointMatrix.round(weights.penalty_gradient.ravel() * rows)
    session.send(ARBITER, "rows", rows=rows, **at)
    session.send(ARBITER, "gradient", gradient=gradient + penalty.integers, **at)
    step, rates = session.receive(
        ARBITER,
        "step",
        iteration=at["iteration"],
        batch=at["batch"],
        step=np.ndarray,
        rates=np.ndarray,
    )
    for values in (step, rates):
        if (
            values.dtype != np.float64
            or values.shape != gradient.shape
            or not np.isfinite(values).all()
        ):
            raise ProtocolError(f"the arbiter's step is no {gradient.size} finite numbers")
    weights.move(step.reshape(weights.values.shape), rates.reshape(weights.values.shape))


class DescentService:
    """The arbiter's side of `descend` for one party.

    Parameters
    ----------
    count : int
        Values of the party's gradient.
    with_loss : bool
        Whether the party asks for a loss too: the guest does.
    """

    def __init__(
        self,
        session: Session,
        private_key: PrivateKey,
        settings: Settings,
        party: Party,
        count: int,
        *,
        with_loss: bool,
    ) -> None:
        self._session = session
        self._private_key = private_key
        self._settings = settings
        self._party = party
        self._count = count
        self._with_loss = with_loss
        self._optimizer = make_optimizer(settings)

    def serve(self, at: At) -> None:
        """Decrypt what the party sends for one batch, and no more than that."""
        if self._settings.mode == ARBITER_OPTIMIZER:
            self._take_step(at)
            if self._with_loss:
                serve(self._session, self._private_key, self._party, "loss", 1, **at)
        else:
            count = self._count + self._with_loss
            serve(self._session, self._private_key, self._party, "gradient", count, **at)

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
        gradient = session.receive_encrypted(party, "gradient", "gradient", (self._count,), **at)
        with session.statistics.step(Step.DECRYPT, operations=self._count):
            sums: Floats = self._private_key.decrypt(gradient)
        self._optimizer.learning_rate = self._settings.rate(at["iteration"])
        with np.errstate(over="ignore", invalid="ignore"):
            step = self._optimizer.descend(sums / (SCALE * rows))
        if not np.isfinite(step).all():
            raise divergence(self._settings, at["iteration"])
        rates = np.broadcast_to(np.asarray(self._optimizer.rates), step.shape)
        session.send(party, "step", step=step, rates=rates.copy(), **at)
