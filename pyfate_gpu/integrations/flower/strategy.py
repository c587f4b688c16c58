# SPDX-License-Identifier: Apache-2.0
"""The server's side in Flower: FedAvg whose sums are secure."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flwr.app import (
    Array,
    ArrayRecord,
    ConfigRecord,
    Message,
    MessageType,
    MetricRecord,
    RecordDict,
)
from flwr.serverapp.strategy import FedAvg

from pyfate_gpu.errors import ConfigurationError, PyFateError
from pyfate_gpu.homo.aggregator import SecureAggregator
from pyfate_gpu.homo.plan import AggregationPlan
from pyfate_gpu.homo.report import AggregationReport
from pyfate_gpu.homo.sides import Server
from pyfate_gpu.integrations.flower.records import METRICS, RECORD, Arrays, apply, arrays_of

logger = logging.getLogger(__name__)

Opener = Callable[[SecureAggregator, bytes], tuple[Any, AggregationReport]]


class SecureFedAvg(FedAvg):  # type: ignore[misc]
    """FedAvg in which the server sees the mean and nothing of a single node; goes with `SecureSumMod`.

    Parameters
    ----------
    plan : AggregationPlan
        ``plan.clients`` is the most nodes there can be.
    members : sequence of bytes, optional
        Public identities of all clients; without them reports warn.
    opener : callable, optional
        Opens a sum, given aggregator and bytes, where another machine has the key; by default ``aggregator.open``.
    timeout : float
        Seconds to wait for answers to each request beside training.
    options : dict, optional
        Further arguments of `SecureAggregator`.
    **fedavg
        Arguments of FedAvg.

    Attributes
    ----------
    reports : list of AggregationReport
        Of each round.
    """

    def __init__(
        self,
        plan: AggregationPlan,
        members: Sequence[bytes] | None = None,
        opener: Opener | None = None,
        timeout: float = 600.0,
        options: dict[str, Any] | None = None,
        **fedavg: Any,
    ) -> None:
        super().__init__(**fedavg)
        self._members, self._options, self._timeout = members, dict(options or {}), timeout
        self._opener = opener or SecureAggregator.open
        self._aggregator = self._with(plan)
        self._numbers: dict[int, int] = {}  # of nodes
        self._server: Server
        self._grid: Any = None
        self._before: Arrays = {}
        self.reports: list[AggregationReport] = []

    def _with(self, plan: AggregationPlan) -> SecureAggregator:
        return SecureAggregator(plan=plan, members=self._members, **self._options)

    def configure_train(
        self, server_round: int, arrays: Any, config: Any, grid: Any
    ) -> Iterable[Any]:
        """Have nodes agree on masks, and return the messages that let them train and seal."""
        messages = list(super().configure_train(server_round, arrays, config, grid))
        self._grid, self._before = grid, arrays_of(arrays)
        nodes = [message.metadata.dst_node_id for message in messages]
        self._number(nodes)
        chosen = {self._numbers[node]: node for node in nodes if node in self._numbers}
        self._server = self._aggregator.server(server_round)
        stages = 2 if self._aggregator.method == "masks" else 0
        for stage in range(stages):
            self._ask(server_round, chosen, stage)
        return [
            self._message(node, request, server_round, number, RecordDict({
                self.arrayrecord_key: arrays, self.configrecord_key: config,
            }), first=not stages)
            for number, request in self._server.ask().items()
            if (node := chosen.get(number)) is not None
        ]  # fmt: skip

    def aggregate_train(self, server_round: int, replies: Iterable[Any]) -> tuple[Any, Any]:
        """Add up, have nodes let the sum be opened, and return the mean."""
        names = self._take(replies)
        chosen = {number: node for node, number in self._numbers.items()}
        try:
            while self._ask(server_round, chosen, 1):
                pass
            mean, report = self._opener(self._aggregator, self._server.close())
        except PyFateError as error:
            logger.warning("round %d fails: %s", server_round, error)
            return None, None
        self.reports.append(report)
        self._aggregator = self._with(report.next_plan)
        metrics = mean.pop(METRICS, [])
        arrays = apply(self._before, mean)
        record = ArrayRecord({name: Array(array) for name, array in arrays.items()})
        found = dict(zip(names, map(float, metrics), strict=True))
        return record, MetricRecord(found) if found else None

    def _number(self, nodes: Sequence[int]) -> None:
        """Give numbers to nodes that are new: as members know them, or as they come."""
        new = [node for node in nodes if node not in self._numbers]
        if self._members is None:
            for node in new:
                self._numbers[node] = len(self._numbers)
        elif new:
            messages = [self._record(node, RecordDict(), {"who": True}) for node in new]
            for reply in self._grid.send_and_receive(messages, timeout=self._timeout):
                public = None if reply.has_error() else reply.content[RECORD].get("public")
                if public is not None and public in self._members:
                    self._numbers[reply.metadata.src_node_id] = list(self._members).index(public)
                else:
                    logger.warning("node %d is none of the members", reply.metadata.src_node_id)
        if len(self._numbers) > self._aggregator.plan.clients:
            raise ConfigurationError(
                f"{len(self._numbers)} nodes have come, the plan has {self._aggregator.plan.clients} clients"
            )

    def _ask(self, server_round: int, chosen: dict[int, int], stage: int) -> bool:
        """Send the requests of a stage and take the answers; whether there was anything to ask."""
        requests = self._server.ask()
        messages = [
            self._message(
                node, request, server_round, number, RecordDict(), first=not stage, train=False
            )
            for number, request in requests.items()
            if (node := chosen.get(number)) is not None
        ]
        if messages:
            self._take(self._grid.send_and_receive(messages, timeout=self._timeout))
        return bool(requests)

    def _take(self, replies: Iterable[Any]) -> list[str]:
        """Add what came; who sends nonsense is left out. Return the names of metrics."""
        names: list[str] = []
        for reply in replies:
            if reply.has_error():
                logger.warning("node %d: %s", reply.metadata.src_node_id, reply.error.reason)
                continue
            answer = reply.content[RECORD]
            try:
                self._server.add(answer["answer"])
            except PyFateError as error:
                logger.warning("node %d is left out: %s", reply.metadata.src_node_id, error)
            else:
                names = list(answer.get("metrics", names))
        return names

    def _message(
        self, node: int, request: bytes, server_round: int, number: int, content: Any,
        *, first: bool, train: bool = True,
    ) -> Any:  # fmt: skip
        plan = self._aggregator.plan
        clips = list(plan.clip) if isinstance(plan.clip, tuple) else []
        asked = {
            "request": request, "round": server_round, "number": number, "clips": clips,
            "first": first, "train": train,
        }  # fmt: skip
        return self._record(node, content, asked)

    def _record(self, node: int, content: Any, asked: dict[str, Any]) -> Any:
        content[RECORD] = ConfigRecord(asked)
        return Message(content=content, message_type=MessageType.TRAIN, dst_node_id=node)
