# SPDX-License-Identifier: Apache-2.0
"""Encryption of 53-bit integers, each with fresh randomness: short exponents (DJN), and r^n."""

from __future__ import annotations

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine, Target
from bench.world import World


def encrypt(world: World, rows: int) -> Job:
    values = world.integers(rows)
    return Job(lambda: world.public_key.encrypt(values), rows, world.decrypts_to(values))


def encrypt_by(world: World, peer: Peer, rows: int) -> Job:
    values = world.integers(rows)
    plain = values.tolist()
    return Job(lambda: peer.encrypt(plain), rows, world.peer_decrypts_to(peer, values))


def encrypt_full(world: World, rows: int) -> Job:
    values = world.integers(rows)
    return Job(lambda: world.foreign_key.encrypt(values), rows, world.decrypts_to(values))


DJN = Routine(
    "encrypt, own key (DJN)", "encryptions", encrypt, encrypt_by, 1024, 16, "encrypt",
    Target("phe", 100),
)  # fmt: skip
FULL = Routine(
    "encrypt, foreign key (r^n)", "encryptions", encrypt_full, encrypt_by, 64, 16, "encrypt",
    Target("gmpy2", 6.5),
)  # fmt: skip
