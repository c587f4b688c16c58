# SPDX-License-Identifier: Apache-2.0
"""Residues that clients know and the key holder does not: what it decrypts is uniform."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.homo.frames import Terms
from pyfate_gpu.homo.identities import derive
from pyfate_gpu.homo.streams import CHUNK, KEY_BYTES, Stream

SURPLUS_BITS = 128
"""A residue comes from so many more bits than n has: its distance from uniform is 2^-128."""
NONCE_BYTES = 16


def check_secret(secret: bytes | None) -> bytes:
    """Return the clients' common secret; raises ConfigurationError unless it is 32 bytes."""
    if not isinstance(secret, bytes) or len(secret) != KEY_BYTES:
        raise ConfigurationError(
            f"blind_key_server takes client_secret, {KEY_BYTES} bytes that clients know and no server: "
            "secrets.token_bytes(32) of one of them, sent to the others"
        )
    return secret


def residues(secret: bytes, context: bytes, n: int) -> Iterator[int]:
    """Residues mod n of one client in one round, without end."""
    stream = Stream(derive(secret, context), np.uint8)
    size = (n.bit_length() + SURPLUS_BITS + 7) // 8
    block = CHUNK // size
    while True:
        data = stream.take(block * size).tobytes()
        for start in range(0, len(data), size):
            yield int.from_bytes(data[start : start + size], "little") % n


def take(stream: Iterator[int], count: int) -> npt.NDArray[np.object_]:
    """The next residues as an array."""
    out = np.empty(count, dtype=object)
    for place in range(count):
        out[place] = next(stream)
    return out


def context(terms: Terms, number: int, nonce: bytes) -> bytes:
    """What tells the residues of one sealed update from those of all others."""
    return f"residues {terms.fingerprint} {terms.round} {number} ".encode("ascii") + nonce
