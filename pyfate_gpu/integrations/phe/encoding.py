# SPDX-License-Identifier: Apache-2.0
"""Numbers as integers mod n with an exponent of base 16, in python-paillier's convention."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import BoundError, EncodingError, UnsupportedOperationError

if TYPE_CHECKING:
    from pyfate_gpu.integrations.phe.public_key import PaillierPublicKey

Encoded = TypeVar("Encoded", bound="EncodedNumber")


class EncodedNumber:
    """The number ``encoding * BASE**exponent``, negative ones as n minus their size.

    Parameters
    ----------
    public_key : PaillierPublicKey
    encoding : int
        In [0, n).
    exponent : int
        Public: it tells the magnitude of a float, unless `encode` got a `precision`.
    """

    BASE = 16
    LOG2_BASE = math.log(BASE, 2)
    FLOAT_MANTISSA_BITS = 53

    def __init__(self, public_key: PaillierPublicKey, encoding: int, exponent: int) -> None:
        self.public_key = public_key
        self.encoding = encoding
        self.exponent = exponent

    @classmethod
    def encode(
        cls: type[Encoded],
        public_key: PaillierPublicKey,
        scalar: Any,
        precision: float | None = None,
        max_exponent: int | None = None,
    ) -> Encoded:
        """Encode an integer or float, also of NumPy, exactly unless `precision` is given.

        Parameters
        ----------
        scalar : int, float, NumPy integer or floating
        precision : float, optional
            Keep the value to within this; the exponent depends on it alone.
        max_exponent : int, optional
            The exponent is at most this.

        Raises
        ------
        TypeError
            If `scalar` is no such number and no `precision` is given.
        ValueError, OverflowError
            If it is beyond ``max_int``, not a number, or infinite.
        """
        mantissa, exponent = cls._mantissa(scalar, precision, max_exponent)
        if abs(mantissa) > public_key.max_int:
            raise EncodingError(
                f"the encoded integer has {mantissa.bit_length()} bits; this key takes at most "
                f"{public_key.max_int.bit_length()} (n/3): use a longer key or less precision"
            )
        return cls(public_key, mantissa % public_key.n, exponent)

    @classmethod
    def _mantissa(
        cls, scalar: Any, precision: float | None, max_exponent: int | None
    ) -> tuple[int, int]:
        """Signed integer and exponent of a number."""
        if is_integer(scalar):
            scalar = int(scalar)
        elif isinstance(scalar, np.floating):
            scalar = float(scalar)
        if isinstance(scalar, float) and not math.isfinite(scalar):
            kind = EncodingError if math.isnan(scalar) else BoundError
            raise kind(f"{scalar} cannot be encrypted; clean the data, numbers are finite")
        exponent = cls._exponent(scalar, precision)
        if max_exponent is not None:
            exponent = min(max_exponent, exponent)
        if exponent <= 0 and isinstance(scalar, int | float):
            numerator, denominator = scalar.as_integer_ratio()
            mantissa, rest = divmod(numerator * cls.BASE**-exponent, denominator)
            if not rest:
                return mantissa, exponent
        return round(Fraction(scalar) * Fraction(cls.BASE) ** -exponent), exponent

    @classmethod
    def _exponent(cls, scalar: Any, precision: float | None) -> int:
        """Exponent for a precision; without one, that which loses no bit of an integer or float."""
        if precision is not None:
            if not 0 < precision < math.inf:
                raise EncodingError(f"precision is {precision}; it must be above 0 and finite")
            return math.floor(math.log(precision, cls.BASE))
        if isinstance(scalar, int):
            return 0
        if isinstance(scalar, float):
            last_bit = math.frexp(scalar)[1] - cls.FLOAT_MANTISSA_BITS
            return math.floor(last_bit / cls.LOG2_BASE)
        raise UnsupportedOperationError(
            f"a {type(scalar).__name__} has no known precision; pass an int, a float or precision="
        )

    def decode(self) -> int | float:
        """The number: int if the exponent is not negative, float otherwise.

        Raises
        ------
        ValueError
            If the encoding is not below n.
        OverflowError
            If it lies in the middle third of [0, n), where only overflow leads.
        """
        n, limit = self.public_key.n, self.public_key.max_int
        if self.encoding >= n:
            raise EncodingError(
                "the encoding is not below n; the number is corrupt or another key's"
            )
        if self.encoding <= limit:
            mantissa = self.encoding
        elif self.encoding >= n - limit:
            mantissa = self.encoding - n
        else:
            raise BoundError(
                "the decrypted number overflowed: it is beyond n/3; use a longer key, or fewer or "
                "smaller products"
            )
        if self.exponent >= 0:
            return int(mantissa * self.BASE**self.exponent)
        return float(mantissa / self.BASE**-self.exponent)

    def decrease_exponent_to(self: Encoded, new_exp: int) -> Encoded:
        """The same number with a smaller exponent.

        Raises
        ------
        ValueError
            If `new_exp` is greater than the exponent.
        """
        factor = scale_between(self.exponent, new_exp, self.BASE)
        return type(self)(self.public_key, self.encoding * factor % self.public_key.n, new_exp)


def scale_between(exponent: int, new_exp: int, base: int) -> int:
    """Return ``base**(exponent - new_exp)``; raise if the exponent would grow."""
    if new_exp > exponent:
        raise EncodingError(
            f"the exponent is {exponent} and cannot become {new_exp}: only a smaller one keeps "
            f"every digit"
        )
    return int(base ** (exponent - new_exp))
