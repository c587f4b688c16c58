# SPDX-License-Identifier: Apache-2.0
"""Sums of ciphertexts, and of a ciphertext and a plain integer, element by element."""

from __future__ import annotations

from dataclasses import replace

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine, Target
from bench.world import World


def add(world: World, rows: int) -> Job:
    a, b = world.integers(rows, seed=1), world.integers(rows, seed=2)
    x, y = world.ciphertexts(a), world.ciphertexts(b)
    return Job(lambda: x + y, rows, world.decrypts_to(a + b))


def add_by(world: World, peer: Peer, rows: int) -> Job:
    a, b = world.integers(rows, seed=1), world.integers(rows, seed=2)
    x, y = world.lend(peer, a), world.lend(peer, b)
    return Job(lambda: peer.add(x, y), rows, world.peer_decrypts_to(peer, a + b))


def add_plain(world: World, rows: int) -> Job:
    a, b = world.integers(rows, seed=1), world.integers(rows, seed=2)
    x = world.ciphertexts(a)
    return Job(lambda: x + b, rows, world.decrypts_to(a + b))


def add_plain_by(world: World, peer: Peer, rows: int) -> Job:
    a, b = world.integers(rows, seed=1), world.integers(rows, seed=2)
    x, plain = world.lend(peer, a), b.tolist()
    return Job(lambda: peer.add_plain(x, plain), rows, world.peer_decrypts_to(peer, a + b))


ADD = Routine(
    "ciphertext + ciphertext", "additions", add, add_by, 4096, 1024, "add", Target("gmpy2", 6.0)
)
ADD_PLAIN = Routine(
    "ciphertext + integer", "additions", add_plain, add_plain_by, 4096, 1024, "add_plain"
)
PORTABLE = replace(
    ADD,
    title="ciphertext + ciphertext, portable engine",
    isa="portable",
    target=Target("gmpy2", 1.2),
)
