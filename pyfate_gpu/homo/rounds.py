# SPDX-License-Identifier: Apache-2.0
"""A round with all parties in one process: for trying out, and for tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyfate_gpu.homo.sides import Client, Server


def run_round(
    server: Server,
    clients: Sequence[Client] | Mapping[int, Client],
    updates: Sequence[Any] | Mapping[int, Any],
    weights: Sequence[int] | Mapping[int, int] | None = None,
    leave: Mapping[int, int] | None = None,
) -> bytes:
    """Carry all messages of a round, and return what the server closes with.

    Parameters
    ----------
    server : Server
    clients, updates, weights : sequence, or mapping by number of the client
        Weights are 1 by default.
    leave : mapping of int to int, optional
        Clients that answer only so many requests and are then gone.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.homo import AggregationPlan, Identity, SecureAggregator, run_round
    >>> identities = [Identity.generate() for _ in range(3)]
    >>> plan = AggregationPlan(clients=3, clip=4.0, rounding="nearest")
    >>> aggregator = SecureAggregator("masks", plan, members=[each.public for each in identities])
    >>> clients = [aggregator.client(0, number, identity) for number, identity in enumerate(identities)]
    >>> sealed = run_round(aggregator.server(0), clients, [np.full(2, x) for x in (1.0, 2.0, 3.0)])
    >>> mean, report = aggregator.open(sealed)
    >>> mean.round(3), report.clients
    (array([2., 2.]), (0, 1, 2))
    """
    patience = dict(leave or {})
    while requests := server.ask():
        for number, request in requests.items():
            if patience.get(number, 1) <= 0:
                continue
            if number in patience:
                patience[number] -= 1
            weight = 1 if weights is None else weights[number]
            server.add(clients[number].answer(request, updates[number], weight))
    return server.close()
