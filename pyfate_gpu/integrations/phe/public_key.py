# SPDX-License-Identifier: Apache-2.0
"""The public key of python-paillier's interface."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import InvalidKeyError, UnsupportedOperationError
from pyfate_gpu.integrations.key_sizes import warn_of_short_key
from pyfate_gpu.integrations.phe.encoding import EncodedNumber
from pyfate_gpu.integrations.phe.encrypted_number import EncryptedNumber, same_container
from pyfate_gpu.integrations.scalars.blinding_stock import BlindingStock
from pyfate_gpu.integrations.scalars.engines import KeyEngine, key_engine


class PaillierPublicKey:
    """Encrypts. Its attributes are those of python-paillier.

    Parameters
    ----------
    n : int
        The modulus. A key made from n alone encrypts with full exponents; one that comes from
        `generate_paillier_keypair`, a pickle or its JSON form knows its blinding base too.

    Attributes
    ----------
    n, g, nsquare : int
        The modulus, n + 1, n squared.
    max_int : int
        Largest size of an encoded number, n // 3 - 1: the middle third shows overflow.
    """

    def __init__(self, n: int) -> None:
        if n < 6:
            raise InvalidKeyError(f"n is {n}; it must be the product of two different primes")
        self.n = int(n)
        self.g = self.n + 1
        self.nsquare = self.n * self.n
        self.max_int = self.n // 3 - 1
        self._h: int | None = None
        self._engine: KeyEngine | None = None
        self._stock: BlindingStock | None = None
        warn_of_short_key(self.n.bit_length())

    @classmethod
    def _with_base(cls, n: int, h: int | None) -> PaillierPublicKey:
        """The key with the blinding base of Damgard, Jurik and Nielsen."""
        key = cls(n)
        key._h = h
        return key

    def engine(self) -> KeyEngine:
        """What this key computes with."""
        if self._engine is None:
            self._engine = key_engine(self.n, self._h)
        return self._engine

    def encrypt(
        self, value: Any, precision: float | None = None, r_value: int | None = None
    ) -> EncryptedNumber:
        """Encrypt an integer, a float or an `EncodedNumber`.

        Parameters
        ----------
        value : int, float, NumPy number or EncodedNumber
        precision : float, optional
            As in `EncodedNumber.encode`.
        r_value : int, optional
            Use this randomness: for tests; the result is blinded again before it is exported.
        """
        if not isinstance(value, EncodedNumber):
            value = EncodedNumber.encode(self, value, precision)
        return self.encrypt_encoded(value, r_value)

    def encrypt_encoded(self, encoding: EncodedNumber, r_value: int | None) -> EncryptedNumber:
        """Encrypt an encoded number; fresh randomness unless `r_value` is given."""
        ciphertext = self.raw_encrypt(encoding.encoding, r_value)
        return EncryptedNumber._make(self, ciphertext, encoding.exponent, fresh=r_value is None)

    def encrypt_many(
        self, values: Sequence[Any] | npt.NDArray[Any], precision: float | None = None
    ) -> Any:
        """Encrypt many numbers in one batch.

        Parameters
        ----------
        values : list, tuple or array of numbers
        precision : float, optional
            As in `EncodedNumber.encode`.

        Returns
        -------
        list of EncryptedNumber, or an object array of the shape of an array
        """
        flat = values.ravel().tolist() if isinstance(values, np.ndarray) else list(values)
        encoded = [
            value
            if isinstance(value, EncodedNumber)
            else EncodedNumber.encode(self, value, precision)
            for value in flat
        ]
        signed = [
            each.encoding if each.encoding <= self.max_int else each.encoding - self.n
            for each in encoded
        ]
        ciphertexts = self.engine().encrypt(signed)
        numbers = [
            EncryptedNumber._make(self, ciphertext, each.exponent, fresh=True)
            for ciphertext, each in zip(ciphertexts, encoded, strict=True)
        ]
        return same_container(numbers, values)

    def raw_encrypt(self, plaintext: int, r_value: int | None = None) -> int:
        """Encrypt an integer mod n as an integer mod n^2.

        Raises
        ------
        TypeError
            If `plaintext` is no integer.
        """
        if not isinstance(plaintext, int):
            raise UnsupportedOperationError(
                f"raw_encrypt takes an integer, not {type(plaintext).__name__}"
            )
        encoded = 1 + gmpy2.mpz(plaintext) % self.n * self.n
        if r_value is None:
            return int(encoded * self.random_factor() % self.nsquare)
        return int(encoded * gmpy2.powmod(r_value, self.n, self.nsquare) % self.nsquare)

    def random_factor(self) -> Any:
        """A fresh encryption of zero, used nowhere else."""
        if self._stock is None:
            engine = self.engine()
            self._stock = BlindingStock(
                lambda count: engine.encrypt([0] * count), engine.largest_batch
            )
        return self._stock.take()

    def get_random_lt_n(self) -> int:
        """A random integer in [1, n)."""
        return 1 + secrets.randbelow(self.n - 1)

    def __repr__(self) -> str:
        digest = hashlib.sha256(str(self.n).encode("ascii")).hexdigest()
        return f"<PaillierPublicKey {digest[:10]}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PaillierPublicKey) and self.n == other.n

    def __hash__(self) -> int:
        return hash(self.n)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as n and the blinding base: never with randomness that is in stock."""
        return PaillierPublicKey._with_base, (self.n, self._h)
