# SPDX-License-Identifier: Apache-2.0
"""Decryption of ciphertexts of 53-bit integers by the Chinese remainder theorem."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size, Target
from pyfate_gpu.bench.world import World, agrees


def decrypt(world: World, size: Size) -> Job:
    values = world.integers(size.rows)
    c = world.ciphertexts(values)
    return Job(lambda: world.private_key.decrypt(c), size.rows, lambda m: np.array_equal(m, values))


def decrypt_by(world: World, peer: Peer, size: Size) -> Job:
    values = world.integers(size.rows)
    c, plain = world.lend(peer, values), values.tolist()
    return Job(lambda: peer.decrypt(c), size.rows, lambda m: agrees(peer, m, plain))


def decrypt_short_subgroup(world: World, size: Size) -> Job:
    return decrypt(world.short_subgroup, size)


DECRYPT = Routine(
    "decrypt (CRT)", "decryptions", decrypt, 512, decrypt_by, 64, "decrypt",
    work=lambda work, size: work.decrypt(), targets=(Target("phe", 7.0), Target("ipcl", 1.6)),
)  # fmt: skip
SHORT_SUBGROUP = Routine(
    "decrypt (short subgroup)", "decryptions", decrypt_short_subgroup, 512, decrypt_by, 64, "decrypt",
    targets=(Target("phe", 25.0),),
)  # fmt: skip
