# SPDX-License-Identifier: Apache-2.0
"""What all contestants of a run share: one key pair and the plain inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu import CiphertextArray, PrivateKey, PublicKey, generate_keypair

if TYPE_CHECKING:
    from pyfate_gpu.bench.peers import Peer

Integers = npt.NDArray[np.int64]
Check = Callable[[Any], bool]

CHECKED_ROWS = 32
POOL_ROWS = 64


@dataclass(frozen=True)
class World:
    """Keys, and reproducible plain inputs. Keys and randomness of encryption are never seeded."""

    public_key: PublicKey
    private_key: PrivateKey
    pythons: Mapping[str, str] = field(default_factory=dict)
    """Of peers that need one of their own, by the package that it has."""

    @classmethod
    def create(cls, key_bits: int, pythons: Mapping[str, str] | None = None) -> World:
        """A world with a new key pair; `key_bits` under 2048 is welcome here."""
        keys = generate_keypair(key_bits, allow_insecure_key_size=True)
        return cls(*keys, pythons or {})

    @cached_property
    def foreign_key(self) -> PublicKey:
        """The same key as other libraries publish it: n alone, so that each encryption takes r^n."""
        return PublicKey(self.public_key.n, allow_insecure_key_size=True)

    @cached_property
    def short_subgroup(self) -> World:
        """The same with a key pair of that length whose blinding powers lie in a short subgroup."""
        bits, scheme = self.public_key.key_bits, "paillier-short-subgroup"
        return World(*generate_keypair(bits, scheme=scheme, allow_insecure_key_size=True))

    @property
    def factors(self) -> tuple[int, int]:
        """The primes, for peers that take the key pair over."""
        return self.private_key._secret_factors()

    def integers(self, *shape: int, bits: int = 53, seed: int = 1) -> Integers:
        """Signed integers of at most `bits` bits, uniform; the same for the same arguments."""
        limit = 1 << bits
        return np.random.default_rng(seed).integers(-limit + 1, limit, size=shape, dtype=np.int64)

    @cached_property
    def _zeros(self) -> CiphertextArray:
        return self.public_key.encrypt(np.zeros(POOL_ROWS, dtype=np.int64))

    def ciphertexts(self, values: Integers) -> CiphertextArray:
        """Inputs for operations: different ciphertexts of `values`, from a small pool of randomness.

        No operation runs faster or slower for that; encrypting is measured elsewhere.
        """
        return self._zeros[np.arange(values.size) % POOL_ROWS].reshape(values.shape) + values

    def lend(self, peer: Peer, values: Integers) -> Any:
        """The peer's ciphertexts of `values`: ours if it can read them, or made by itself."""
        if not peer.adopts:
            return peer.pool(values.tolist())
        return peer.load(self.ciphertexts(values).to_ints(reblind=False).tolist())

    def decrypts_to(self, expected: npt.NDArray[Any]) -> Check:
        """A check that an array of ours decrypts to the integers `expected`, on a sample of rows."""
        flat = expected.reshape(-1)
        sample = _sample(flat.size)

        def check(c: CiphertextArray) -> bool:
            rows = c.reshape(-1)[sample]
            return bool(self.private_key.decrypt(rows).tolist() == flat[sample].tolist())

        return check

    def peer_decrypts_to(self, peer: Peer, expected: npt.NDArray[Any]) -> Check:
        """The same for the ciphertexts that a peer returned; within its error if it has one."""
        sample = _sample(expected.size).tolist()
        wanted = expected.reshape(-1)[sample].tolist()
        return lambda c: agrees(peer, peer.decrypt(peer.take(c, sample)), wanted)


def agrees(peer: Peer, found: Sequence[float], wanted: Sequence[int]) -> bool:
    """Whether a peer's plaintexts are right, up to its error relative to the largest."""
    if peer.error == 0:
        return list(found) == list(wanted)
    largest = max(abs(value) for value in wanted)
    pairs = zip(found, wanted, strict=True)
    return all(abs(a - b) <= peer.error * largest for a, b in pairs)


def _sample(count: int) -> Integers:
    """At most CHECKED_ROWS positions, the first and the last among them."""
    return np.unique(np.linspace(0, count - 1, CHECKED_ROWS).astype(np.int64))
