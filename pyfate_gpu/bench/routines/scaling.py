# SPDX-License-Identifier: Apache-2.0
"""Ciphertexts times signed 53-bit integers: one for each, half of them negative, or one for all."""

from __future__ import annotations

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size, Target
from pyfate_gpu.bench.world import World

BITS = 53
COMMON = 0x15A4E35B9C1D27


def scale(world: World, size: Size) -> Job:
    a, s = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    c = world.ciphertexts(a)
    return Job(lambda: c * s, size.rows, world.decrypts_to(a.astype(object) * s))


def scale_by(world: World, peer: Peer, size: Size) -> Job:
    a, s = world.integers(size.rows, seed=1), world.integers(size.rows, seed=2)
    c, scalars = world.lend(peer, a), peer.plain(s.tolist())
    expected = a.astype(object) * s
    return Job(lambda: peer.scale(c, scalars), size.rows, world.peer_decrypts_to(peer, expected))


def scale_all(world: World, size: Size) -> Job:
    a = world.integers(size.rows)
    c = world.ciphertexts(a)
    return Job(lambda: c * COMMON, size.rows, world.decrypts_to(a.astype(object) * COMMON))


SCALE = Routine(
    f"ciphertext * {BITS}-bit integer", "products", scale, 1024, scale_by, 256, "scale",
    work=lambda work, size: work.power_each(BITS) + work.invert / 2,
    targets=(Target("phe", 6.0),),
)  # fmt: skip
SCALE_COMMON = Routine(
    f"array * one {BITS}-bit integer", "products", scale_all, 1024,
    work=lambda work, size: work.power_common(BITS),
)  # fmt: skip
