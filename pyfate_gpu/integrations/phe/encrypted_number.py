# SPDX-License-Identifier: Apache-2.0
"""One encrypted number with its exponent, in python-paillier's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import EncodingError, UnsupportedOperationError
from pyfate_gpu.integrations.phe.encoding import EncodedNumber, scale_between
from pyfate_gpu.integrations.scalars import deferred
from pyfate_gpu.integrations.scalars.errors import DifferentKeyError
from pyfate_gpu.integrations.scalars.exponents import alignment

if TYPE_CHECKING:
    from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey


class EncryptedNumber:
    """A ciphertext of a number; ``+ -`` with numbers of either kind, ``* /`` with plain ones.

    Products and the sums made of them are computed when their value is wanted, all terms in one
    call; the value is the one python-paillier computes.

    Parameters
    ----------
    public_key : PaillierPublicKey
    ciphertext : int
    exponent : int
    """

    def __init__(self, public_key: PaillierPublicKey, ciphertext: int, exponent: int = 0) -> None:
        if not is_integer(ciphertext):
            raise UnsupportedOperationError(
                f"the ciphertext is a {type(ciphertext).__name__}; it must be an integer"
            )
        self.public_key = public_key
        self.exponent = exponent
        self._content: Any = deferred.integer(ciphertext)
        self.__is_obfuscated = False

    @classmethod
    def _make(
        cls, public_key: PaillierPublicKey, content: Any, exponent: int, fresh: bool = False
    ) -> EncryptedNumber:
        """From what `deferred` returns; `fresh` if its randomness is new and of this number alone."""
        number = cls(public_key, 0, exponent)
        number._content = deferred.integer(content) if isinstance(content, int) else content
        number.__is_obfuscated = fresh
        return number

    def ciphertext(self, be_secure: bool = True) -> int:
        """The ciphertext as integer, blinded first if this is a result of operations.

        Parameters
        ----------
        be_secure : bool
            False for a result that stays here: without fresh randomness it tells what was computed.
        """
        if be_secure and not self.__is_obfuscated:
            self.obfuscate()
        return int(self._value())

    def obfuscate(self) -> None:
        """Blind the ciphertext in place with fresh randomness."""
        factor = self.public_key.random_factor()
        self._content = self._value() * factor % self.public_key.nsquare
        self.__is_obfuscated = True

    def decrease_exponent_to(self, new_exp: int) -> EncryptedNumber:
        """The same number with a smaller exponent.

        Raises
        ------
        ValueError
            If `new_exp` is greater than the exponent.
        """
        factor = scale_between(self.exponent, new_exp, EncodedNumber.BASE)
        return self._scaled(factor, new_exp)

    def __add__(self, other: Any) -> EncryptedNumber:
        if isinstance(other, EncryptedNumber):
            self._check_key(other)
            return self._plus(other._content, other.exponent)
        if isinstance(other, np.ndarray):
            return NotImplemented
        if not isinstance(other, EncodedNumber):
            other = EncodedNumber.encode(self.public_key, other, max_exponent=self.exponent)
        self._check_key(other)
        exponent = min(self.exponent, other.exponent)
        plain = other.decrease_exponent_to(exponent).encoding
        return self._plus(deferred.integer(1 + plain * self.public_key.n), exponent)

    __radd__ = __add__

    def __mul__(self, other: Any) -> EncryptedNumber:
        if isinstance(other, EncryptedNumber):
            raise NotImplementedError(
                "Paillier cannot multiply two ciphertexts; one factor must be a plain number"
            )
        if isinstance(other, np.ndarray):
            return NotImplemented
        if not isinstance(other, EncodedNumber):
            other = EncodedNumber.encode(self.public_key, other)
        self._check_key(other)
        n, factor = self.public_key.n, other.encoding
        if not 0 <= factor < n:
            raise EncodingError("the encoding is outside [0, n); it is corrupt or another key's")
        if factor >= n - self.public_key.max_int:
            factor -= n
        return self._scaled(factor, self.exponent + other.exponent)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> EncryptedNumber:
        if isinstance(other, np.ndarray):
            return NotImplemented
        if not isinstance(other, EncryptedNumber | EncodedNumber):
            other = EncodedNumber.encode(self.public_key, other, max_exponent=self.exponent)
        if isinstance(other, EncodedNumber):
            encoding = -other.encoding % other.public_key.n
            return self.__add__(EncodedNumber(other.public_key, encoding, other.exponent))
        return self.__add__(other.__mul__(-1))

    def __rsub__(self, other: Any) -> EncryptedNumber:
        return self.__mul__(-1).__add__(other)

    def __truediv__(self, scalar: Any) -> EncryptedNumber:
        return self.__mul__(1 / scalar)

    def _plus(self, content: Any, exponent: int) -> EncryptedNumber:
        lower, n = min(self.exponent, exponent), self.public_key.n
        total = deferred.add(
            self._content,
            alignment(self.exponent - lower, n),
            content,
            alignment(exponent - lower, n),
            self.public_key.engine(),
        )
        return EncryptedNumber._make(self.public_key, total, lower)

    def _scaled(self, factor: int, exponent: int) -> EncryptedNumber:
        product = deferred.multiply(self._content, factor, self.public_key.engine())
        return EncryptedNumber._make(self.public_key, product, exponent)

    def _value(self) -> Any:
        if isinstance(self._content, deferred.Deferred):
            self._content = self._content.value(self.public_key.engine())
        return self._content

    def _check_key(self, other: EncryptedNumber | EncodedNumber) -> None:
        if other.public_key != self.public_key:
            raise DifferentKeyError(
                f"the numbers belong to different keys, {self.public_key!r} and "
                f"{other.public_key!r}"
            )

    def __setstate__(self, state: Any) -> None:
        raise UnsupportedOperationError(
            "this is a pickle of python-paillier's own class, read after install(); carry "
            "str(number.ciphertext()) and number.exponent over, as its documentation does"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the blinded ciphertext: a pickle goes to another process, or to others."""
        return _restore, (self.public_key, self.ciphertext(), self.exponent)


def _restore(public_key: PaillierPublicKey, ciphertext: int, exponent: int) -> EncryptedNumber:
    return EncryptedNumber(public_key, ciphertext, exponent)


def residues(numbers: Sequence[EncryptedNumber]) -> list[int]:
    """Ciphertexts of one key as they are; what is still to compute is computed together."""
    waiting = [n._content for n in numbers if isinstance(n._content, deferred.Deferred)]
    if waiting:
        deferred.compute(waiting, numbers[0].public_key.engine())
    modulus = numbers[0].public_key.nsquare if numbers else 1
    return [int(number._value() % modulus) for number in numbers]


def same_container(items: list[Any], like: Any) -> Any:
    """A list, or for an array an object array of its shape."""
    if not isinstance(like, np.ndarray):
        return items
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array.reshape(like.shape)
