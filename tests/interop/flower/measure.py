# SPDX-License-Identifier: Apache-2.0
"""A Flower round of many parameters, FedAvg's and on masks: ``python -m tests.interop.flower.measure 1000000``.

With the Python that has flwr; wall seconds of each round at the server, the best of some. Not a test.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
from flwr.app import Array, ArrayRecord, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from pyfate_gpu.homo import AggregationPlan
from pyfate_gpu.integrations.flower import SecureFedAvg, SecureSumMod

BACKEND = {"client_resources": {"num_cpus": 1.0, "num_gpus": 0.0}, "init_args": {"num_cpus": 2}}
NODES = 10
ROUNDS = 6
FEDAVG = {"fraction_evaluate": 0.0, "min_available_nodes": NODES, "min_train_nodes": NODES}


def plan() -> AggregationPlan:
    """16 bits, weights of 1."""
    return AggregationPlan(NODES, 16, max_total_weight=NODES)


def train(message: Message, context) -> Message:
    """Moves the model a little, at once."""
    weights = message.content["arrays"]["weights"].numpy()
    content = RecordDict({
        "arrays": ArrayRecord({"weights": Array(weights + np.float32(0.01))}),
        "metrics": MetricRecord({"num-examples": 1}),
    })  # fmt: skip
    return Message(content, reply_to=message)


def seconds(strategy, mods, parameters: int) -> list[float]:
    """Of each round but the first, which starts processes."""
    client, server, ends = ClientApp(), ServerApp(), []
    client.train(mods=mods)(train)

    def note(round_id, arrays):
        ends.append(time.perf_counter())

    @server.main()
    def main(grid, context):
        first = ArrayRecord({"weights": Array(np.zeros(parameters, np.float32))})
        strategy.start(grid, first, ROUNDS, evaluate_fn=note)

    run_simulation(server, client, NODES, backend_config=BACKEND)
    return list(np.diff(ends[1:]))


def main() -> None:
    """Measure both."""
    parameters = int(sys.argv[1])
    plain = seconds(FedAvg(**FEDAVG), [], parameters)
    masks = seconds(SecureFedAvg(plan(), **FEDAVG), [SecureSumMod(plan())], parameters)
    json.dump(
        {"parameters": parameters, "nodes": NODES, "FedAvg": plain, "masks": masks}, sys.stdout
    )


if __name__ == "__main__":
    main()
