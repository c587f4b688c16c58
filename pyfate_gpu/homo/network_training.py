# SPDX-License-Identifier: Apache-2.0
"""Rounds of a client that trains a network of PyTorch at home and takes up what all learned."""

from __future__ import annotations

import copy
import importlib
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.homo.exchange import Exchange
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.homo.spending import Spending
from pyfate_gpu.homo.training import FIRST_LOSS
from pyfate_gpu.protocol.progress import Progress

_DRAWING = threading.Lock()
STATE = "s/"
"""Before the names of a network's arrays in updates and checkpoints."""


def require_torch() -> Any:
    """PyTorch; raises ConfigurationError where it is missing."""
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise ConfigurationError("HomoNetworkClassifier takes PyTorch: pip install torch") from None


def drawn(network: Callable[[], Any], seed: int) -> Any:
    """What a user's function makes with this seed, whatever else draws numbers of PyTorch."""
    torch = require_torch()
    with _DRAWING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return network()


def check_floats(network: Any) -> None:
    """Raise ConfigurationError for buffers of integers, whose sums noise would not hide."""
    for name, value in network.state_dict().items():
        if not value.is_floating_point():
            raise ConfigurationError(
                f"{name} of the network has integers, and there is noise, which hides no counters: take layers without "
                "them, such as LayerNorm or BatchNorm with track_running_stats=False"
            )


def layered(widths: Sequence[int], seed: int) -> Any:
    """Linear layers with rectifiers between them, from columns to classes; drawn apart from all else."""
    torch = require_torch()
    generator = torch.Generator().manual_seed(seed)
    parts: list[Any] = []
    for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
        layer = torch.nn.utils.skip_init(torch.nn.Linear, inputs, outputs)
        for value in layer.parameters():
            with torch.no_grad():
                value.uniform_(-(inputs**-0.5), inputs**-0.5, generator=generator)
        parts += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*parts[:-1])


@dataclass(frozen=True)
class Descent:
    """How a client descends: parameters as of the estimator."""

    epochs: int
    batch_size: int
    learning_rate: float
    proximal: float


@dataclass(frozen=True)
class Tensors:
    """Rows as PyTorch takes them: float32 [rows, columns], int64 [rows], float32 [rows]."""

    X: Any
    y: Any
    weights: Any


