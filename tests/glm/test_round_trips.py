# SPDX-License-Identifier: Apache-2.0
"""The longest chain of messages of an iteration, by logical clocks: what a distance between parties costs."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import HeteroLogisticRegression, HeteroPoissonRegression, simulate
from pyfate_gpu.federation.mailbox import Address
from pyfate_gpu.federation.transports.memory import MemoryChannel


@pytest.fixture
def clocks(monkeypatch):
    """Half round trips that have gone by at each party, if nothing but messages takes time."""
    times, due = {}, {}
    deliver, receive = MemoryChannel._deliver, MemoryChannel.receive

    def deliver_late(self, to, address, data):
        due[to, address] = times.get(self.party, 0) + 1
        deliver(self, to, address, data)

    def receive_late(self, sender, name, iteration, batch, timeout):
        frame = receive(self, sender, name, iteration, batch, timeout)
        arrived = due[self.party, Address(sender, name, iteration, batch)]
        times[self.party] = max(times.get(self.party, 0), arrived)
        return frame

    monkeypatch.setattr(MemoryChannel, "_deliver", deliver_late)
    monkeypatch.setattr(MemoryChannel, "receive", receive_late)
    return times


class Tally:
    """Notes the guest's clock at the end of each iteration."""

    def __init__(self, clocks):
        self.clocks, self.seen = clocks, []

    def on_iteration(self, report):
        if report.party == "guest":
            self.seen.append(next(t for p, t in self.clocks.items() if p.name == "guest"))

    def __deepcopy__(self, memo):
        return self


@pytest.mark.parametrize("hosts", [1, 3])
@pytest.mark.parametrize(
    ("parameters", "tested", "round_trips"),
    [
        ({"optimizer": "newton"}, False, 3.0),
        ({"optimizer": "newton"}, True, 3.0),
        ({"optimizer": "adam"}, False, 3.0),
        ({"optimizer": "adam"}, True, 3.0),
        ({"optimizer": "adam", "convergence": "weight_diff"}, False, 3.0),
        ({"optimizer": "adam", "mode": "arbiter_optimizer"}, False, 3.0),
        ({"optimizer": "adam", "batch_size": 30}, False, 3.0 + 3.0),  # of two batches
        ({"optimizer": "adam", "batch_strategy": "random", "batch_size": 60}, False, 3.0),
        ({"optimizer": "adam", "batch_strategy": "random", "batch_size": 60}, True, 3.0),
        ({"optimizer": "adam", "mode": "arbiter_optimizer"}, True, 3.0),
    ],
    ids=str,
)
def test_an_iteration_takes_no_more_round_trips(
    clocks, rng, parameters, tested, round_trips, hosts
):
    x = rng.normal(size=(60, 2 * hosts + 2))
    y = (x.sum(axis=1) > 0).astype(int)
    tally = Tally(clocks)

    def party(columns=None, labels=None):
        def run(session):
            model = HeteroLogisticRegression(
                max_iter=5,
                tol=0.0,
                key_bits=512,
                allow_insecure_key_size=True,
                callbacks=[tally],
                **parameters,
            )
            rows = columns[:10] if tested and columns is not None else None
            rows = (rows, labels[:10]) if rows is not None and labels is not None else rows
            model.fit(columns, labels, session=session, validation=rows)

        return run

    parts = np.split(x, hosts + 1, axis=1)
    simulate(guest=party(parts[0], y), hosts=[party(p) for p in parts[1:]], arbiter=party())
    assert len(tally.seen) == 5
    assert max(np.diff(tally.seen[1:])) <= 2 * round_trips


def test_poisson_takes_no_more_round_trips(clocks, rng):
    x, tally = rng.normal(size=(40, 4)), Tally(clocks)

    def party(columns=None, labels=None):
        def run(session):
            model = HeteroPoissonRegression(
                max_iter=4, tol=0.0, key_bits=512, allow_insecure_key_size=True, callbacks=[tally]
            )
            model.fit(columns, labels, session=session)

        return run

    simulate(guest=party(x[:, :2], np.arange(40) % 3), hosts=[party(x[:, 2:])], arbiter=party())
    assert max(np.diff(tally.seen[1:])) <= 6
