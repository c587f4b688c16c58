# SPDX-License-Identifier: Apache-2.0
"""Re-blinding, as every derived ciphertext gets it on its way out into bytes."""

from __future__ import annotations

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine
from bench.world import World


def reblind(world: World, rows: int) -> Job:
    a = world.integers(rows)
    c = world.ciphertexts(a)
    right = world.decrypts_to(a)
    return Job(c.to_wire, rows, lambda data: right(world.public_key.from_wire(data)))


def reblind_by(world: World, peer: Peer, rows: int) -> Job:
    a = world.integers(rows)
    c = world.lend(peer, a)
    return Job(lambda: peer.reblind(c), rows, world.peer_decrypts_to(peer, a))


REBLIND = Routine("re-blind, to bytes", "ciphertexts", reblind, reblind_by, 1024, 16, "reblind")
