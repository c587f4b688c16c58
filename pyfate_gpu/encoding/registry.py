# SPDX-License-Identifier: Apache-2.0
"""Encoders by name, as the wire format carries them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy.typing as npt

from pyfate_gpu.encoding.fixed_point import FixedPointEncoder
from pyfate_gpu.encoding.integer import IntegerEncoder
from pyfate_gpu.encoding.numbers import is_integral
from pyfate_gpu.encoding.plaintext import Encoder
from pyfate_gpu.errors import EncodingError


def default_encoder(array: npt.NDArray[Any]) -> Encoder:
    """Integers stay integers, everything else becomes fixed-point."""
    return IntegerEncoder() if is_integral(array) else FixedPointEncoder()


def from_description(description: Mapping[str, Any]) -> Encoder:
    """The encoder that ``encoder.describe()`` describes.

    Raises
    ------
    EncodingError
        If the description is malformed or of an unknown type.
    """
    try:
        return _READERS[description["type"]](description)
    except (KeyError, TypeError, ValueError, ZeroDivisionError, AttributeError):
        raise EncodingError(
            f"{description!r} describes no encoder; known types are {sorted(_READERS)}"
        ) from None


def _read_fixed_point(description: Mapping[str, Any]) -> Encoder:
    numerator, denominator = (_read_hex(part) for part in description["bound"].split("/"))
    bound = Fraction(numerator, denominator)
    exact: float = int(bound) if bound.denominator == 1 else float(bound)
    return FixedPointEncoder(description["fraction_bits"], exact)


def _read_integer(description: Mapping[str, Any]) -> Encoder:
    bound = description["bound"]
    return IntegerEncoder(None if bound is None else _read_hex(bound))


def _read_hex(text: str) -> int:
    """Hexadecimal digits and nothing else: int() would take signs, spaces and underscores."""
    if not re.fullmatch("[0-9a-f]{1,4096}", text):
        raise ValueError(text)
    return int(text, 16)


_READERS: dict[str, Callable[[Mapping[str, Any]], Encoder]] = {
    "fixed_point": _read_fixed_point,
    "integer": _read_integer,
}
