# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts out and in again: to bytes and to integers, with the checks of the receiver."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.world import World


def reblind(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    c, right = world.ciphertexts(a), world.decrypts_to(a)
    return Job(c.to_wire, size.rows, lambda data: right(world.public_key.from_wire(data)))


def reblind_by(world: World, peer: Peer, size: Size) -> Job:
    a = world.integers(size.rows)
    c = world.lend(peer, a)
    return Job(lambda: peer.reblind(c), size.rows, world.peer_decrypts_to(peer, a))


def round_trip(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    c, key = world.ciphertexts(a), world.public_key
    return Job(lambda: key.from_wire(c.to_wire(reblind=False)), size.rows, world.decrypts_to(a))


def round_trip_by(world: World, peer: Peer, size: Size) -> Job:
    a = world.integers(size.rows)
    c = world.lend(peer, a)
    return Job(lambda: peer.wire(c), size.rows, world.peer_decrypts_to(peer, a))


def receive(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    data, key = world.ciphertexts(a).to_wire(reblind=False), world.public_key
    return Job(lambda: key.from_wire(data), size.rows, world.decrypts_to(a))


def to_integers(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    c, right = world.ciphertexts(a), world.decrypts_to(a)
    return Job(
        lambda: c.to_ints(reblind=False),
        size.rows,
        lambda integers: right(world.public_key.from_ints(integers)),
    )


def from_integers(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    integers: np.ndarray = world.ciphertexts(a).to_ints(reblind=False)
    return Job(lambda: world.public_key.from_ints(integers), size.rows, world.decrypts_to(a))


REBLIND = Routine(
    "re-blind, to bytes", "ciphertexts", reblind, 1024, reblind_by, 16, "reblind",
    work=lambda work, size: work.blind + work.multiply + work.leave,
)  # fmt: skip
ROUND_TRIP = Routine(
    "to bytes and back", "ciphertexts", round_trip, 4096, round_trip_by, 1024, "wire",
    work=lambda work, size: work.leave + work.enter,
)  # fmt: skip
RECEIVE = Routine(
    "from bytes, checked", "ciphertexts", receive, 4096, work=lambda work, size: work.enter
)
TO_INTEGERS = Routine(
    "to Python integers", "ciphertexts", to_integers, 4096, work=lambda work, size: work.leave
)
FROM_INTEGERS = Routine(
    "from Python integers, checked", "ciphertexts", from_integers, 4096,
    work=lambda work, size: work.enter,
)  # fmt: skip
