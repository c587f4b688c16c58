# SPDX-License-Identifier: Apache-2.0
"""The libraries we measure ourselves against. A new one: a file beside this and a line in PEERS."""

from __future__ import annotations

from bench.peers.base import Peer
from bench.peers.gmpy2_loops import Gmpy2Loops
from bench.peers.phe import Phe

PEERS: dict[str, type[Peer]] = {"gmpy2": Gmpy2Loops, "phe": Phe}

__all__ = ["PEERS", "Peer"]
