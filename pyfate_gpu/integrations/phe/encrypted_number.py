# SPDX-License-Identifier: Apache-2.0
"""One encrypted number with its exponent, in python-paillier's interface."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import EncodingError, UnsupportedOperationError
from pyfate_gpu.integrations.phe.encoding import EncodedNumber, digits_between
from pyfate_gpu.integrations.scalars import deferred
from pyfate_gpu.integrations.scalars.errors import DifferentKeyError
from pyfate_gpu.integrations.scalars.exponents import alignment, as_exponent
from pyfate_gpu.integrations.scalars.numbers import reciprocal

if TYPE_CHECKING:
    from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey

Encoding = type[EncodedNumber]


class EncryptedNumber:
    """A ciphertext of a number; ``+ -`` with numbers of either kind, ``* /`` with plain ones.

    Products and the sums made of them are computed when their value is wanted, all terms in one
    call; the value is the one python-paillier computes. A number that was encoded by a subclass of
    `EncodedNumber` keeps it: operands are encoded and exponents aligned in its base.

    Parameters
    ----------
    public_key : PaillierPublicKey
    ciphertext : int
    exponent : int

    Raises
    ------
    TypeError
        If one of them is something else.
    """

    def __init__(self, public_key: PaillierPublicKey, ciphertext: int, exponent: int = 0) -> None:
        if not is_integer(ciphertext):
            raise UnsupportedOperationError(
                f"the ciphertext is a {type(ciphertext).__name__}; it must be an integer"
            )
        from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey

        if not isinstance(public_key, PaillierPublicKey):
            raise UnsupportedOperationError(
                f"the public key is a {type(public_key).__module__}.{type(public_key).__name__}; it "
                f"must be a PaillierPublicKey of this module: make one of its n"
            )
        self._set(public_key, deferred.integer(ciphertext), as_exponent(exponent))

    def _set(
        self,
        public_key: PaillierPublicKey,
        content: Any,
        exponent: int,
        fresh: bool = False,
        encoding: Encoding = EncodedNumber,
    ) -> None:
        self.public_key = public_key
        self.exponent = exponent
        self._encoding = encoding
        self._content = content
        self.__is_obfuscated = fresh

    @classmethod
    def _make(
        cls,
        public_key: PaillierPublicKey,
        content: Any,
        exponent: int,
        fresh: bool = False,
        encoding: Encoding = EncodedNumber,
    ) -> EncryptedNumber:
        """From what `deferred` returns; `fresh` if its randomness is new and of this number alone."""
        number = cls.__new__(cls)
        number._set(public_key, content, exponent, fresh, encoding)
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
            If `new_exp` is greater than the exponent, or so small that the number would pass the key.
        """
        digits = digits_between(self.exponent, new_exp)
        factor = alignment(digits, self.public_key.max_int, self._encoding.BASE)
        return self._scaled(factor, int(new_exp), self._encoding)

    def __add__(self, other: Any) -> EncryptedNumber:
        if isinstance(other, EncryptedNumber):
            self._check_key(other)
            encoding = self._common(other._encoding, other.exponent)
            return self._plus(other._content, other.exponent, encoding)
        if isinstance(other, np.ndarray):
            return NotImplemented
        if not isinstance(other, EncodedNumber):
            other = self._encoding.encode(self.public_key, other, max_exponent=self.exponent)
        self._check_key(other)
        encoding = self._common(type(other), other.exponent)
        lower = min(self.exponent, as_exponent(other.exponent))
        # In the base that both have; of another one it may be an integer, whose exponent is 0.
        plain = encoding(other.public_key, other.encoding, other.exponent).decrease_exponent_to(
            lower
        )
        content = deferred.integer(1 + plain.encoding * self.public_key.n)
        return self._plus(content, lower, encoding)

    __radd__ = __add__

    def __mul__(self, other: Any) -> EncryptedNumber:
        if isinstance(other, EncryptedNumber):
            raise NotImplementedError(
                "Paillier cannot multiply two ciphertexts; one factor must be a plain number"
            )
        if isinstance(other, np.ndarray):
            return NotImplemented
        if isinstance(other, EncodedNumber):
            return self._times(other)
        n, encoded = self.public_key.n, self._encoding.encode(self.public_key, other)
        signed = encoded.encoding
        signed = signed - n if signed >= n - self.public_key.max_int else signed
        return self._scaled(signed, self.exponent + encoded.exponent, self._encoding)

    def _times(self, encoded: EncodedNumber) -> EncryptedNumber:
        """The product with an encoded number, which may come from anybody."""
        self._check_key(encoded)
        n, factor = self.public_key.n, encoded.encoding
        if not is_integer(factor):
            raise UnsupportedOperationError(
                f"the encoding is a {type(factor).__name__}; it must be an integer"
            )
        if not 0 <= factor < n:
            raise EncodingError("the encoding is outside [0, n); it is corrupt or another key's")
        signed = int(factor) - n if factor >= n - self.public_key.max_int else int(factor)
        encoding = self._common(type(encoded), encoded.exponent)
        return self._scaled(signed, self.exponent + as_exponent(encoded.exponent), encoding)

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> EncryptedNumber:
        if isinstance(other, np.ndarray):
            return NotImplemented
        if isinstance(other, EncodedNumber):
            raise UnsupportedOperationError(
                "an EncodedNumber is added to, or multiplied by, a ciphertext, and not subtracted from "
                "it, as in python-paillier; encode the negated number and add that"
            )
        if not isinstance(other, EncryptedNumber):
            encoded = self._encoding.encode(self.public_key, other, max_exponent=self.exponent)
            encoded.encoding = -encoded.encoding % self.public_key.n
            return self.__add__(encoded)
        return self.__add__(other.__mul__(-1))

    def __rsub__(self, other: Any) -> EncryptedNumber:
        return self.__mul__(-1).__add__(other)

    def __truediv__(self, scalar: Any) -> EncryptedNumber:
        if isinstance(scalar, np.ndarray):
            return NotImplemented
        return self.__mul__(reciprocal(scalar))

    def _common(self, encoding: Encoding, exponent: int) -> Encoding:
        """The encoding of a result with another operand: one base, or one of them is an integer."""
        if encoding.BASE == self._encoding.BASE or exponent == 0:
            return self._encoding
        if self.exponent == 0:
            return encoding
        raise UnsupportedOperationError(
            f"the numbers have exponents of base {self._encoding.BASE} and {encoding.BASE}; encode both "
            f"in one base"
        )

    def _plus(self, content: Any, exponent: int, encoding: Encoding) -> EncryptedNumber:
        lower, limit = min(self.exponent, exponent), self.public_key.max_int
        total = deferred.add(
            self._content,
            alignment(self.exponent - lower, limit, encoding.BASE),
            content,
            alignment(exponent - lower, limit, encoding.BASE),
            self.public_key.engine(),
        )
        return EncryptedNumber._make(self.public_key, total, lower, encoding=encoding)

    def _scaled(self, factor: int, exponent: int, encoding: Encoding) -> EncryptedNumber:
        product = deferred.multiply(self._content, factor, self.public_key.engine())
        return EncryptedNumber._make(self.public_key, product, exponent, encoding=encoding)

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
        kept = () if self._encoding is EncodedNumber else (self._encoding,)
        return _restore, (self.public_key, self.ciphertext(), self.exponent, *kept)


def _restore(
    public_key: PaillierPublicKey,
    ciphertext: int,
    exponent: int,
    encoding: Encoding = EncodedNumber,
) -> EncryptedNumber:
    content = deferred.integer(ciphertext)
    return EncryptedNumber._make(public_key, content, exponent, encoding=encoding)


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
