# SPDX-License-Identifier: Apache-2.0
"""Passes over the data: forward and backward through the shared layer and the nets of each party."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError, DataError, ProtocolError
from pyfate_gpu.federation import Session
from pyfate_gpu.federation.roles import GUEST
from pyfate_gpu.nn.interactive import InteractiveGuest, InteractiveHost
from pyfate_gpu.nn.layer import GuestLayer, HostLayer, LayerShape, SharedLayer
from pyfate_gpu.nn.modules import make_shared_linear, put_below, require_torch
from pyfate_gpu.nn.settings import Settings
from pyfate_gpu.protocol.batching import pack, unpack
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.protocol.resuming import keep, resume
from pyfate_gpu.protocol.sharing.exchange import Exchange
from pyfate_gpu.protocol.validation import Validator
from pyfate_gpu.typing import Floats

_SIDES: dict[str, tuple[type[GuestLayer], type[HostLayer]]] = {
    "shared": (GuestLayer, HostLayer),
    "interactive": (InteractiveGuest, InteractiveHost),
}


class NetTrainer:
    """What both parties do.

    Parameters
    ----------
    exchange : Exchange
    settings : Settings
    progress : Progress
    net : torch.nn.Module or None
        This party's own: the guest's above the shared layer, the host's below it.
    features, tested : float64 [rows, columns]
        Of this party; validation rows may be None.
    """

    layer: SharedLayer
    best: dict[str, Any] | None = None

    def __init__(
        self,
        exchange: Exchange,
        settings: Settings,
        progress: Progress,
        net: Any,
        features: Floats,
        tested: Floats | None,
    ) -> None:
        self.exchange, self.session = exchange, exchange.session
        self.settings, self.progress = settings, progress
        self.net = net
        self.features, self.tested = features, tested
        self._torch = require_torch()
        self._optimizer = self._make_optimizer()

    @property
    def tested_rows(self) -> int:
        """How many validation rows."""
        return 0 if self.tested is None else len(self.tested)

    def _make_layer(self, shape: LayerShape) -> None:
        sides = _SIDES[self.settings.mode]
        kind: type[SharedLayer] = sides[0] if self.session.party == GUEST else sides[1]
        self.layer = kind(
            self.exchange,
            shape,
            learning_rate=self.settings.learning_rate,
            momentum=self.settings.momentum,
            # Not the seed of the division, which the other party sees: it must not know this part of the weights.
            generator=np.random.default_rng(),
        )
        self.shared = make_shared_linear(self.layer)

    def _make_optimizer(self) -> Any:
        parameters = [] if self.net is None else list(self.net.parameters())
        if not parameters:
            return None
        optim, rate = self._torch.optim, self.settings.net_learning_rate
        if self.settings.optimizer == "adam":
            return optim.Adam(parameters, lr=rate)
        return optim.SGD(parameters, lr=rate, momentum=self.settings.momentum)

    def _step(self) -> None:
        if self._optimizer is not None:
            self._optimizer.step()
            self._optimizer.zero_grad()

    def _tensor(self, values: Floats) -> Any:
        return self._torch.from_numpy(np.ascontiguousarray(values))

    def state(self) -> dict[str, Any]:
        """Return what the next passes depend on."""
        found = {f"layer.{name}": value for name, value in self.layer.state().items()}
        if self.net is not None:
            found |= {f"net.{name}": t.numpy().copy() for name, t in self.net.state_dict().items()}
        if self._optimizer is not None:
            for place, moments in self._optimizer.state_dict()["state"].items():
                for name, value in moments.items():
                    if value is not None:
                        tensor = self._torch.as_tensor(value, dtype=self._torch.float64)
                        found[f"optimizer.{place}.{name}"] = tensor.numpy().copy()
        return found

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""

        def within(prefix: str) -> dict[str, Any]:
            return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

        self.layer.restore(within("layer."))
        if self.net is not None:
            tensors = {name: self._torch.tensor(v) for name, v in within("net.").items()}
            self.net.load_state_dict(tensors)
        if self._optimizer is not None:
            moments: dict[int, dict[str, Any]] = {}
            for key, value in within("optimizer.").items():
                place, _, name = key.partition(".")
                moments.setdefault(int(place), {})[name] = self._torch.tensor(value)
            whole = self._optimizer.state_dict()
            self._optimizer.load_state_dict({**whole, "state": moments})


class GuestNetTrainer(NetTrainer):
    """The guest's side.

    Parameters
    ----------
    targets : array [rows] or [rows, 1]
        As the criterion takes them.
    criterion : callable
        Mean loss of outputs and targets.
    validator : Validator or None
    """

    def __init__(
        self,
        *arguments: Any,
        targets: Any,
        criterion: Callable[[Any, Any], Any],
        validator: Validator | None = None,
    ) -> None:
        super().__init__(*arguments)
        self.targets, self.criterion, self.validator = targets, criterion, validator
        self.division = self.settings.division(len(self.features))
        self.losses: list[float] = []

    def train(self) -> int:
        """Train until converged or out of passes; return the number of passes."""
        self._agree()
        first = resume(self) + 1
        for iteration in range(first, self.settings.max_iter + 1):
            batches = self.division.draw()
            rows, sizes, used = pack(batches)
            self.session.send(
                self.exchange.peer, "batches", iteration=iteration, rows=rows, sizes=sizes, used=used
            )  # fmt: skip
            total = 0.0
            for number, batch in enumerate(batches):
                at = {"iteration": iteration, "batch": number}
                total += self._train_batch(batch.rows, at) * len(batch.rows)
            self.losses.append(total / len(self.features))
            if not self._proceed(iteration, {"iteration": iteration, "batch": len(batches)}):
                break
            keep(self, iteration)
        return iteration

    def scores(self, features: Floats, at: dict[str, int]) -> Floats:
        """Return the outputs of the whole network for rows."""
        self.net.eval()
        with self._torch.no_grad():
            found = self._outputs(features, at)
        self.net.train()
        return np.asarray(found.numpy(), dtype=np.float64)

    def state(self) -> dict[str, Any]:
        """Return what the next passes depend on."""
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
        host = self.exchange.peer
        rows, inputs, tested, gradient = self.session.receive(
            host, "shape", rows=int, inputs=int, validation=int, gradient=bool
        )
        for what, here, there in (
            ("rows", len(self.features), rows),
            ("validation rows", self.tested_rows, tested),
        ):
            if here != there:
                raise ConfigurationError(
                    f"guest has {here} {what}, {host} has {there}: give every party the same rows in the same order"
                )
        if inputs < 1:
            raise ProtocolError(f"{host} announced {inputs} inputs of the shared layer")
        own = 0 if self.settings.shows_activations else self.features.shape[1]
        shape = LayerShape(own, inputs, self.settings.width, host_gradient=gradient)
        self.session.send(host, "plan", inputs=shape.guest, batches=len(self.division))
        self._make_layer(shape)

    def _train_batch(self, rows: Any, at: dict[str, int]) -> float:
        outputs = self._outputs(self.features[rows], at)
        loss = self.criterion(outputs, self._torch.from_numpy(self.targets[rows]))
        value = float(loss.detach())
        if not np.isfinite(value):
            raise DataError(f"the loss became {value}: lower the learning rates")
        loss.backward()
        self._step()
        return value

    def _outputs(self, features: Floats, at: dict[str, int]) -> Any:
        """Return the outputs of the whole network."""
        inputs = self._tensor(features)
        self.shared.at = at
        if self.settings.shows_activations:
            return self.net(self.shared(inputs[:, :0]), inputs)
        return self.net(self.shared(inputs))

    def _proceed(self, iteration: int, at: dict[str, int]) -> bool:
        validator = self.validator
        if validator is not None:
            assert self.tested is not None
            validator.judge(self.scores(self.tested, at))
        best = validator is None or validator.keeps
        if best:
            self.best = self.state()
        ended = validator is not None and validator.exhausted
        proceed = not ended and iteration < self.settings.max_iter
        self.session.send(
            self.exchange.peer, "proceed", iteration=iteration, proceed=proceed, best=best
        )
        metrics = None if validator is None else validator.history[-1]
        self.progress.end_iteration(iteration, self.losses[-1], converged=ended, metrics=metrics)
        if not proceed:
            why, kept = f"max_iter is {self.settings.max_iter}", iteration
            if validator is not None:
                why, kept = validator.verdict or why, validator.kept
            self.progress.end(iteration, why, kept)
        return proceed


class HostNetTrainer(NetTrainer):
    """The host's side; parameters as of `NetTrainer`."""

    def train(self) -> int:
        """Train until the guest says stop; return the number of passes."""
        self._agree()
        first = resume(self) + 1
        for iteration in range(first, self.settings.max_iter + 1):
            arrays = self.session.receive(
                GUEST, "batches", iteration=iteration, rows=np.ndarray, sizes=np.ndarray, used=np.ndarray
            )  # fmt: skip
            batches = unpack(arrays, len(self.features))
            if len(batches) != self._batches:
                raise ProtocolError(
                    f"the guest planned {self._batches} batches and announced {len(batches)}"
                )
            for number, batch in enumerate(batches):
                self.shared.at = {"iteration": iteration, "batch": number}
                self.shared(self._below(self.features[batch.rows])).backward()
                self._step()
            if self.tested is not None:
                self.take_part(self.tested, {"iteration": iteration, "batch": len(batches)})
            proceed, best = self.session.receive(
                GUEST, "proceed", iteration=iteration, proceed=bool, best=bool
            )
            if best:
                self.best = self.state()
            self.progress.end_iteration(iteration)
            if not proceed:
                break
            keep(self, iteration)
        return iteration

    def take_part(self, features: Floats, at: dict[str, int]) -> None:
        """Help the guest to the outputs for rows."""
        if self.net is not None:
            self.net.eval()
        with self._torch.no_grad():
            self.shared.at = at
            self.shared(self._below(features))
        if self.net is not None:
            self.net.train()

    def _agree(self) -> None:
        inputs = int(self._below(self.features[:1]).shape[1])
        gradient = self._optimizer is not None
        self.session.send(
            GUEST, "shape", rows=len(self.features), inputs=inputs, validation=self.tested_rows,
            gradient=gradient,
        )  # fmt: skip
        theirs, self._batches = self.session.receive(GUEST, "plan", inputs=int, batches=int)
        if theirs < 0 or self._batches < 1:
            raise ProtocolError(f"the guest announced {theirs} inputs and {self._batches} batches")
        self._make_layer(LayerShape(theirs, inputs, self.settings.width, host_gradient=gradient))

    def _below(self, features: Floats) -> Any:
        """Return what goes into the shared layer.

        Raises
        ------
        DataError
            When the net below puts out no numbers, or of another width than it was agreed.
        """
        layer = getattr(self, "layer", None)
        return put_below(
            self.net, self._tensor(features), None if layer is None else layer.shape.host
        )


def compare_rows(session: Session, rows: int) -> None:
    """Have both parties predict for as many rows.

    Raises
    ------
    ConfigurationError
        At the guest, when the host has other than these.
    """
    if session.party != GUEST:
        session.send(GUEST, "shape", rows=rows)
        return
    theirs = session.receive(session.hosts[0], "shape", rows=int)
    if theirs != rows:
        raise ConfigurationError(
            f"guest has {rows} rows, {session.hosts[0]} has {theirs}: give every party the same rows in the same "
            "order"
        )
