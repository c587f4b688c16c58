# SPDX-License-Identifier: Apache-2.0
"""Checks of the values that parameters have."""

from __future__ import annotations

import sys
from numbers import Integral, Real
from typing import Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError


def plain(value: Any) -> Any:
    """Return numbers and truth values of NumPy, as parameter searches make them, as Python's own.

    Numbers of any other type that is registered as integral or real become int or float as well.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.protocol.settings import plain
    >>> plain(np.int64(3)), plain(np.float32(0.5)), plain(np.True_), plain("a")
    (3, 0.5, True, 'a')
    """
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return _as_float(value) if isinstance(value, Real) else value


def _as_float(value: Real) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def check_choice(name: str, value: object, choices: Any) -> None:
    """Raise ConfigurationError unless `value` is one of the texts in `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ConfigurationError(f"{name} is {value!r}; choose one of {', '.join(choices)}")


def check_count(name: str, value: object) -> None:
    """Raise ConfigurationError unless `value` is a whole number, 1 or more."""
    number = plain(value)
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ConfigurationError(f"{name} is {value!r}; it must be a whole number, 1 or more")


def check_real(name: str, value: object, *, positive: bool = False) -> None:
    """Raise ConfigurationError unless `value` is a finite number, 0 or more, or above 0."""
    number = plain(value)
    if (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or not 0 <= number <= sys.float_info.max
        or (positive and number == 0)
    ):
        least = "above 0" if positive else "0 or more"
        raise ConfigurationError(f"{name} is {value!r}; it must be a finite number {least}")
