# SPDX-License-Identifier: Apache-2.0
"""Keys from secrets, and who signs what."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyfate_gpu.errors import ConfigurationError, ProtocolError
from pyfate_gpu.federation.certificates import require_cryptography

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_BYTES = 32
SIGNATURE_BYTES = 64


def derive(secret: bytes, context: bytes, salt: bytes = b"") -> bytes:
    """A key of 32 bytes for one purpose: HKDF with SHA-256."""
    require_cryptography()
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return bytes(HKDF(SHA256(), 32, salt, b"pyfate_gpu homo " + context).derive(secret))


class Identity:
    """What a client signs with: an Ed25519 key that the other clients know the public half of.

    Examples
    --------
    >>> from pyfate_gpu.homo import Identity
    >>> identity = Identity.generate()
    >>> len(identity.public)
    32
    """

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public: bytes = key.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> Identity:
        """A new one, from the randomness of the operating system."""
        require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_private_bytes(cls, data: bytes) -> Identity:
        """The one whose 32 bytes `private_bytes` returned.

        Raises
        ------
        ConfigurationError
            When there are not as many.
        """
        require_cryptography()
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        try:
            return cls(Ed25519PrivateKey.from_private_bytes(data))
        except (TypeError, ValueError):
            raise ConfigurationError(
                "an identity is 32 bytes, as private_bytes returns them"
            ) from None

    def private_bytes(self) -> bytes:
        """The private half, to keep: 32 bytes."""
        return bytes(self._key.private_bytes_raw())

    def sign(self, data: bytes) -> bytes:
        """A signature, 64 bytes."""
        return bytes(self._key.sign(data))

    def __repr__(self) -> str:
        return f"Identity({self.public.hex()[:16]}..., secret)"

    def __reduce__(self) -> str:
        raise TypeError(
            "an Identity is not pickled: keep private_bytes() where its owner alone reads it"
        )


def check_signature(public: bytes, data: bytes, signature: bytes, what: str) -> None:
    """Raise ProtocolError unless `signature` of `data` is by the owner of `public`."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, data)
    except (InvalidSignature, ValueError):
        raise ProtocolError(f"the signature of {what} does not hold") from None
