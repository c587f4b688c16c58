# SPDX-License-Identifier: Apache-2.0
"""Keys in the shape FATE expects."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any, NoReturn

import numpy as np

from pyfate_gpu.backends.engines import PublicEngine, choices_of
from pyfate_gpu.backends.matrices import Rows
from pyfate_gpu.encoding import PlaintextArray
from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import InvalidKeyError, UnsupportedOperationError
from pyfate_gpu.he import CiphertextArray, PrivateKey, PublicKey, generate_keypair
from pyfate_gpu.he.array.bounds import check_room
from pyfate_gpu.integrations.fate2.coder import Coder
from pyfate_gpu.integrations.fate2.vectors import CiphertextVector, PlaintextVector
from pyfate_gpu.integrations.key_sizes import warn_of_short_key
from pyfate_gpu.integrations.scalars.blinding_stock import BlindingStock

FEW = 4
"""Up to so many numbers take their randomness from the stock."""
LARGEST_STOCK = 256


class PK:
    """The public key; ``.key`` is the `PublicKey` underneath."""

    def __init__(self, key: PublicKey) -> None:
        self.key = key
        self._stocks: dict[Any, BlindingStock] = {}

    @property
    def pk(self) -> PK:
        """Itself: where FATE's own class keeps the one of its engine."""
        return self

    def encrypt_encoded(self, vec: PlaintextVector, obfuscate: bool = True) -> CiphertextVector:
        """Encrypt with fresh randomness each; `obfuscate` is taken as True whatever it says."""
        few = 0 < len(vec) <= FEW
        array = self._encrypt_few(vec.plain) if few else self.key.encrypt(vec.plain)
        return CiphertextVector(array, packing=vec.packing)

    def _encrypt_few(self, plain: PlaintextArray) -> CiphertextArray:
        """By encryptions of zero from a stock: SecureBoost encrypts row by row, in eight lanes or in one."""
        check_room(plain.bound, self.key, "encrypt", None)
        engine = self.key.engine()
        chosen = choices_of(engine)
        stock = self._stocks.get(chosen)
        if stock is None:
            stock = BlindingStock(partial(_zeros, engine), LARGEST_STOCK)
            stock = self._stocks.setdefault(chosen, stock)
        zeros = engine.concatenate([stock.take() for _ in range(plain.size)])
        return self.key._fresh(engine.add_plain(zeros, plain.rows()), plain, engine)

    def encrypt_encoded_scalar(
        self, val: PlaintextVector, obfuscate: bool = True
    ) -> CiphertextVector:
        """Encrypt one number: a vector of length 1."""
        return self.encrypt_encoded(val, obfuscate)

    def __setstate__(self, state: Any) -> NoReturn:
        raise UnsupportedOperationError(
            "a key of FATE's own engine came in: every party must call fate2.install() before the job"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return restore_pk, (self.key.n, self.key.h)


class SK:
    """The private key."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key

    def decrypt_to_encoded(self, vec: CiphertextVector) -> PlaintextVector:
        """Decrypt, and leave the numbers encoded."""
        if vec.array is None:
            return PlaintextVector.zeros(len(vec))
        residues = self._key.decrypt_residues(vec.array)
        return PlaintextVector.centred(residues, self._key.public_key.n, vec)

    def decrypt_to_encoded_scalar(self, vec: CiphertextVector) -> PlaintextVector:
        """Decrypt one number."""
        return self.decrypt_to_encoded(vec)

    __setstate__ = PK.__setstate__

    def __reduce__(self) -> NoReturn:
        raise UnsupportedOperationError(
            "a private key is never pickled; decrypt in the process that made it, on local tensors"
        )


def _zeros(engine: PublicEngine, count: int) -> list[Rows]:
    """So many fresh encryptions of zero, each by itself."""
    rows = engine.encrypt(np.zeros((count, 1), dtype=np.int64))
    return [engine.take(rows, np.array([place])) for place in range(count)]


@lru_cache(maxsize=16)
def restore_pk(n: int, h: int | None) -> PK:
    """The public key of these numbers; one object each, so that its tables are made once."""
    return PK(PublicKey(n, h, allow_insecure_key_size=True))


def keygen(key_size: int) -> tuple[SK, PK, Coder]:
    """Make a key pair of `key_size` bits and a coder.

    Raises
    ------
    InvalidKeyError
        If `key_size` is no integer, or no size of a key.
    """
    key_size = as_integer(key_size, "key_size", InvalidKeyError)
    warn_of_short_key(key_size)
    public_key, private_key = generate_keypair(key_size, allow_insecure_key_size=True)
    return SK(private_key), restore_pk(public_key.n, public_key.h), Coder()
