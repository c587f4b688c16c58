# SPDX-License-Identifier: Apache-2.0
"""Keys of one round: X25519 pairs, seeds of pads, and boxes that only their recipient opens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.homo.identities import derive

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

TAG_BYTES = 16


class RoundKey:
    """An X25519 key pair for one purpose in one round."""

    def __init__(self, private: bytes | None = None) -> None:
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        if private is None:
            self._key: X25519PrivateKey = X25519PrivateKey.generate()
        else:
            self._key = X25519PrivateKey.from_private_bytes(private)
        self.public: bytes = self._key.public_key().public_bytes_raw()

    def private_bytes(self) -> bytes:
        """The private half, to be shared out."""
        return bytes(self._key.private_bytes_raw())

    def agree(self, other: bytes, context: bytes, salt: bytes) -> bytes:
        """A key of 32 bytes that only the owner of `other` and this one's can compute.

        Raises
        ------
        ProtocolError
            When `other` is a point that makes all keys the same.
        """
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

        try:
            shared = self._key.exchange(X25519PublicKey.from_public_bytes(other))
        except ValueError:
            raise ProtocolError(
                "a client sent a key of low order: its pads would be known"
            ) from None
        return derive(shared, context, salt)


@dataclass(frozen=True)
class Pads:
    """What seeds of pads depend on: the round, and the list of all keys in it."""

    round: int
    directory: bytes

    def seed(self, key: RoundKey, mine: int, other: int, public: bytes) -> bytes:
        """The seed that two clients have in common; the same from both sides."""
        low, high = sorted((mine, other))
        return key.agree(public, f"pad {self.round} {low} {high}".encode("ascii"), self.directory)

    def box_key(self, key: RoundKey, sender: int, recipient: int, public: bytes) -> bytes:
        """The key of the one box that `sender` has for `recipient`."""
        context = f"box {self.round} {sender} {recipient}".encode("ascii")
        return key.agree(public, context, self.directory)


def lock(key: bytes, content: bytes) -> bytes:
    """`content` for whoever has the key, which locks one box only."""
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    return bytes(ChaCha20Poly1305(key).encrypt(bytes(12), content, None))


def unlock(key: bytes, box: bytes, sender: int) -> bytes:
    """What is in a box; raises ProtocolError unless it was locked with the key."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        return bytes(ChaCha20Poly1305(key).decrypt(bytes(12), box, None))
    except InvalidTag:
        raise ProtocolError(f"the shares from client {sender} were altered on their way") from None
