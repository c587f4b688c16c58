# SPDX-License-Identifier: Apache-2.0
"""Flower's own FedAvg and ours over the same app, in Flower's simulation: each client a process of its own.

Run by tests/interop/run_flower.py with the Python that has Flower; prints what came of it as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from flwr.serverapp import ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation

from pyfate_gpu import generate_keypair
from pyfate_gpu.homo import Identity, SecureAggregator
from pyfate_gpu.integrations.flower import SecureFedAvg
from tests.interop.flower.app import NODES, app, initial, plan

ROUNDS = 4
BACKEND = {"client_resources": {"num_cpus": 1.0, "num_gpus": 0.0}, "init_args": {"num_cpus": 2}}
FEDAVG = {"fraction_evaluate": 0.0, "min_available_nodes": NODES, "min_train_nodes": NODES}


class Noting:
    """A grid that remembers what the server received."""

    def __init__(self, grid, lose=None):
        self._grid, self._lose = grid, lose or (lambda message: False)
        self.received = []

    def __getattr__(self, name):
        return getattr(self._grid, name)

    def send_and_receive(self, messages, *, timeout=None):
        """As the grid; messages that are lost never arrive."""
        sent = [message for message in messages if not self._lose(message)]
        replies = list(self._grid.send_and_receive(sent, timeout=timeout))
        self.received += replies
        return replies


def run(strategy, secure, lose=None, **options):
    """Weights, metrics, seconds and what the server received."""
    found = {}
    server = ServerApp()

    @server.main()
    def main(grid, context):
        noting = Noting(grid, lose)
        began = time.perf_counter()
        result = strategy.start(noting, initial(), ROUNDS)
        found["seconds"] = time.perf_counter() - began
        found["weights"] = result.arrays["weights"].numpy()
        found["metrics"] = {k: dict(v) for k, v in result.train_metrics_clientapp.items()}
        found["received"] = noting.received

    run_simulation(server, app(secure, **options), NODES, backend_config=BACKEND)
    return found


def main() -> None:
    """Run all and compare."""
    plain = run(FedAvg(**FEDAVG), secure=False)
    strategy = SecureFedAvg(plan(), **FEDAVG)
    ours = run(strategy, secure=True)
    assert len(strategy.reports) == ROUNDS
    difference = np.abs(plain["weights"] - ours["weights"]).max()
    assert difference < 1e-5, difference
    for round_id, metrics in plain["metrics"].items():
        assert abs(metrics["loss"] - ours["metrics"][round_id]["loss"]) < 1e-5
    for reply in ours["received"]:
        assert not reply.content.array_records
        assert not reply.content.metric_records

    gone = {}

    def lose(message):
        """One node is gone once it has shared in round 2, another once it has sealed in round 3."""
        asked = message.content["pyfate_gpu.secure_sum"]
        node = message.metadata.dst_node_id
        key = (asked["round"], node)
        gone[key] = gone.get(key, 0) + 1
        limit = {(2, 0): 2, (3, 1): 3}.get((asked["round"], asked["number"]), 9)
        return gone[key] > limit

    leaving = SecureFedAvg(plan(), options={"min_clients": 3}, **FEDAVG)
    left = run(leaving, secure=True, lose=lose, min_clients=3)
    assert [len(report.clients) for report in leaving.reports] == [5, 4, 5, 5]
    assert np.isfinite(left["weights"]).all()

    identities = [Identity.generate() for _ in range(NODES)]
    members = [identity.public for identity in identities]
    private = [identity.private_bytes() for identity in identities]

    def identity(context):
        return Identity.from_private_bytes(private[int(context.node_config["partition-id"])])

    known = SecureFedAvg(plan(), members=members, **FEDAVG)
    signed = run(known, secure=True, members=members, identity=identity)
    assert known.reports[-1].warnings == ()
    assert np.abs(plain["weights"] - signed["weights"]).max() < 1e-5

    public, key = generate_keypair(512, allow_insecure_key_size=True)
    options = {"method": "paillier", "key": public}

    def opener(aggregator, sealed):
        holder = SecureAggregator("paillier", aggregator.plan, key=key)
        return holder.open(sealed)

    encrypted = SecureFedAvg(plan(), options=options, opener=opener, **FEDAVG)
    under = run(encrypted, secure=True, **options)
    assert np.abs(plain["weights"] - under["weights"]).max() < 1e-5
    json.dump(
        {"flwr": version("flwr"), "difference": float(difference),
         "seconds": {"FedAvg": plain["seconds"], "masks": ours["seconds"], "paillier": under["seconds"]}},
        sys.stdout,
    )  # fmt: skip
    print()


if __name__ == "__main__":
    main()
