# SPDX-License-Identifier: Apache-2.0
"""Key generation: a search for primes, so that turns differ by luck."""

from __future__ import annotations

from pyfate_gpu import generate_keypair
from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.routines.base import Routine, Size
from pyfate_gpu.bench.world import World


def keypair(world: World, size: Size) -> Job:
    bits = world.public_key.key_bits
    return Job(
        lambda: generate_keypair(bits, allow_insecure_key_size=True),
        1,
        lambda keys: keys[1].decrypt(keys[0].encrypt(5)) == 5 and keys[0].key_bits == bits,
    )


def keypair_by(world: World, peer: Peer, size: Size) -> Job:
    bits = world.public_key.key_bits
    return Job(lambda: peer.keypair(bits), 1, lambda made: made is not None)


KEYPAIR = Routine("key pair", "key pairs", keypair, 1, keypair_by, 1, "keypair")
