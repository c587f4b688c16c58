# SPDX-License-Identifier: Apache-2.0
"""Classifiers that are networks of PyTorch, trained on the rows of many parties by secure sums."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import encode_classes
from pyfate_gpu.data.tables import read_labels, read_table
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.topology import CLIENTS_AND_SERVER, check_topology
from pyfate_gpu.homo.exchange import Exchange
from pyfate_gpu.homo.plan import ADAPTIVE, AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.protocol.parameters import Parameters
from pyfate_gpu.protocol.settings import check_count, check_real, plain
from pyfate_gpu.protocol.terms import agree_on_terms
from pyfate_gpu.typing import Floats

_DRAWING = threading.Lock()
Self = TypeVar("Self", bound="HomoNetworkClassifier")


@dataclass(kw_only=True, eq=False, repr=False)
class HomoNetworkClassifier(Parameters):
    """A network of PyTorch whose clients train it at home and whose changes are averaged under masks.

    Every party makes one with the same parameters and calls `fit`: clients with `X` and `y`, the server with
    neither. Buffers of integers, such as counters of batch normalisation, become the sum of clients' changes.

    Parameters
    ----------
    network : callable
        Returns a new ``torch.nn.Module`` that takes float32 [rows, columns] and gives scores [rows, classes].
    classes : sequence
        All classes, in the order of the network's outputs.
    seed : int
        Of the weights that all begin with; public.
    max_iter, local_epochs, batch_size, learning_rate, proximal
        As of `HomoLogisticRegression`, with plain SGD at clients.
    value_bits : int
        Of each value that is sent.
    max_rows : int
        No client has more: clients count by their rows.
    min_clients : int or None
        Of `SecureAggregator`.

    Attributes
    ----------
    network_ : torch.nn.Module
        Clients only; the same at each.
    loss_history_ : list of float
        Mean loss of all clients' rows at the beginning of each round.
    aggregation_ : AggregationReport
        Of the last round.
    """

    network: Callable[[], Any] | None = None
    classes: Any = (0, 1)
    seed: int = 0
    max_iter: int = 20
    local_epochs: int = 1
    batch_size: int = 32
    learning_rate: float = 0.1
    proximal: float = 0.0
    value_bits: int = 16
    max_rows: int = 1 << 20
    min_clients: int | None = None

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        for name in ("max_iter", "local_epochs", "batch_size", "value_bits", "max_rows"):
            check_count(name, getattr(self, name))
        check_real("learning_rate", self.learning_rate, positive=True)
        check_real("proximal", self.proximal)
        if not callable(self.network):
            raise ConfigurationError("network must be a function that returns a torch.nn.Module")

    def fit(self: Self, X: Any = None, y: Any = None, *, session: Session) -> Self:
        """Train together with the other parties.

        Raises
        ------
        ConfigurationError
            For parameters that make no sense or differ, and where PyTorch is missing.
        DataError
            For features or labels that cannot be used.
        """
        self.check()
        check_topology(session.parties, (CLIENTS_AND_SERVER,), type(self).__name__)
        terms = {n: plain(v) for n, v in self.get_params().items() if n != "network"}
        agree_on_terms(session, "fit", terms | {"classes": [str(each) for each in self.classes]})
        is_client = session.party.role is Role.CLIENT
        # Before identities are exchanged, so that no client of this process draws numbers meanwhile.
        network = self._new_network() if is_client else None
        exchange = Exchange(session, "masks", self.min_clients, blind=False)
        clients = len(session.clients)
        plan = AggregationPlan(
            clients, int(self.value_bits), clip=ADAPTIVE, integers="sum",
            max_total_weight=clients * int(self.max_rows),
        )  # fmt: skip
        if not is_client:
            for _ in range(int(self.max_iter)):
                exchange.run(plan)
            return self
        self._train(exchange, plan, network, *self._tensors(X, y))
        return self

    def _new_network(self) -> Any:
        """That of the seed, whatever else draws numbers of PyTorch."""
        torch = _torch()
        assert self.network is not None
        with _DRAWING, torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(self.seed))
            return self.network()

    def _tensors(self, X: Any, y: Any) -> tuple[Any, Any]:
        torch = _torch()
        values = read_table(X).values
        if len(values) > self.max_rows:
            raise DataError(f"X has {len(values)} rows, max_rows is {self.max_rows}")
        codes = encode_classes(read_labels(y, len(values)), np.asarray(self.classes))
        codes = codes[:, 0] if codes.shape[1] == 1 else codes.argmax(axis=1)
        return torch.from_numpy(values.astype(np.float32)), torch.from_numpy(codes.astype(np.int64))

    def _train(
        self, exchange: Exchange, plan: AggregationPlan, network: Any, X: Any, y: Any
    ) -> None:
        torch = _torch()
        losses: list[float] = []
        report: AggregationReport | None = None
        for _ in range(int(self.max_iter)):
            before = {name: value.clone() for name, value in network.state_dict().items()}
            loss = self._descend(torch, network, X, y)
            after = network.state_dict()
            update = {"s/" + name: after[name] - before[name] for name in before}
            update["loss"] = torch.tensor([loss], dtype=torch.float64)
            opened = exchange.run(plan, update, len(y))
            assert opened is not None
            mean, report = opened
            plan = report.next_plan
            network.load_state_dict({name: before[name] + mean["s/" + name] for name in before})
            losses.append(float(mean["loss"][0]))
        vars(self).update(network_=network, loss_history_=losses, aggregation_=report)

    def _descend(self, torch: Any, network: Any, X: Any, y: Any) -> float:
        """Epochs of SGD over a client's rows; the mean loss before them."""
        measure = torch.nn.functional.cross_entropy
        common = [value.detach().clone() for value in network.parameters()]
        network.eval()
        with torch.no_grad():
            first = float(measure(network(X), y))
        network.train()
        optimizer = torch.optim.SGD(network.parameters(), lr=float(self.learning_rate))
        for _ in range(int(self.local_epochs)):
            for some in torch.randperm(len(y)).split(int(self.batch_size)):
                optimizer.zero_grad()
                loss = measure(network(X[some]), y[some])
                for value, old in zip(network.parameters(), common, strict=True):
                    loss = loss + float(self.proximal) / 2 * ((value - old) ** 2).sum()
                loss.backward()
                optimizer.step()
        return first

    def decision_function(self, X: Any) -> Floats:
        """Return scores [rows, classes]; a client's own affair.

        Raises
        ------
        ConfigurationError
            Before fit, and elsewhere than at clients.
        """
        if not hasattr(self, "network_"):
            raise ConfigurationError("fit first; clients have the network, the server has none")
        torch = _torch()
        self.network_.eval()
        with torch.no_grad():
            scores = self.network_(torch.from_numpy(read_table(X).values.astype(np.float32)))
        return np.asarray(scores.numpy(), dtype=np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the class of the largest score; raises as `decision_function` does."""
        chosen: NDArray[Any] = np.asarray(self.classes)[self.decision_function(X).argmax(axis=1)]
        return chosen


def _torch() -> Any:
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise ConfigurationError("HomoNetworkClassifier takes PyTorch: pip install torch") from None
