# SPDX-License-Identifier: Apache-2.0
"""Keys in FATE 1's shape."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import gmpy2

from pyfate_gpu.encoding.numbers import as_integer, is_integer
from pyfate_gpu.errors import InvalidKeyError, UnsupportedOperationError
from pyfate_gpu.he.scheme.paillier.keygen import generate_paillier_keypair
from pyfate_gpu.integrations.fate1.encoding import decode, encode
from pyfate_gpu.integrations.fate1.encrypted_number import EncryptedNumber
from pyfate_gpu.integrations.key_sizes import warn_of_short_key
from pyfate_gpu.integrations.scalars import deferred
from pyfate_gpu.integrations.scalars.blinding_stock import BlindingStock
from pyfate_gpu.integrations.scalars.engines import KeyEngine, key_engine
from pyfate_gpu.integrations.scalars.errors import DifferentKeyError
from pyfate_gpu.integrations.scalars.exponents import as_exponent


class PublicKey:
    """Encrypts. Its attributes are those of FATE's class.

    Parameters
    ----------
    n : int
        The modulus. A key made from n alone encrypts with full exponents.
    h : int, optional
        Blinding base of Damgard, Jurik and Nielsen.
    """

    number_class: ClassVar[type[EncryptedNumber]] = EncryptedNumber

    def __init__(self, n: int, h: int | None = None) -> None:
        self.n = as_integer(n, "n", InvalidKeyError)
        self.g = self.n + 1
        self.nsquare = self.n * self.n
        self.max_int = self.n // 3 - 1
        self._h = h
        self._engine: KeyEngine | None = None
        self._stock: BlindingStock | None = None
        warn_of_short_key(self.n.bit_length())

    def engine(self) -> KeyEngine:
        """What this key computes with."""
        if self._engine is None:
            self._engine = key_engine(self.n, self._h)
        return self._engine

    def encrypt(
        self, value: Any, precision: float | None = None, random_value: int | None = None
    ) -> EncryptedNumber:
        """Encrypt a number.

        Parameters
        ----------
        value : int, float, NumPy number or FixedPointNumber
        precision : float, optional
            The exponent depends on this alone.
        random_value : int, optional
            Use this randomness: for tests; the result is blinded again before it is exported.
        """
        encoding, exponent = encode(value, self.n, self.max_int, precision)
        content = deferred.integer(self.raw_encrypt(encoding, random_value))
        return self.number_class._make(self, content, exponent, fresh=not random_value)

    def encrypt_many(self, values: Sequence[Any], precision: float | None = None) -> list[Any]:
        """Encrypt many numbers in one batch."""
        encoded = [encode(value, self.n, self.max_int, precision) for value in values]
        contents = self._encrypt_residues([encoding for encoding, _ in encoded])
        return [
            self.number_class._make(self, content, exponent, fresh=True)
            for content, (_, exponent) in zip(contents, encoded, strict=True)
        ]

    def raw_encrypt_many(self, plaintexts: Sequence[int], exponent: int = 0) -> list[Any]:
        """Encrypt integers mod n in one batch."""
        exponent = as_exponent(exponent)
        contents = self._encrypt_residues([operator.index(p) % self.n for p in plaintexts])
        return [self.number_class._make(self, each, exponent, fresh=True) for each in contents]

    def raw_encrypt(self, plaintext: int, random_value: int | None = None) -> int:
        """Encrypt an integer mod n as an integer mod n^2; TypeError if it is none."""
        if not is_integer(plaintext):
            raise UnsupportedOperationError(
                f"raw_encrypt takes an integer, not {type(plaintext).__name__}"
            )
        return self.apply_obfuscator(1 + int(plaintext) % self.n * self.n, random_value)

    def apply_obfuscator(self, ciphertext: int, random_value: int | None = None) -> int:
        """Blind an integer mod n^2, with fresh randomness unless `random_value` is given."""
        if not random_value:  # 0, which has no inverse, counts as none
            return int(ciphertext * self.random_factor() % self.nsquare)
        factor = gmpy2.powmod(random_value, self.n, self.nsquare)
        return int(ciphertext * factor % self.nsquare)

    def random_factor(self) -> Any:
        """A fresh encryption of zero, used nowhere else."""
        if self._stock is None:
            engine = self.engine()
            self._stock = BlindingStock(
                lambda count: engine.encrypt([0] * count), engine.largest_batch
            )
        return self._stock.take()

    def _encrypt_residues(self, residues: list[int]) -> list[Any]:
        half = self.n // 2
        return self.engine().encrypt([r - self.n if r > half else r for r in residues])

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.n == other.n

    def __hash__(self) -> int:
        return hash(self.n)

    def __repr__(self) -> str:
        return f"<PaillierPublicKey {hex(hash(self))[2:12]}>"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as n and the blinding base: never with randomness that is in stock."""
        return restore_key, (type(self), self.n, self._h)


