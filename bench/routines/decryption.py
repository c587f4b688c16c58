# SPDX-License-Identifier: Apache-2.0
"""Decryption of fresh ciphertexts of 53-bit integers by the Chinese remainder theorem."""

from __future__ import annotations

import numpy as np

from bench.harness import Job
from bench.peers import Peer
from bench.routines.base import Routine, Target
from bench.world import World


def decrypt(world: World, rows: int) -> Job:
    values = world.integers(rows)
    c = world.ciphertexts(values)
    return Job(lambda: world.private_key.decrypt(c), rows, lambda m: np.array_equal(m, values))


def decrypt_by(world: World, peer: Peer, rows: int) -> Job:
    values = world.integers(rows)
    c, plain = world.lend(peer, values), values.tolist()
    return Job(lambda: peer.decrypt(c), rows, lambda m: bool(m == plain))


DECRYPT = Routine(
    "decrypt (CRT)", "decryptions", decrypt, decrypt_by, 512, 64, "decrypt", Target("phe", 7.0)
)
