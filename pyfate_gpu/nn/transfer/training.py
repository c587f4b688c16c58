# SPDX-License-Identifier: Apache-2.0
"""Steps of descent on all common rows, the guest saying when they end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np

from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.learning.convergence import loss_settled
from pyfate_gpu.nn.transfer.settings import Settings
from pyfate_gpu.nn.transfer.sides import GuestSide, HostSide
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.protocol.sharing.columns import At
from pyfate_gpu.typing import Floats


class TransferTrainer(ABC):
    """What both parties do.

    Parameters
    ----------
    session : Session
    settings : Settings
    progress : Progress
        Hears of each iteration.
    weights : float64 [inputs, features]
        To begin with.
    theirs : int
        Inputs of the other party.
    """

    def __init__(
        self,
        session: Session,
        settings: Settings,
        progress: Progress,
        weights: Floats,
        theirs: int,
    ) -> None:
        self.session, self.settings, self.progress = session, settings, progress
        self.weights, self.theirs = weights, theirs
        self.velocity = np.zeros_like(weights)

    @abstractmethod
    def _gradient(self, at: At) -> Floats:
        """Return the gradient of this party's weights, their own penalty apart."""

    @abstractmethod
    def _proceed(self, iteration: int) -> bool:
        """Return whether there is another iteration."""

    def train(self) -> int:
        """Train until the guest says stop; return the number of iterations."""
        settings = self.settings
        first = resume(self) + 1
        for iteration in range(first, settings.max_iter + 1):
            found = self._gradient({"iteration": iteration})
            self.velocity = settings.momentum * self.velocity + found + settings.lam * self.weights
            self.weights = self.weights - settings.learning_rate * self.velocity
            if not self._proceed(iteration):
                break
            keep(self, iteration)
        return iteration

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""
        return {"weights": self.weights, "velocity": self.velocity}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.weights, self.velocity = state["weights"], state["velocity"]


class GuestTransferTrainer(TransferTrainer):
    """The guest's side.

    Parameters are those of `TransferTrainer`, and a `GuestSide`.
    """

    def __init__(self, *arguments: Any, side: GuestSide) -> None:
        super().__init__(*arguments)
        self.side, self.losses = side, list[float]()

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""
        return super().state() | {"losses": list(self.losses)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        super().restore(state)
        self.losses = list(state["losses"])

    def _gradient(self, at: At) -> Floats:
        gradient, loss = self.side.step(self.weights, self.theirs, at)
        self.losses.append(loss)
        return gradient

    def _proceed(self, iteration: int) -> bool:
        tol, most = self.settings.tol, self.settings.max_iter
        settled = tol > 0 and loss_settled("diff", self.losses, tol)
        proceed = not settled and iteration < most
        self.session.send(self.session.hosts[0], "proceed", iteration=iteration, proceed=proceed)
        self.progress.end_iteration(iteration, self.losses[-1], converged=settled)
        if not proceed:
            why = f"the loss changed by at most {tol}" if settled else f"max_iter is {most}"
            self.progress.end(iteration, why, iteration)
        return proceed


class HostTransferTrainer(TransferTrainer):
    """The host's side.

    Parameters are those of `TransferTrainer`, and a `HostSide`.
    """

    def __init__(self, *arguments: Any, side: HostSide) -> None:
        super().__init__(*arguments)
        self.side = side

    def _gradient(self, at: At) -> Floats:
        return self.side.step(self.weights, self.theirs, at)

    def _proceed(self, iteration: int) -> bool:
        proceed: bool = self.session.receive(GUEST, "proceed", iteration=iteration, proceed=bool)
        self.progress.end_iteration(iteration)
        return proceed and iteration < self.settings.max_iter
