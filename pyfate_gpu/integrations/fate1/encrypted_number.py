# SPDX-License-Identifier: Apache-2.0
"""One encrypted number with its exponent, in FATE 1's convention."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import EncodingError, UnsupportedOperationError
from pyfate_gpu.integrations.fate1.encoding import encode
from pyfate_gpu.integrations.scalars import deferred
from pyfate_gpu.integrations.scalars.errors import DifferentKeyError
from pyfate_gpu.integrations.scalars.exponents import alignment, as_exponent
from pyfate_gpu.integrations.scalars.numbers import reciprocal

if TYPE_CHECKING:
    from pyfate_gpu.integrations.fate1.keys import PublicKey

Self = TypeVar("Self", bound="EncryptedNumber")


class EncryptedNumber:
    """A ciphertext of a number; ``+ -`` with numbers of either kind, ``* /`` with plain ones.

    Products and the sums made of them are computed when their value is wanted, all terms in one
    call; the value is the one FATE computes.

    Parameters
    ----------
    public_key : PublicKey
    ciphertext : int
    exponent : int
    """

    public_key: PublicKey
    exponent: int

    def __init__(self, public_key: PublicKey, ciphertext: int, exponent: int = 0) -> None:
        if not is_integer(ciphertext):
            raise UnsupportedOperationError(
                f"the ciphertext is a {type(ciphertext).__name__}; it must be an integer"
            )
        if not hasattr(public_key, "number_class"):
            raise UnsupportedOperationError(
                f"the public key is a {type(public_key).__module__}.{type(public_key).__name__}, none "
                f"of this module's; call install() before keys are made"
            )
        self._set(public_key, deferred.integer(ciphertext), as_exponent(exponent))

    def _set(self, public_key: PublicKey, content: Any, exponent: int, fresh: bool = False) -> None:
        self.public_key = public_key
        self.exponent = exponent
        self._content = content
        self._fresh = fresh

    @classmethod
    def _make(
        cls: type[Self], public_key: PublicKey, content: Any, exponent: int, fresh: bool = False
    ) -> Self:
        """From what `deferred` returns; `fresh` if its randomness is new and of this number alone."""
        number = cls.__new__(cls)
        number._set(public_key, content, exponent, fresh)
        return number

    def ciphertext(self, be_secure: bool = True) -> int:
        """The ciphertext as integer, blinded first if this is a result of operations."""
        if be_secure and not self._fresh:
            self.apply_obfuscator()
        return int(self._value())

    def apply_obfuscator(self) -> None:
        """Blind the ciphertext in place with fresh randomness."""
        factor = self.public_key.random_factor()
        self._content = self._value() * factor % self.public_key.nsquare
        self._fresh = True

    def increase_exponent_to(self: Self, new_exponent: int) -> Self:
        """The same number with a greater exponent.

        Raises
        ------
        ValueError
            If `new_exponent` is less than the exponent, or so great that the number would pass the key.
        """
        digits = as_exponent(new_exponent) - self.exponent
        if digits < 0:
            raise EncodingError(
                f"the exponent is {self.exponent} and cannot become {new_exponent}: only a greater "
                f"one keeps every digit"
            )
        factor = alignment(digits, self.public_key.max_int)
        return self._scaled(factor, int(new_exponent))

    def __add__(self: Self, other: Any) -> Self:
        if isinstance(other, np.ndarray):
            return NotImplemented
        if isinstance(other, EncryptedNumber):
            if other.public_key.n != self.public_key.n:
                raise DifferentKeyError("the numbers were encrypted for different keys")
            return self._plus(other._content, other.exponent)
        key = self.public_key
        encoding, exponent = encode(other, key.n, key.max_int, least_exponent=self.exponent)
        return self._plus(deferred.integer(1 + encoding * key.n), exponent)

    __radd__ = __add__

    def __mul__(self: Self, other: Any) -> Self:
        if isinstance(other, EncryptedNumber):
            raise UnsupportedOperationError(
                "Paillier cannot multiply two ciphertexts; one factor must be a plain number"
            )
        if isinstance(other, np.ndarray):
            return NotImplemented
        key = self.public_key
        factor, exponent = encode(other, key.n, key.max_int)
        if factor >= key.n - key.max_int:
            factor -= key.n
        return self._scaled(factor, self.exponent + exponent)

    __rmul__ = __mul__

    def __sub__(self: Self, other: Any) -> Self:
        if isinstance(other, np.ndarray):
            return NotImplemented
        if not isinstance(other, EncryptedNumber):
            key = self.public_key
            encoding, exponent = encode(other, key.n, key.max_int, least_exponent=self.exponent)
            return self._plus(deferred.integer(1 + -encoding % key.n * key.n), exponent)
        return self.__add__(other.__mul__(-1))

    def __rsub__(self: Self, other: Any) -> Self:
        return self.__mul__(-1).__add__(other)

    def __truediv__(self: Self, scalar: Any) -> Self:
        if isinstance(scalar, np.ndarray):
            return NotImplemented
        return self.__mul__(reciprocal(scalar))

    def _plus(self: Self, content: Any, exponent: int) -> Self:
        higher, limit = max(self.exponent, exponent), self.public_key.max_int
        total = deferred.add(
            self._content,
            alignment(higher - self.exponent, limit),
            content,
            alignment(higher - exponent, limit),
            self.public_key.engine(),
        )
        return self._make(self.public_key, total, higher)

    def _scaled(self: Self, factor: int, exponent: int) -> Self:
        product = deferred.multiply(self._content, factor, self.public_key.engine())
        return self._make(self.public_key, product, exponent)

    def _value(self) -> Any:
        if isinstance(self._content, deferred.Deferred):
            self._content = self._content.value(self.public_key.engine())
        return self._content

    def __setstate__(self, state: Any) -> None:
        raise UnsupportedOperationError(
            "this is a pickle of FATE's own class; encrypt again, or read it where FATE's classes are "
            "and pass PaillierEncryptedNumber(key, number.ciphertext(), number.exponent)"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the blinded ciphertext: a pickle goes to another process, or to others."""
        key = self.public_key
        return restore_number, (type(self), key, self.ciphertext(), self.exponent)


def restore_number(
    cls: type[EncryptedNumber], public_key: PublicKey, ciphertext: int, exponent: int
) -> EncryptedNumber:
    """A number of its pickle; blinded already."""
    return cls._make(public_key, deferred.integer(ciphertext), exponent, fresh=True)
