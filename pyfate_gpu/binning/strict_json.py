# SPDX-License-Identifier: Apache-2.0
"""JSON as its standard has it: no NaN, no infinity, no number that float64 does not hold."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn


def strict_loads(data: bytes) -> Any:
    """Return what JSON says.

    Raises
    ------
    ValueError
        When it is none, or has a number that is not finite.

    Examples
    --------
    >>> from pyfate_gpu.binning.strict_json import strict_loads
    >>> strict_loads(b'{"a": 1.5}')
    {'a': 1.5}
    >>> strict_loads(b"[1e999]")
    Traceback (most recent call last):
    ...
    ValueError: a number is not finite
    """
    return json.loads(data, parse_float=_finite, parse_constant=_refuse)


def _finite(text: str) -> float:
    number = float(text)
    return number if math.isfinite(number) else _refuse(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError("a number is not finite")
