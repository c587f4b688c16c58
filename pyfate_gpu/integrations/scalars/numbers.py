# SPDX-License-Identifier: Apache-2.0
"""Plain operands of Python and NumPy, as Python's numbers of the same value."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu.encoding.numbers import is_integer
from pyfate_gpu.errors import UnsupportedOperationError


def widened(value: Any) -> Any:
    """Integers and floats of NumPy (and gmpy2's integers) as Python's; anything else as it is.

    Raises
    ------
    TypeError
        If a float is longer than 64 bits and not the same number as one of 64.

    Examples
    --------
    >>> import numpy as np
    >>> widened(np.float16(0.1)), widened(np.int8(3)), widened("3")
    (0.0999755859375, 3, '3')
    """
    if type(value) in (int, float):
        return value
    if is_integer(value):
        return int(value)
    if not isinstance(value, np.floating):
        return value
    with np.errstate(over="ignore"):
        number = float(value)
    if number != value and value == value:
        raise UnsupportedOperationError(
            f"a {type(value).__name__} of more digits than a float has cannot be taken exactly; "
            f"round it by float(...)"
        )
    return number


def reciprocal(value: Any) -> Any:
    """``1 / value``, of NumPy's numbers in 64 bits whatever their own length.

    Of a zero of NumPy's it is infinite, which no encoding takes; of Python's ZeroDivisionError.
    """
    if isinstance(value, np.integer | np.floating | np.bool_):
        with np.errstate(divide="ignore", over="ignore"):
            return 1 / np.float64(widened(value))
    return 1 / widened(value)
