# SPDX-License-Identifier: Apache-2.0
"""Exponents that may come from anybody: what they shift stays within the key."""

from __future__ import annotations

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import BoundError, UnsupportedOperationError
from pyfate_gpu.integrations.scalars.errors import OutOfRangeError

LARGEST_RESULT_BITS = 1 << 26
"""A decoded integer of more bits (8 MiB) has a corrupt exponent; computing it might take all memory."""


def as_exponent(value: object) -> int:
    """An exponent as Python's integer: powers of NumPy's would wrap around.

    Raises
    ------
    TypeError
        If it is no integer.
    """
    if not is_integer(value):
        raise UnsupportedOperationError(
            f"the exponent is a {type(value).__name__}; it must be an integer"
        )
    return int(value)  # type: ignore[call-overload, no-any-return]


def alignment(digits: int, max_int: int, base: int = 16) -> int:
    """``base**digits``, the factor between two exponents.

    Raises
    ------
    ValueError
        If it is beyond `max_int`: whatever it multiplies, but for 0, would pass the key.
    """
    if not digits:
        return 1
    if passes(1, digits, max_int, base) or (factor := base**digits) > max_int:
        raise OutOfRangeError(
            f"the exponents are {digits} digits of base {base} apart, and the key holds numbers of "
            f"{max_int.bit_length()} bits (n/3): use a longer key, or less precision for the smaller "
            f"number, unless its exponent is corrupt or foreign"
        )
    return int(factor)


def passes(value: int, digits: int, limit: int, base: int) -> bool:
    """Whether ``|value| * base**digits`` is surely beyond a limit, found without computing it."""
    return bool(value) and value.bit_length() - 1 + digits * (base.bit_length() - 1) > (
        limit.bit_length()
    )


def check_result(value: int, digits: int, base: int) -> None:
    """Raise BoundError (an OverflowError) for an integer that no honest exponent leads to."""
    if value and value.bit_length() + digits * base.bit_length() > LARGEST_RESULT_BITS:
        raise BoundError(
            f"the exponent {digits} makes an integer of more than {LARGEST_RESULT_BITS} bits: it is "
            f"corrupt or foreign"
        )
