# SPDX-License-Identifier: Apache-2.0
"""The public key of python-paillier's interface."""

from __future__ import annotations

import hashlib
import operator
import secrets
from collections.abc import Sequence
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import InvalidKeyError, UnsupportedOperationError
from pyfate_gpu.integrations.key_sizes import warn_of_short_key
from pyfate_gpu.integrations.phe.encoding import EncodedNumber
from pyfate_gpu.integrations.phe.encrypted_number import EncryptedNumber, same_container
from pyfate_gpu.integrations.scalars import deferred
from pyfate_gpu.integrations.scalars.blinding_stock import BlindingStock
from pyfate_gpu.integrations.scalars.engines import KeyEngine, key_engine
from pyfate_gpu.integrations.scalars.errors import DifferentKeyError
from pyfate_gpu.integrations.scalars.exponents import as_exponent


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
        self.n = as_integer(n, "n", InvalidKeyError)
        if self.n < 6:
            raise InvalidKeyError(f"n is {n}; it must be the product of two different primes")
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
        """Encrypt an encoded number; fresh randomness unless `r_value` is given.

        Raises
        ------
        ValueError
            If it was encoded for another key.
        """
        self._check_encoded(encoding)
        content = deferred.integer(self.raw_encrypt(encoding.encoding, r_value))
        exponent = as_exponent(encoding.exponent)
        return EncryptedNumber._make(self, content, exponent, not r_value, type(encoding))

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
        for each in encoded:
            self._check_encoded(each)
        residues = [operator.index(each.encoding) % self.n for each in encoded]
        ciphertexts = self.engine().encrypt(
            [r if r <= self.max_int else r - self.n for r in residues]
        )
        numbers = [
            EncryptedNumber._make(self, ciphertext, as_exponent(each.exponent), True, type(each))
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
        if not r_value:  # 0, which has no inverse, counts as none
            return int(encoded * self.random_factor() % self.nsquare)
        return int(encoded * gmpy2.powmod(r_value, self.n, self.nsquare) % self.nsquare)

    def _check_encoded(self, encoding: EncodedNumber) -> None:
        if encoding.public_key != self:
            raise DifferentKeyError(
                f"the number was encoded for {encoding.public_key!r}, this key is {self!r}"
            )

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
