# SPDX-License-Identifier: Apache-2.0
"""What a private key of any scheme is: it decrypts. It cannot be printed, pickled, copied or sent."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends import private_engine
from pyfate_gpu.backends.engines import Choices, PrivateEngine, choices_of
from pyfate_gpu.backends.numbers import PrivateNumbers, Secret
from pyfate_gpu.backends.words import UnsignedWords, unsigned_to_integers
from pyfate_gpu.encoding import Encoder, PlaintextArray, SlotLayout, decode_residues
from pyfate_gpu.encoding.plaintext import Encodable
from pyfate_gpu.errors import (
    InvalidCiphertextError,
    InvalidKeyError,
    KeyMismatchError,
    UnsupportedOperationError,
)
from pyfate_gpu.he.array.arrays import CiphertextArray
from pyfate_gpu.he.jwk import private_document
from pyfate_gpu.he.scheme.public_key import SchemePublicKey, encode, integers_of

PART_ROWS = 1 << 16
"""Rows decrypted at a time."""


class SchemePrivateKey(Secret, ABC):
    """The private key of some scheme; a scheme says which secrets it has and checks them."""

    __slots__ = ("_engines", "_numbers", "_public_key")

    scheme: ClassVar[str]
    #: Names of the arguments after the public key, in key files too.
    secret_members: ClassVar[tuple[str, ...]]

    def __init__(self, public_key: SchemePublicKey, numbers: PrivateNumbers) -> None:
        self._public_key = public_key
        self._numbers = numbers
        self._engines: dict[Choices, PrivateEngine] = {}

    def _check_public_half(self, public_key: object) -> None:
        if not isinstance(public_key, SchemePublicKey):
            raise InvalidKeyError(
                f"the first argument is a {type(public_key).__name__}; it must be the public key"
            )
        if public_key.scheme != self.scheme:
            raise InvalidKeyError(
                f"the public key has scheme {public_key.scheme!r}, this private key "
                f"{self.scheme!r}; load both halves from one file"
            )

    @abstractmethod
    def _secret_numbers(self) -> tuple[int, ...]:
        """The values of `secret_members`, for key files only."""

    @property
    def public_key(self) -> SchemePublicKey:
        """The public half."""
        return self._public_key

    def decrypt(self, c: CiphertextArray) -> Any:
        """The numbers: float64 for kind "f", integers for kind "i", of the shape of `c`.

        An array with slots gives one more axis, the last one: its numbers in each ciphertext.
        Integers come as int64 where all fit and as Python integers otherwise; never wrapped.

        Raises
        ------
        KeyMismatchError
            If `c` belongs to another key.
        InvalidCiphertextError
            If a ciphertext was blinded in a way that this key's scheme does not.
        BoundError
            If a value is beyond the bound `c` declares, or its slots.
        EncodingError
            If a value is too large for float64.
        """
        values = np.concatenate([self._decode(part, start) for start, part in _parts(_array(c))])
        return values.reshape(c.shape + values.shape[1:])[()]

    def _decode(self, c: CiphertextArray, start: int) -> npt.NDArray[Any]:
        try:
            residues = self._decrypt_words(c)
        except InvalidCiphertextError as error:
            if not start:
                raise
            raise InvalidCiphertextError(f"counted from row {start} on: {error}") from None
        first = start * (c.slots.count if c.slots else 1)
        n = self._public_key.n
        return decode_residues(residues, n, c.exponent, c.kind, c.bound, c.slots, first)

    def decrypt_residues(self, c: CiphertextArray) -> npt.NDArray[np.object_]:
        """Integers in [0, n), as they are: for masked values, which mean nothing by themselves."""
        return unsigned_to_integers(self._decrypt_words(c)).reshape(c.shape)

    def decrypt_words(self, c: CiphertextArray) -> UnsignedWords:
        """What `decrypt_residues` returns, as little-endian words: uint64 ``[size, words of n]``."""
        return self._decrypt_words(c)

    def encrypt(
        self,
        x: Encodable | PlaintextArray,
        encoder: Encoder | None = None,
        *,
        slots: SlotLayout | None = None,
    ) -> CiphertextArray:
        """As `PublicKey.encrypt`, faster: the owner of the primes works modulo p^2 and q^2."""
        plain = encode(x, encoder)
        integers = integers_of(plain, self._public_key, slots)
        engine = self._public_key.engine()
        rows = self._engine(engine).encrypt(integers)
        return self._public_key._fresh(rows, plain, engine, slots)

    def _decrypt_words(self, c: CiphertextArray) -> UnsignedWords:
        if _array(c).public_key != self._public_key:
            raise KeyMismatchError(
                f"the ciphertexts belong to key {c.public_key.fingerprint}, this private key to "
                f"{self._public_key.fingerprint}; decrypt with the key they were encrypted for"
            )
        return self._engine(c._engine).decrypt(c._rows)

    def _engine(self, public: Any) -> PrivateEngine:
        key = choices_of(public)
        engine = self._engines.get(key)
        if engine is None:
            engine = self._engines.setdefault(key, private_engine(self._numbers, public))
        return engine

    def to_secret_jwk(self, kid: str | None = None) -> dict[str, Any]:
        """The key as JSON-able JWK, as python-paillier writes it: whoever has it decrypts."""
        secrets = dict(zip(self.secret_members, self._secret_numbers(), strict=True))
        return private_document(secrets, self._public_key.to_jwk(kid))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(of {self._public_key!r}, secret)"


def _parts(c: CiphertextArray) -> Iterator[tuple[int, CiphertextArray]]:
    """The array, or parts of a long one, each after its first row: a residue takes more memory than its number."""
    if c.size <= PART_ROWS:
        yield 0, c
        return
    flat = c.ravel()
    for start in range(0, c.size, PART_ROWS):
        yield start, flat[start : start + PART_ROWS]


def _array(c: Any) -> CiphertextArray:
    """`c` if it is encrypted; raises UnsupportedOperationError otherwise."""
    if not isinstance(c, CiphertextArray):
        raise UnsupportedOperationError(
            f"decrypt takes a CiphertextArray, not {type(c).__name__}; "
            f"make one with public_key.from_ints or public_key.from_wire"
        )
    return c
