# SPDX-License-Identifier: Apache-2.0
"""Encryption, each ciphertext with fresh randomness: short exponents (DJN), r^n, and by the owner of the key."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size, Target
from pyfate_gpu.bench.work import Work
from pyfate_gpu.bench.world import World


def encrypt(world: World, size: Size) -> Job:
    values = world.integers(size.rows)
    return Job(lambda: world.public_key.encrypt(values), size.rows, world.decrypts_to(values))


def encrypt_by(world: World, peer: Peer, size: Size) -> Job:
    values = world.integers(size.rows)
    plain = peer.plain(values.tolist())
    return Job(lambda: peer.encrypt(plain), size.rows, world.peer_decrypts_to(peer, values))


def encrypt_full(world: World, size: Size) -> Job:
    values = world.integers(size.rows)
    return Job(lambda: world.foreign_key.encrypt(values), size.rows, world.decrypts_to(values))


def encrypt_by_owner(world: World, size: Size) -> Job:
    values = world.integers(size.rows)
    return Job(lambda: world.private_key.encrypt(values), size.rows, world.decrypts_to(values))


def encrypt_floats(world: World, size: Size) -> Job:
    values = np.random.default_rng(8).normal(size=size.rows)
    return Job(
        lambda: world.public_key.encrypt(values),
        size.rows,
        lambda c: np.allclose(world.private_key.decrypt(c), values, rtol=0, atol=1e-9),
    )


def encrypt_short_subgroup(world: World, size: Size) -> Job:
    return encrypt(world.short_subgroup, size)


def _short(work: Work, size: Size) -> float:
    return work.blind + work.add_plain


def _full(work: Work, size: Size) -> float:
    return work.power_common(work.key_bits) + work.add_plain


def _by_owner(work: Work, size: Size) -> float:
    halves = 2 * (work.table_windows() - 1) * 5.0 * work.prime_limbs**2
    return halves + 2 * work.multiply + work.add_plain


DJN = Routine(
    "encrypt, own key (DJN)", "encryptions", encrypt, 1024, encrypt_by, 16, "encrypt",
    work=_short, targets=(Target("phe", 110), Target("heu", 5.5)),
)  # fmt: skip
FULL = Routine(
    "encrypt, foreign key (r^n)", "encryptions", encrypt_full, 64, encrypt_by, 16, "encrypt",
    work=_full, targets=(Target("gmpy2", 6.5),),
)  # fmt: skip
OWNER = Routine("encrypt by the owner (CRT)", "encryptions", encrypt_by_owner, 1024, work=_by_owner)
FLOATS = Routine("encode and encrypt float64", "encryptions", encrypt_floats, 1024, work=_short)
SHORT_SUBGROUP = Routine(
    "encrypt, own key (short subgroup)", "encryptions", encrypt_short_subgroup, 1024, encrypt_by, 16,
    "encrypt", targets=(Target("phe", 250),),
)  # fmt: skip
PORTABLE = Routine(
    "encrypt, own key (DJN), portable engine", "encryptions", encrypt, 512, encrypt_by, 16,
    "encrypt", work=_short, targets=(Target("phe", 25),), isa="portable",
)  # fmt: skip
HARDENED = replace(
    DJN, title="encrypt, own key (DJN), hardened", work=None, targets=(), hardened=True
)
OWNER_HARDENED = replace(
    OWNER, title="encrypt by the owner (CRT), hardened", work=None, hardened=True
)
