# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts to bytes and back, without blinding again, with the checks of the receiver."""

from __future__ import annotations

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine
from bench.world import World


def round_trip(world: World, rows: int) -> Job:
    a = world.integers(rows)
    c, key = world.ciphertexts(a), world.public_key
    return Job(lambda: key.from_wire(c.to_wire(reblind=False)), rows, world.decrypts_to(a))


def round_trip_by(world: World, peer: Peer, rows: int) -> Job:
    a = world.integers(rows)
    c = world.lend(peer, a)
    return Job(lambda: peer.wire(c), rows, world.peer_decrypts_to(peer, a))


ROUND_TRIP = Routine(
    "to bytes and back", "ciphertexts", round_trip, round_trip_by, 4096, 1024, "wire"
)
