# SPDX-License-Identifier: Apache-2.0
"""Numbers as integers mod n with an exponent of base 16, in python-paillier's convention."""

from __future__ import annotations

import math
import operator
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar

from pyfate_gpu.errors import BoundError, EncodingError, UnsupportedOperationError
from pyfate_gpu.integrations.scalars.errors import OutOfRangeError
from pyfate_gpu.integrations.scalars.exponents import as_exponent, check_result, passes
from pyfate_gpu.integrations.scalars.numbers import widened

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
            If `scalar` is no such number and no `precision` is given, or a float of NumPy's with more
            digits than 64 bits hold.
        ValueError, OverflowError
            If it is beyond ``max_int``, not a number, or infinite.
        """
        scalar = widened(scalar)
        if isinstance(scalar, float) and not math.isfinite(scalar):
            kind = EncodingError if math.isnan(scalar) else OutOfRangeError
            raise kind(f"{scalar} cannot be encrypted; clean the data, numbers are finite")
        exponent = cls._exponent(scalar, precision)
        if max_exponent is not None:
            exponent = min(as_exponent(max_exponent), exponent)
        limit = public_key.max_int
        mantissa = cls._mantissa(scalar, exponent, limit)
        if mantissa is None or abs(mantissa) > limit:
            raise EncodingError(
                f"the number at exponent {exponent} is an integer beyond the {limit.bit_length()} bits "
                f"(n/3) that this key takes: use a longer key or less precision"
            )
        return cls(public_key, mantissa % public_key.n, exponent)

    @classmethod
    def _mantissa(cls, scalar: Any, exponent: int, limit: int) -> int | None:
        """The number as an integer at an exponent; None if it is too far beyond the limit to compute."""
        if isinstance(scalar, int | float):
            numerator, denominator = scalar.as_integer_ratio()
        else:
            numerator, denominator = Fraction(scalar).as_integer_ratio()
        if exponent > 0:
            return round(Fraction(numerator, denominator * cls.BASE**exponent))
        if passes(numerator, -exponent, limit * denominator, cls.BASE):
            return None
        quotient, rest = divmod(numerator * cls.BASE**-exponent if numerator else 0, denominator)
        up = 2 * rest > denominator or (2 * rest == denominator and quotient & 1)
        return int(quotient + up)

    @classmethod
    def _exponent(cls, scalar: Any, precision: float | None) -> int:
        """Exponent for a precision; without one, that which loses no bit of an integer or float."""
        if precision is not None:
            if not 0 < precision < math.inf:
                kind = OutOfRangeError if precision == math.inf else EncodingError
                raise kind(f"precision is {precision}; it must be above 0 and finite")
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
            If it lies in the middle third of [0, n), where only overflow leads, or the number is too
            large for a float.
        """
        n, limit = self.public_key.n, self.public_key.max_int
        mantissa, exponent = operator.index(self.encoding), as_exponent(self.exponent)
        if mantissa >= n:
            raise EncodingError(
                "the encoding is not below n; the number is corrupt or another key's"
            )
        if mantissa >= n - limit:
            mantissa -= n
        elif mantissa > limit:
            raise BoundError(
                "the decrypted number overflowed: it is beyond n/3; use a longer key, or fewer or "
                "smaller products"
            )
        if exponent >= 0:
            check_result(mantissa, exponent, self.BASE)
            return int(mantissa * self.BASE**exponent) if mantissa else 0
        if -exponent > n.bit_length() + 1100:  # below the smallest float whatever the mantissa
            return math.copysign(0.0, mantissa)
        try:
            return float(mantissa / self.BASE**-exponent)
        except OverflowError:
            raise BoundError(
                "the decrypted number is too large for a float; decrypt_encoded gives its integer"
            ) from None

    def decrease_exponent_to(self: Encoded, new_exp: int) -> Encoded:
        """The same number with a smaller exponent.

        Raises
        ------
        ValueError
            If `new_exp` is greater than the exponent, or the encoded integer would pass the key, which
            python-paillier does not notice.
        """
        digits = digits_between(self.exponent, new_exp)
        n, limit = self.public_key.n, self.public_key.max_int
        encoding = operator.index(self.encoding)
        signed = encoding - n if encoding > n // 2 else encoding
        if digits and signed:
            far = passes(signed, digits, limit, self.BASE)
            signed = limit + 1 if far else signed * self.BASE**digits
            if abs(signed) > limit:
                raise OutOfRangeError(
                    f"at exponent {new_exp} the encoded integer passes the {limit.bit_length()} bits "
                    f"(n/3) of this key: use a longer key or a greater exponent"
                )
        return type(self)(self.public_key, signed % n, int(new_exp))


def digits_between(exponent: int, new_exp: int) -> int:
    """How far an exponent is lowered; raise if it would grow."""
    digits = as_exponent(exponent) - as_exponent(new_exp)
    if digits < 0:
        raise EncodingError(
            f"the exponent is {exponent} and cannot become {new_exp}: only a smaller one keeps "
            f"every digit"
        )
    return digits
