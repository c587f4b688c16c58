# SPDX-License-Identifier: Apache-2.0
"""Checks of the values that parameters have."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError


def plain(value: Any) -> Any:
    """Return NumPy's scalars, as parameter searches make them, as Python's own."""
    return value.item() if isinstance(value, np.generic) else value


def check_choice(name: str, value: object, choices: Any) -> None:
    """Raise ConfigurationError unless `value` is one of the texts in `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ConfigurationError(f"{name} is {value!r}; choose one of {', '.join(choices)}")


def check_count(name: str, value: object) -> None:
    """Raise ConfigurationError unless `value` is a whole number, 1 or more."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ConfigurationError(f"{name} is {value!r}; it must be a whole number, 1 or more")


def check_real(name: str, value: object, *, positive: bool = False) -> None:
    """Raise ConfigurationError unless `value` is a finite number, 0 or more, or above 0."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0 <= value <= sys.float_info.max
        or (positive and value == 0)
    ):
        least = "above 0" if positive else "0 or more"
        raise ConfigurationError(f"{name} is {value!r}; it must be a finite number {least}")
