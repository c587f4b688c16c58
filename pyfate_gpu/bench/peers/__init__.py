# SPDX-License-Identifier: Apache-2.0
"""The libraries we measure ourselves against. A new one: a file beside this and a line in PEERS."""

from __future__ import annotations

from pyfate_gpu.bench.peers.base import Peer
from pyfate_gpu.bench.peers.fate import Fate
from pyfate_gpu.bench.peers.gmpy2_loops import Gmpy2Loops
from pyfate_gpu.bench.peers.heu import Heu, HeuOu
from pyfate_gpu.bench.peers.ipcl import Ipcl
from pyfate_gpu.bench.peers.phe import Phe
from pyfate_gpu.bench.peers.processes import SecureBoost, Sgb, SgbOu
from pyfate_gpu.bench.peers.pypaillier import Pypaillier
from pyfate_gpu.bench.peers.tenseal import Tenseal

PEERS: dict[str, type[Peer]] = {
    each.name: each
    for each in (
        Gmpy2Loops,
        Phe,
        Fate,
        Heu,
        Pypaillier,
        Ipcl,
        HeuOu,
        Tenseal,
        SecureBoost,
        Sgb,
        SgbOu,
    )
}

__all__ = ["PEERS", "Peer"]
