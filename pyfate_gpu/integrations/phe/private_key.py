# SPDX-License-Identifier: Apache-2.0
"""The private key of python-paillier's interface."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

import gmpy2
import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import InvalidKeyError, UnsupportedOperationError
from pyfate_gpu.integrations.phe.encoding import EncodedNumber
from pyfate_gpu.integrations.phe.encrypted_number import (
    EncryptedNumber,
    residues,
    same_container,
)
from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey
from pyfate_gpu.integrations.scalars.errors import DifferentKeyError


class PaillierPrivateKey:
    """Decrypts.

    Parameters
    ----------
    public_key : PaillierPublicKey
    p, q : int
        Its primes; kept in ascending order.

    Raises
    ------
    InvalidKeyError
        (a ValueError) if ``p * q != n`` or ``p == q``.
    TypeError
        If `public_key` is no key of this module.
    """

    def __init__(self, public_key: PaillierPublicKey, p: int, q: int) -> None:
        if not isinstance(public_key, PaillierPublicKey):
            raise UnsupportedOperationError(
                f"the public key is a {type(public_key).__module__}.{type(public_key).__name__}; it "
                f"must be a PaillierPublicKey of this module: make one of its n"
            )
        if p * q != public_key.n:
            raise InvalidKeyError("p*q is not n; the primes do not belong to this public key")
        if p == q:
            raise InvalidKeyError("p equals q; the two primes must differ")
        self.public_key = public_key
        self.p, self.q = sorted((int(p), int(q)))

    @staticmethod
    def from_totient(public_key: PaillierPublicKey, totient: int) -> PaillierPrivateKey:
        """The private key from ``(p - 1)(q - 1)``.

        Raises
        ------
        InvalidKeyError
            If that is not the totient of n.
        """
        # p and q are the roots of x^2 - (n + 1 - totient) x + n.
        total = public_key.n + 1 - totient
        square = total * total - 4 * public_key.n
        if square <= 0 or not gmpy2.is_square(square):
            raise InvalidKeyError("the totient does not belong to this public key")
        p = (total + int(gmpy2.isqrt(square))) // 2
        return PaillierPrivateKey(public_key, p, total - p)

    def decrypt(self, encrypted_number: EncryptedNumber) -> int | float:
        """Decrypt and decode.

        Raises
        ------
        TypeError
            If it is no EncryptedNumber.
        ValueError
            If it was encrypted for another key.
        OverflowError
            If the number overflowed.
        """
        return self.decrypt_encoded(encrypted_number).decode()

    def decrypt_encoded(
        self, encrypted_number: EncryptedNumber, Encoding: type[EncodedNumber] | None = None
    ) -> EncodedNumber:
        """Decrypt, and leave the number encoded: as it was, or as `Encoding` says."""
        return self._decrypt_encoded([encrypted_number], Encoding)[0]

    def decrypt_many(
        self, encrypted_numbers: Iterable[EncryptedNumber] | npt.NDArray[np.object_]
    ) -> Any:
        """Decrypt many numbers in one batch: a list, or an object array of the shape of an array."""
        array = encrypted_numbers
        flat = array.ravel().tolist() if isinstance(array, np.ndarray) else list(array)
        decoded = [each.decode() for each in self._decrypt_encoded(flat)]
        return same_container(decoded, array)

    def raw_decrypt(self, ciphertext: int) -> int:
        """The plaintext in [0, n) of an integer.

        Raises
        ------
        TypeError
            If `ciphertext` is no integer.
        """
        if not isinstance(ciphertext, int):
            raise UnsupportedOperationError(
                f"raw_decrypt takes an integer, not {type(ciphertext).__name__}"
            )
        return self._decrypt([ciphertext % self.public_key.nsquare])[0]

    def _decrypt_encoded(
        self, numbers: list[EncryptedNumber], encoding: type[EncodedNumber] | None = None
    ) -> list[EncodedNumber]:
        for number in numbers:
            if not isinstance(number, EncryptedNumber):
                raise UnsupportedOperationError(
                    f"decrypt takes EncryptedNumber, not {type(number).__name__}"
                )
            if number.public_key != self.public_key:
                raise DifferentKeyError(
                    f"the number was encrypted for {number.public_key!r}, this is the private key "
                    f"of {self.public_key!r}"
                )
        plaintexts = self._decrypt(residues(numbers))
        return [
            (encoding or number._encoding)(self.public_key, plaintext, number.exponent)
            for plaintext, number in zip(plaintexts, numbers, strict=True)
        ]

    def _decrypt(self, ciphertexts: list[int]) -> list[int]:
        return self.public_key.engine().decrypt(self.p, self.q, ciphertexts)

    def __repr__(self) -> str:
        return f"<PaillierPrivateKey for {self.public_key!r}>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PaillierPrivateKey) and (self.p, self.q) == (other.p, other.q)

    def __hash__(self) -> int:
        return hash((self.p, self.q))

    def __reduce__(self) -> NoReturn:
        raise UnsupportedOperationError(
            "a private key is never pickled; write p and q yourself, or private_to_jwk(...), to a "
            "place that only you can read"
        )
