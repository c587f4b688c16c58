# SPDX-License-Identifier: Apache-2.0
"""FATE 1's numbers: ``significand * 16**-exponent``, negative ones as n minus their size.

Exponents count hexadecimal digits behind the point, and aligning two numbers increases the smaller
one. Unlike python-paillier's, floats of an odd number of bits lose the last three of them.
"""

from __future__ import annotations

import math
import operator
from typing import Any

from pyfate_gpu.errors import BoundError, EncodingError, UnsupportedOperationError
from pyfate_gpu.integrations.scalars.errors import OutOfRangeError
from pyfate_gpu.integrations.scalars.exponents import as_exponent, passes
from pyfate_gpu.integrations.scalars.numbers import widened

BASE = 16
BITS = 4
MANTISSA_BITS = 53
SMALLEST = 1e-200
"""What is smaller counts as 0, as in FATE."""
LARGEST_FLOAT_BITS = 1024


def plain(value: Any) -> int | float:
    """A Python number of Python's, NumPy's or FATE's FixedPointNumber, whatever base a subclass has.

    Raises
    ------
    TypeError
        If it is something else, or a float of NumPy's with more digits than 64 bits hold.
    """
    if any(kind.__name__ == "FixedPointNumber" for kind in type(value).__mro__):
        value = value.decode()
    number = widened(value)
    if isinstance(number, int | float):
        return int(number) if isinstance(number, bool) else number
    raise UnsupportedOperationError(
        f"a {type(value).__name__} has no known precision; pass an int or a float"
    )


def encode(
    value: Any,
    n: int,
    max_int: int,
    precision: float | None = None,
    least_exponent: int | None = None,
) -> tuple[int, int]:
    """Integer in [0, n) and exponent of a number.

    Parameters
    ----------
    precision : float, optional
        The exponent depends on this alone.
    least_exponent : int, optional
        The exponent is at least this.

    Raises
    ------
    ValueError
        If the number is beyond `max_int`, or not a number.
    OverflowError
        If it is infinite, or at its exponent beyond what a float holds, where FATE computes with floats.
    TypeError
        If it is no number.

    Examples
    --------
    >>> encode(0.5, 10**40, 10**39), encode(-3, 10**6, 10**5)
    ((2251799813685248, 13), (999997, 0))
    """
    number = plain(value)
    if isinstance(number, float) and not math.isfinite(number):
        kind = EncodingError if math.isnan(number) else OutOfRangeError
        raise kind(f"{number} cannot be encoded; clean the data, numbers are finite")
    if abs(number) < SMALLEST:
        number = 0
    if precision is not None:
        exponent = _exponent_of(precision)
    elif isinstance(number, int):
        exponent = 0
    else:
        exponent = (MANTISSA_BITS - math.frexp(number)[1]) // BITS
    if least_exponent is not None:
        exponent = max(exponent, as_exponent(least_exponent))
    if isinstance(number, int) and passes(number, exponent, max_int, BASE):
        significand = max_int + 1
    else:
        significand = _scaled(number, exponent)
    if abs(significand) > max_int:
        raise EncodingError(
            f"the number at exponent {exponent} is an integer beyond the {max_int.bit_length()} bits "
            f"(n/3) that this key takes: use a longer key or less precision"
        )
    return significand % n, exponent


def decode(encoding: int, exponent: int, n: int, max_int: int) -> int | float:
    """The number: int if the exponent is 0 or less, float otherwise.

    Raises
    ------
    ValueError
        If the encoding is not below n.
    OverflowError
        If it lies in the middle third of [0, n), where only overflow leads, or is of a size that FATE,
        which computes with floats here, cannot take.
    """
    significand, exponent = operator.index(encoding), as_exponent(exponent)
    if significand >= n:
        raise EncodingError("the encoding is not below n; the number is corrupt or another key's")
    if significand >= n - max_int:
        significand -= n
    elif significand > max_int:
        raise BoundError(
            "the decrypted number overflowed: it is beyond n/3; use a longer key, or fewer or smaller "
            "products"
        )
    if BITS * abs(exponent) > 2 * n.bit_length():
        raise BoundError(
            f"the exponent is {exponent}; a key of {n.bit_length()} bits has none so far from 0: it is "
            f"corrupt or foreign"
        )
    if exponent <= 0:
        return significand << -BITS * exponent
    try:
        float(significand)
    except OverflowError:
        raise BoundError(
            f"the decrypted number has {significand.bit_length()} bits and exponent {exponent}, which "
            f"FATE cannot decode either; take fewer products, or raw_decrypt"
        ) from None
    return float(significand / (1 << BITS * exponent))


def _exponent_of(precision: float) -> int:
    if not 0 < precision < math.inf:
        kind = OutOfRangeError if precision == math.inf else EncodingError
        raise kind(f"precision is {precision}; it must be above 0 and finite")
    return math.floor(math.log(precision, BASE))


def _scaled(number: int | float, exponent: int) -> int:
    """``number * 16**exponent``, rounded; exact for integers."""
    if isinstance(number, int) and exponent >= 0:
        return number << BITS * exponent if number else 0
    if isinstance(number, float):
        size = math.frexp(number)[1] + BITS * exponent
        if max(size, BITS * exponent + 1) > LARGEST_FLOAT_BITS:
            raise OutOfRangeError(
                f"a float at exponent {exponent}, as the other operand has it, would have {size} bits, and "
                f"FATE's have at most {LARGEST_FLOAT_BITS}: take fewer products before adding it"
            )
    numerator, denominator = number.as_integer_ratio()
    if exponent >= 0:
        numerator <<= BITS * exponent
    else:
        denominator <<= -BITS * exponent
    quotient, rest = divmod(numerator, denominator)
    up = 2 * rest > denominator or (2 * rest == denominator and quotient & 1)
    return quotient + int(up)