@lru_cache(maxsize=16)
def restore_key(cls: Any, n: int, h: int | None) -> PublicKey:
    """The key of its pickle; one object each, so that its tables are made once a process."""
    key: PublicKey = cls(n, h)
    return key


class PrivateKey:
    """Decrypts.

    Parameters
    ----------
    public_key : PublicKey
    p, q : int

    Raises
    ------
    InvalidKeyError
        (a ValueError) if ``p * q != n`` or ``p == q``.
    """

    shared_with_workers: ClassVar[bool] = False
    """Whether it may be pickled into worker processes; `install` sets it for who asks."""

    def __init__(self, public_key: PublicKey, p: int, q: int) -> None:
        if p * q != public_key.n:
            raise InvalidKeyError("p*q is not n; the primes do not belong to this public key")
        if p == q:
            raise InvalidKeyError("p equals q; the two primes must differ")
        self.public_key = public_key
        self.p, self.q = sorted((int(p), int(q)))

    def decrypt(self, encrypted_number: EncryptedNumber) -> int | float:
        """Decrypt and decode; errors as of `decrypt_many`."""
        return self.decrypt_many([encrypted_number])[0]

    def decrypt_many(self, numbers: Sequence[EncryptedNumber]) -> list[int | float]:
        """Decrypt and decode in one batch.

        Raises
        ------
        TypeError
            If one is no encrypted number.
        ValueError
            If one was encrypted for another key.
        OverflowError
            If one overflowed.
        """
        key = self.public_key
        encodings = self.raw_decrypt_many(numbers)
        return [
            decode(encoding, number.exponent, key.n, key.max_int)
            for encoding, number in zip(encodings, numbers, strict=True)
        ]

    def raw_decrypt_many(self, numbers: Sequence[EncryptedNumber]) -> list[int]:
        """Integers in [0, n) of encrypted numbers, in one batch."""
        key = self.public_key
        for number in numbers:
            if not isinstance(number, EncryptedNumber):
                raise UnsupportedOperationError(
                    f"decrypt takes encrypted numbers, not {type(number).__name__}"
                )
            if number.public_key.n != key.n:
                raise DifferentKeyError(
                    f"the number was encrypted for {number.public_key!r}, this is the private key of "
                    f"{key!r}"
                )
        waiting = [n._content for n in numbers if isinstance(n._content, deferred.Deferred)]
        deferred.compute(waiting, key.engine())
        residues = [int(number._value() % key.nsquare) for number in numbers]
        return key.engine().decrypt(self.p, self.q, residues)

    def raw_decrypt(self, ciphertext: int) -> int:
        """The integer in [0, n) of an integer mod n^2; TypeError if it is none."""
        if not is_integer(ciphertext):
            raise UnsupportedOperationError(
                f"raw_decrypt takes an integer, not {type(ciphertext).__name__}"
            )
        key = self.public_key
        return key.engine().decrypt(self.p, self.q, [int(ciphertext) % key.nsquare])[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PrivateKey) and (self.p, self.q) == (other.p, other.q)

    def __hash__(self) -> int:
        return hash((self.p, self.q))

    def __repr__(self) -> str:
        return f"<PaillierPrivateKey of {self.public_key!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if not self.shared_with_workers:
            raise UnsupportedOperationError(
                "a private key is not pickled: decrypt in the process that has it, or call "
                "install(share_private_key=True), which hands it to this party's worker processes"
            )
        return type(self), (self.public_key, self.p, self.q)


def generate_keypair(
    n_length: int = 2048,
    public_class: Any = PublicKey,
    private_class: type[PrivateKey] = PrivateKey,
) -> tuple[PublicKey, PrivateKey]:
    """Make a key pair: of Damgard, Jurik and Nielsen, which encrypt with short exponents.

    Raises
    ------
    InvalidKeyError
        If `n_length` is no integer, odd, below 256 or above 8192.
    """
    n_length = as_integer(n_length, "n_length", InvalidKeyError)
    key, private = generate_paillier_keypair(n_length, allow_insecure=True)
    public = restore_key(public_class, key.n, key.h)
    return public, private_class(public, *private._secret_factors())
