# SPDX-License-Identifier: Apache-2.0
"""Rounds of a few parties, and what their sums must be, computed without our package."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from pyfate_gpu import generate_keypair
from pyfate_gpu.homo import AggregationPlan, Identity, SecureAggregator, run_round

collect_ignore_glob = ["measure_*.py", "soak.py"]  # scripts, some for other environments

KEYS = generate_keypair(512, allow_insecure_key_size=True)
IDENTITIES = [Identity.generate() for _ in range(100)]
MODES = ("masks", "paillier", "blind", "shared")


@dataclass
class Parties:
    """Every party's aggregator, by what it holds."""

    plan: AggregationPlan
    mode: str = "masks"
    least: int = 2
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def _make(self, **keys: Any) -> SecureAggregator:
        method = "masks" if self.mode == "masks" else "paillier"
        return SecureAggregator(method, self.plan, min_clients=self.least, **keys)

    @property
    def members(self) -> list[bytes]:
        return [each.public for each in IDENTITIES[: self.plan.clients]]

    def client(self) -> SecureAggregator:
        if self.mode == "masks":
            return self._make(members=self.members)
        if self.mode == "blind":
            return self._make(key=KEYS[0], blind_key_server=True, client_secret=self.secret)
        return self._make(key=KEYS[self.mode == "shared"], shared_key=self.mode == "shared")

    def server(self) -> SecureAggregator:
        if self.mode == "masks":
            return self.client()
        blind, shared = self.mode == "blind", self.mode == "shared"
        return self._make(key=KEYS[0], blind_key_server=blind, shared_key=shared)

    def key_holder(self) -> SecureAggregator:
        return self._make(
            key=KEYS[1], blind_key_server=self.mode == "blind", shared_key=self.mode == "shared"
        )

    def clients(self, round_id: int = 0) -> list[Any]:
        client = self.client()
        return [client.client(round_id, i, IDENTITIES[i]) for i in range(self.plan.clients)]

    def opener(self, sealed: bytes) -> tuple[SecureAggregator, bytes]:
        if self.mode == "masks":
            return self.server(), sealed
        if self.mode == "blind":
            return self.client(), self.key_holder().unlock(sealed)
        return self.key_holder(), sealed

    def run(
        self, updates: Any, weights: Any = None, leave: Any = None, round_id: int = 0
    ) -> tuple[SecureAggregator, bytes]:
        server = self.server().server(round_id)
        return self.opener(run_round(server, self.clients(round_id), updates, weights, leave))


def levels(values: Any, clip: float, bits: int) -> np.ndarray:
    """The nearest level of each value."""
    top = 2 ** (bits - 1) - 1
    clipped = np.clip(np.asarray(values, dtype=np.float64), -clip, clip)
    return np.rint(clipped / clip * top).astype(np.int64)


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)
