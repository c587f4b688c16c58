# SPDX-License-Identifier: Apache-2.0
"""FATE 1's numbers: ``significand * 16**-exponent``, negative ones as n minus their size.

Exponents count hexadecimal digits behind the point, and aligning two numbers increases the smaller
one. Unlike python-paillier's, floats of an odd number of bits lose the last three of them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import BoundError, EncodingError, UnsupportedOperationError
from pyfate_gpu.integrations.scalars.exponents import alignment

BASE = 16
BITS = 4
MANTISSA_BITS = 53
SMALLEST = 1e-200
"""What is smaller counts as 0, as in FATE."""


def plain(value: Any) -> int | float:
    """A Python number of Python's, NumPy's or FATE's FixedPointNumber.

    Raises
    ------
    TypeError
        If it is something else.
    """
    if hasattr(value, "encoding") and hasattr(value, "decode"):
        value = value.decode()
    if isinstance(value, bool | np.bool_) or is_integer(value):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
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
        If the number is beyond `max_int`, not a number or infinite.
    TypeError
        If it is no number.

    Examples
    --------
    >>> encode(0.5, 10**40, 10**39), encode(-3, 10**6, 10**5)
    ((2251799813685248, 13), (999997, 0))
    """
    number = plain(value)
    if isinstance(number, float) and not math.isfinite(number):
        raise EncodingError(f"{number} cannot be encoded; clean the data")
    if abs(number) < SMALLEST:
        number = 0
    if precision is not None:
        exponent = math.floor(math.log(precision, BASE))
    elif isinstance(number, int):
        exponent = 0
    else:
        exponent = (MANTISSA_BITS - math.frexp(number)[1]) // BITS
    if least_exponent is not None and least_exponent > exponent:
        alignment(least_exponent - exponent, n)  # only to be refused
        exponent = least_exponent
    significand = _scaled(number, exponent)
    if abs(significand) > max_int:
        raise EncodingError(
            f"the encoded integer has {significand.bit_length()} bits; this key takes at most "
            f"{max_int.bit_length()} (n/3): use a longer key or less precision"
        )
    return significand % n, exponent


def decode(encoding: int, exponent: int, n: int, max_int: int) -> int | float:
    """The number: int if the exponent is 0 or less, float otherwise.

    Raises
    ------
    ValueError
        If the encoding is not below n.
    OverflowError
        If it lies in the middle third of [0, n), where only overflow leads.
    """
    if encoding >= n:
        raise EncodingError("the encoding is not below n; the number is corrupt or another key's")
    if encoding <= max_int:
        significand = encoding
    elif encoding >= n - max_int:
        significand = encoding - n
    else:
        raise BoundError(
            "the decrypted number overflowed: it is beyond n/3; use a longer key, or fewer or smaller "
            "products"
        )
    scale = alignment(abs(exponent), n)
    return int(significand * scale) if exponent <= 0 else float(significand / scale)


def _scaled(number: int | float, exponent: int) -> int:
    """``number * 16**exponent``, rounded; exact for integers."""
    if isinstance(number, int) and exponent >= 0:
        return number << BITS * exponent
    numerator, denominator = number.as_integer_ratio()
    if exponent >= 0:
        numerator <<= BITS * exponent
    else:
        denominator <<= -BITS * exponent
    quotient, rest = divmod(numerator, denominator)
    up = 2 * rest > denominator or (2 * rest == denominator and quotient & 1)
    return quotient + int(up)
