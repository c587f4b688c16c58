# SPDX-License-Identifier: Apache-2.0
"""Keys as HEU hands them around."""

from __future__ import annotations

import weakref
from typing import Any, NoReturn

from pyfate_gpu.errors import KeyMismatchError, UnsupportedOperationError
from pyfate_gpu.he import PrivateKey as EngineKey
from pyfate_gpu.he import PublicKey as EnginePublicKey
from pyfate_gpu.integrations.heu.packing import pack, unpack
from pyfate_gpu.integrations.heu.plaintext import Plaintext
from pyfate_gpu.integrations.heu.schema import SchemaType
from pyfate_gpu.integrations.key_sizes import warn_of_short_key

_known: weakref.WeakValueDictionary[int, EnginePublicKey] = weakref.WeakValueDictionary()


def engine_key(n: int, h: int | None) -> EnginePublicKey:
    """The key of these numbers; the first h of an n stays, so that no message can bring another."""
    key = _known.get(n)
    if key is None:
        warn_of_short_key(n.bit_length())
        key = _known.setdefault(n, EnginePublicKey(n, h, allow_insecure_key_size=True))
    return key


class PublicKey:
    """The public half; made by `setup` or `load_from`."""

    def __init__(self, key: EnginePublicKey) -> None:
        self._key = _known.setdefault(key.n, key)

    def plaintext_bound(self) -> Plaintext:
        """Largest size of a plaintext."""
        return Plaintext(SchemaType.ZPaillier, self._key.n // 2 - 1)

    def serialize(self) -> bytes:
        """Bytes for `load_from`."""
        return pack("public_key", numbers=public_numbers(self._key))

    @staticmethod
    def load_from(bytes_buffer: bytes) -> PublicKey:
        """The key of `serialize`; its numbers are checked.

        Raises
        ------
        WireFormatError
            If the bytes are none of ours, HEU's own included.
        InvalidKeyError
            If the numbers are no key.
        """
        numbers, _ = unpack(bytes_buffer, "public_key", (1, 2))
        return PublicKey(engine_key(*read_public(numbers)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"PublicKey({self._key!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PublicKey.load_from, (self.serialize(),)


class SecretKey:
    """The private half. `serialize` gives it away, on purpose; pickling does not."""

    def __init__(self, key: EngineKey) -> None:
        self._key = key

    def serialize(self) -> bytes:
        """The primes, as bytes that only its owner may see."""
        p, q = self._key._secret_factors()
        return pack("secret_key", numbers=[*public_numbers(self._key.public_key), p, q])

    @staticmethod
    def load_from(bytes_buffer: bytes) -> SecretKey:
        """The key of `serialize`.

        Raises
        ------
        WireFormatError, InvalidKeyError
        """
        numbers, _ = unpack(bytes_buffer, "secret_key", (3, 4))
        public = engine_key(*read_public(numbers[:-2]))
        return SecretKey(EngineKey(public, *numbers[-2:]))

    def belongs_to(self, key: EnginePublicKey) -> EngineKey:
        """The engine's key, if it is that of a public one; KeyMismatchError otherwise."""
        if self._key.public_key != key:
            raise KeyMismatchError(
                f"the secret key is that of {self._key.public_key.fingerprint}, the public key is "
                f"{key.fingerprint}; pass the two of one setup"
            )
        return self._key

    def __repr__(self) -> str:
        return f"SecretKey(of {self._key.public_key!r})"

    def __reduce__(self) -> NoReturn:
        raise UnsupportedOperationError(
            "a secret key is never pickled; serialize() gives its bytes to who asks by that name"
        )


def public_numbers(key: EnginePublicKey) -> list[int]:
    """n, and the blinding base if there is one."""
    return [key.n] if key.h is None else [key.n, key.h]


def read_public(numbers: list[int]) -> tuple[int, int | None]:
    """N and the blinding base of `public_numbers`."""
    return numbers[0], numbers[1] if len(numbers) > 1 else None