class NetworkTrainer:
    """A client.

    Attributes
    ----------
    losses, validation : list
        By iteration, of the weights that it began with; means over all clients, under noise of this one.
    report : AggregationReport or None
        Of the last round, None before.
    """

    report: AggregationReport | None = None

    def __init__(
        self,
        session: Session,
        exchange: Exchange,
        plan: AggregationPlan,
        progress: Progress,
        network: Any,
        descent: Descent,
        patience: int | None,
        seed: int | None,
        spending: Spending | None = None,
    ) -> None:
        self._session, self._exchange, self._plan = session, exchange, plan
        self._progress, self._network, self._descent = progress, network, descent
        self._patience, self.spending = patience, spending
        self._torch = require_torch()
        self._random = self._torch.Generator()
        self._random.manual_seed(secrets.randbits(63) if seed is None else seed)
        self.losses: list[float] = []
        self.validation: list[dict[str, float]] = []
        self.scale: dict[str, Any] = {}
        self._best: tuple[float, int, Any] = (float("inf"), 0, None)

    def train(self, own: Tensors, tested: Tensors | None, rounds: int) -> int:
        """Return the number of rounds; the network is then the best one, where training may stop early."""
        if self.spending is None:
            state = self._network.state_dict().values()
            arrays = [value for value in state if value.is_floating_point()]
            # In the order of names: loss, those of the network, validation.
            further = [FIRST_LOSS] if tested is not None else []
            self._plan = self._plan.with_clips([FIRST_LOSS, *[1.0] * len(arrays), *further])
        begun = self._restore(rounds)
        number = begun
        for number in range(begun + 1, rounds + 1):
            mean = self._round(own, tested)
            self._note(mean, tested)
            ended = self._rests(number) or number == rounds
            self._exchange.proceed(not ended)
            self._progress.end_iteration(number, self.losses[-1], converged=ended)
            self._save(number)
            if ended:
                break
        if self._best[1]:
            self._network.load_state_dict(self._best[2])
        return number

    def _round(self, own: Tensors, tested: Tensors | None) -> Any:
        """Train at home, sum up, and take up the mean; losses and metrics are of the weights before."""
        before = copy.deepcopy(self._network.state_dict())
        told = {"loss": self._measures(own)[:1]}
        if tested is not None:
            told["validation"] = self._measures(tested)
        self._descend(own)
        after = self._network.state_dict()
        update = {STATE + name: after[name] - before[name] for name in before}
        weight = len(own.y) if self._plan.max_weight > 1 else 1
        # Under noise what clients measure stays at home.
        sent = told | update if self.spending is None else update
        opened = self._exchange.run(self._plan, sent, weight)
        assert opened is not None
        mean, self.report = opened
        self._plan = self.report.next_plan
        if self.spending is not None:
            self.spending.count(self.report.noise_multiplier)
            mean = dict(mean) | told
        self._before = before
        self._network.load_state_dict({name: before[name] + mean[STATE + name] for name in before})
        return mean

    def _measures(self, rows: Tensors) -> Any:
        """Mean loss and accuracy."""
        torch = self._torch
        self._network.eval()
        with torch.no_grad():
            scores = self._network(rows.X)
            each = torch.nn.functional.cross_entropy(scores, rows.y, reduction="none")
            loss = (each * rows.weights).sum() / rows.weights.sum()
            right = (scores.argmax(dim=1) == rows.y).double().mean()
        return torch.stack([loss.double(), right])

    def _descend(self, rows: Tensors) -> None:
        """Epochs of SGD over a client's rows."""
        torch, descent, network = self._torch, self._descent, self._network
        common = [value.detach().clone() for value in network.parameters()]
        network.train()
        optimizer = torch.optim.SGD(network.parameters(), lr=descent.learning_rate)
        measure = torch.nn.functional.cross_entropy
        for _ in range(descent.epochs):
            order = torch.randperm(len(rows.y), generator=self._random)
            for some in order.split(descent.batch_size):
                weights = rows.weights[some]
                if not float(weights.sum()):
                    continue
                optimizer.zero_grad()
                each = measure(network(rows.X[some]), rows.y[some], reduction="none")
                loss = (each * weights).sum() / weights.sum()
                if descent.proximal:
                    for value, old in zip(network.parameters(), common, strict=True):
                        loss = loss + descent.proximal / 2 * ((value - old) ** 2).sum()
                loss.backward()
                optimizer.step()

    def _note(self, mean: Any, tested: Tensors | None) -> None:
        self.losses.append(float(mean["loss"][0]))
        if tested is None:
            return
        loss, accuracy = (float(value) for value in mean["validation"])
        self.validation.append({"loss": loss, "accuracy": accuracy})
        if self._patience is None or self.report is None:
            return
        if not self.report.clipped["validation"] and loss < self._best[0]:
            self._best = (loss, len(self.validation), self._before)

    def _rests(self, number: int) -> bool:
        return self._patience is not None and number - self._best[1] >= self._patience

    def _save(self, number: int) -> None:
        recovery = self._session.recovery
        if recovery is None or self.report is None or not recovery.is_due(number):
            return
        state: dict[str, Any] = {
            "losses": list(self.losses), "validation": list(self.validation),
            "clips": list(self._plan.clips(len(self.report.clipped))),
            "best_loss": self._best[0] if self._best[1] else None, "best_iteration": self._best[1],
            **self.scale,
        }  # fmt: skip
        state |= arrays_of(self._network.state_dict(), STATE)
        if self._best[1]:
            state |= arrays_of(self._best[2], "best/")
        if self.spending is not None:
            state |= self.spending.state()
        recovery.save(number, state)

    def _restore(self, rounds: int) -> int:
        recovery = self._session.recovery
        if recovery is None or not recovery.iteration:
            return 0
        kept = dict(recovery.load())
        restore(self._network, kept, STATE)
        if self.spending is None:
            self._plan = self._plan.with_clips(kept["clips"])
        else:
            self.spending.go_on(recovery, kept, self._plan.clients, rounds)
        self.losses, self.validation = list(kept["losses"]), list(kept["validation"])
        if kept["best_iteration"]:
            best = copy.deepcopy(self._network)
            restore(best, kept, "best/")
            self._best = (kept["best_loss"], kept["best_iteration"], best.state_dict())
        return recovery.iteration


def arrays_of(state: Any, prefix: str) -> dict[str, Any]:
    """The tensors of a state_dict as arrays."""
    return {prefix + name: np.array(value.numpy()) for name, value in state.items()}


def restore(network: Any, arrays: Any, prefix: str) -> None:
    """Give a network the arrays that `arrays_of` made.

    Raises
    ------
    ValueError
        When they are those of another network.
    """
    torch = require_torch()
    state = network.state_dict()
    for name, value in state.items():
        array = arrays.get(prefix + name)
        if array is None or array.shape != tuple(value.shape):
            raise ValueError(f"it has no {name} of shape {tuple(value.shape)}")
    network.load_state_dict(
        {name: torch.from_numpy(np.array(arrays[prefix + name])).to(value.dtype)
         for name, value in state.items()}
    )  # fmt: skip
