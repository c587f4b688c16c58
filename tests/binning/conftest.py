# SPDX-License-Identifier: Apache-2.0
"""Running all parties of a binning, and recording what travels between them."""

from __future__ import annotations

import numpy as np
import pytest

from pyfate_gpu import simulate
from pyfate_gpu.binning import HeteroBinning
from pyfate_gpu.federation.transports.memory import MemoryChannel

#: Fast, and protects nothing.
SMALL = {"key_bits": 512, "allow_insecure_key_size": True}


def run_binning(y, hosts, guest=None, *, weights=None, rules=None, at_hosts=None, at_guest=None):
    """Fit one model for each party; return that of the guest and those of the hosts."""

    def party(own, X, **data):
        model = HeteroBinning(**SMALL | (rules or {}) | (own or {}))
        return lambda session: model.fit(X, session=session, **data)

    found = simulate(
        guest=party(at_guest, guest, y=y, sample_weight=weights),
        hosts=[party(at_hosts, X) for X in hosts],
        timeout=120,
    )
    return found["guest"], [found[f"host-{at}"] for at in range(len(hosts))]


@pytest.fixture
def bin_together():
    """Return `run_binning`."""
    return run_binning


@pytest.fixture
def frames(monkeypatch):
    """Sender, recipient and frame of all messages."""
    found = []
    original = MemoryChannel.send

    def send(self, to, frame):
        found.append((self.party, to, frame))
        return original(self, to, frame)

    monkeypatch.setattr(MemoryChannel, "send", send)
    return found


@pytest.fixture
def planted():
    """Labels of 1,000 rows and a column whose bins have (events, others) as in `PLANTED`."""
    column = np.repeat([0.0, 1.0, 2.0, np.nan, 3.0, 4.0], [100, 100, 100, 50, 250, 400])
    y = np.concatenate([np.repeat([1, 0], pair) for pair in PLANTED])
    return column, y


PLANTED = [(0, 100), (50, 50), (100, 0), (10, 40), (150, 100), (90, 310)]
