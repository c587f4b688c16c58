# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts times signed 53-bit integers, one each; half of them negative."""

from __future__ import annotations

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine, Target
from bench.world import World


def scale(world: World, rows: int) -> Job:
    a, s = world.integers(rows, seed=1), world.integers(rows, seed=2)
    c = world.ciphertexts(a)
    return Job(lambda: c * s, rows, world.decrypts_to(a.astype(object) * s))


def scale_by(world: World, peer: Peer, rows: int) -> Job:
    a, s = world.integers(rows, seed=1), world.integers(rows, seed=2)
    c, scalars = world.lend(peer, a), s.tolist()
    expected = a.astype(object) * s
    return Job(lambda: peer.scale(c, scalars), rows, world.peer_decrypts_to(peer, expected))


SCALE = Routine(
    "ciphertext * 53-bit integer",
    "products",
    scale,
    scale_by,
    1024,
    256,
    "scale",
    Target("phe", 6.0),
)
