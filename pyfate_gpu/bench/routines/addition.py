# SPDX-License-Identifier: Apache-2.0
"""Sums and differences of ciphertexts, and of ciphertexts and plain integers, element by element."""

from __future__ import annotations

from dataclasses import replace

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size, Target
from pyfate_gpu.bench.world import World


def add(world: World, size: Size) -> Job:
    a, b = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    x, y = world.ciphertexts(a), world.ciphertexts(b)
    return Job(lambda: x + y, size.rows, world.decrypts_to(a + b))


def add_by(world: World, peer: Peer, size: Size) -> Job:
    a, b = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    x, y = world.lend(peer, a), world.lend(peer, b)
    return Job(lambda: peer.add(x, y), size.rows, world.peer_decrypts_to(peer, a + b))


def add_plain(world: World, size: Size) -> Job:
    a, b = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    x = world.ciphertexts(a)
    return Job(lambda: x + b, size.rows, world.decrypts_to(a + b))


def add_plain_by(world: World, peer: Peer, size: Size) -> Job:
    a, b = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    x, plain = world.lend(peer, a), peer.plain(b.tolist())
    return Job(lambda: peer.add_plain(x, plain), size.rows, world.peer_decrypts_to(peer, a + b))


def broadcast(world: World, size: Size) -> Job:
    a, b = world.integers(size.rows, 1, seed=1), world.integers(size.features, seed=2)
    x, y = world.ciphertexts(a), world.ciphertexts(b)
    return Job(lambda: x + y, size.rows * size.features, world.decrypts_to(a + b))


def subtract(world: World, size: Size) -> Job:
    a, b = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    x, y = world.ciphertexts(a), world.ciphertexts(b)
    return Job(lambda: x - y, size.rows, world.decrypts_to(a - b))


def subtract_by(world: World, peer: Peer, size: Size) -> Job:
    a, b = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    x, y = world.lend(peer, a), world.lend(peer, b)
    return Job(lambda: peer.subtract(x, y), size.rows, world.peer_decrypts_to(peer, a - b))


def negate(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    x = world.ciphertexts(a)
    return Job(lambda: -x, size.rows, world.decrypts_to(-a))


ADD = Routine(
    "ciphertext + ciphertext", "additions", add, 4096, add_by, 1024, "add",
    work=lambda work, size: work.multiply,
    targets=(Target("gmpy2", 6.0), Target("heu", 4.5)),
)  # fmt: skip
ADD_PLAIN = Routine(
    "ciphertext + integer", "additions", add_plain, 4096, add_plain_by, 1024, "add_plain",
    work=lambda work, size: work.add_plain,
)  # fmt: skip
BROADCAST = Routine(
    "column + row of {features}, broadcast", "additions", broadcast, 256, features=(20,),
    work=lambda work, size: work.multiply,
)  # fmt: skip
SUBTRACT = Routine(
    "ciphertext - ciphertext", "subtractions", subtract, 4096, subtract_by, 1024, "subtract",
    work=lambda work, size: work.invert + work.multiply,
)  # fmt: skip
NEGATE = Routine("- ciphertext", "negations", negate, 4096, work=lambda work, size: work.invert)
PORTABLE = replace(
    ADD,
    title="ciphertext + ciphertext, portable engine",
    isa="portable",
    targets=(Target("gmpy2", 1.5),),
)
