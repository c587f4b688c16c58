# SPDX-License-Identifier: Apache-2.0
"""What each party does in a step of descent (docs/transfer.md has the loss and its derivatives)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.nn.transfer.components import FRACTION_BITS, Components
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.columns import At
from pyfate_gpu.typing import Floats


@dataclass(frozen=True)
class Weighing:
    """How much the parts of the loss count, as of `FederatedTransfer`.

    Parameters
    ----------
    kappa, lam, own : float
    """

    kappa: float
    lam: float
    own: float


class GuestSide:
    """The guest's.

    Parameters
    ----------
    components : Components
    weighing : Weighing
    inputs : float64 [rows, inputs]
        Of all its rows.
    signs : float64 [rows, outputs]
        1 or -1 of each class, 0 in all of them where a row has no label.
    common : int64 [common rows]
        Which rows are in common.
    """

    def __init__(
        self,
        components: Components,
        weighing: Weighing,
        inputs: Floats,
        signs: Floats,
        common: NDArray[np.int64],
    ) -> None:
        self.components, self.weighing = components, weighing
        labelled = signs.any(axis=1)
        self.common, self.common_signs = inputs[common], signs[common]
        self.labelled, self.signs = inputs[labelled], signs[labelled]
        #: Mean inputs with the signs of the labels, [inputs, outputs]: times weights they are the centres.
        self.means: Floats = self.labelled.T @ self.signs / len(self.labelled)

    def centres(self, weights: Floats) -> Floats:
        """Return ``[outputs, features]``."""
        return self.means.T @ weights

    def step(self, weights: Floats, theirs: int, at: At) -> tuple[Floats, float]:
        """Return the gradient of this party's weights, and the loss; `theirs` is the host's number of inputs."""
        components, kappa = self.components, self.weighing.kappa
        count = len(self.common)
        own = self.common @ weights
        centres = self.centres(weights)
        rows = -self.common_signs @ centres / 2 - kappa * own
        square = centres.T @ centres / 4
        components.send(rows, square, at)
        their_rows, their_square = components.receive(at)
        P = -self.means @ self.common_signs.T / 2 - kappa * self.common.T
        Q = self.means @ centres / 4
        share = components.combine("gradient", P, their_rows, Q, their_square, at)
        # Diagonals of the products, added up on shares, are the loss. It is asked before anything is waited for.
        crossed = components.combine("loss", rows.T, their_rows, square / 2, their_square, at)
        exchange = components.exchange
        served = components.combined("served", theirs, at)
        exchange.open_to_peer("served_share", served, **at)
        opened = exchange.open_from_peer("gradient_share", share, **at)
        features = np.arange(components.features)
        mine = ring.total(crossed[features, features])
        total = ring.decode(exchange.open_from_peer("loss_share", mine, **at), 2 * FRACTION_BITS)[0]
        gradient = ring.decode(opened, 2 * FRACTION_BITS) + kappa * self.common.T @ own
        loss = (total + kappa / 2 * (own**2).sum()) / count + self.signs.shape[1] * np.log(2)
        alone, loss_alone = self._alone(weights, centres)
        loss += loss_alone + self.weighing.lam / 2 * (weights**2).sum()
        return gradient / count + alone, float(loss)

    def _alone(self, weights: Floats, centres: Floats) -> tuple[Floats, float]:
        """Return gradient and loss of what takes no host: that its own rows are told apart."""
        if not self.weighing.own:
            return np.zeros_like(weights), 0.0
        found = self.labelled @ weights
        scores = found @ centres.T
        losses = np.log(2) - self.signs * scores / 2 + scores**2 / 8
        slopes = self.weighing.own / len(scores) * (scores / 4 - self.signs / 2)
        gradient = self.means @ (slopes.T @ found) + self.labelled.T @ (slopes @ centres)
        return gradient, self.weighing.own / len(scores) * float(losses.sum())


class HostSide:
    """The host's.

    Parameters
    ----------
    components : Components
    weighing : Weighing
    common : float64 [common rows, inputs]
        Inputs of the common rows.
    """

    def __init__(self, components: Components, weighing: Weighing, common: Floats) -> None:
        self.components, self.weighing, self.common = components, weighing, common

    def step(self, weights: Floats, theirs: int, at: At) -> Floats:
        """Return the gradient of this party's weights; `theirs` is the guest's number of inputs."""
        components, kappa = self.components, self.weighing.kappa
        own = self.common @ weights
        square = own.T @ own
        components.send(own, square, at)
        their_rows, their_square = components.receive(at)
        exchange = components.exchange
        share = components.combine(
            "served", self.common.T, their_rows, self.common.T @ own, their_square, at
        )
        asked = components.combined("gradient", theirs, at)
        exchange.open_to_peer("gradient_share", asked, **at)
        crossed = components.combined("loss", components.features, at)
        features = np.arange(components.features)
        mine = ring.total(crossed[features, features])
        weighed = self.weighing.lam / 2 * (weights**2).sum() * len(self.common)
        rest = kappa / 2 * np.trace(square) + weighed
        known = ring.shift_left(ring.encode(np.array([rest]), FRACTION_BITS), FRACTION_BITS)
        exchange.open_to_peer("loss_share", ring.add(mine, known), **at)
        opened = exchange.open_from_peer("served_share", share, **at)
        gradient = ring.decode(opened, 2 * FRACTION_BITS) + kappa * self.common.T @ own
        return gradient / len(self.common)
