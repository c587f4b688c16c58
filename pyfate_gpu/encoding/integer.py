# SPDX-License-Identifier: Apache-2.0
"""Integers as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.encoding.numbers import as_integer, as_numbers, first_index, is_integral
from pyfate_gpu.encoding.plaintext import Encodable, PlaintextArray
from pyfate_gpu.errors import EncodingError

DEFAULT_BOUND = 2**63
"""Bound of Python integers without a declared one: whatever NumPy's int64 can hold."""


@dataclass(frozen=True)
class IntegerEncoder:
    """Encodes integers exactly.

    Parameters
    ----------
    bound : int, optional
        Largest ``|x|`` accepted. It is public. By default the range of the dtype; Python integers
        count as int64 and beyond that need a declared bound, as their size is nobody's business.

    Raises
    ------
    EncodingError
        If `bound` is no positive integer.

    Examples
    --------
    >>> from pyfate_gpu import IntegerEncoder
    >>> IntegerEncoder(bound=2**100).encode([2**99, -7]).to_integers()
    array([633825300114114700748351602688, -7], dtype=object)
    """

    bound: int | None = None

    def __post_init__(self) -> None:
        if self.bound is None:
            return
        bound = as_integer(self.bound, "bound")
        if bound < 1:
            raise EncodingError(f"bound is {bound}; it must be positive")
        object.__setattr__(self, "bound", bound)

    def encode(self, values: Encodable) -> PlaintextArray:
        """Encode integers of any shape; floats are taken if each one is integral.

        Raises
        ------
        EncodingError
            If a value is no integer or beyond the bound.
        """
        array = as_numbers(values)
        if not is_integral(array):
            array = _integral_floats(array)
        bound = dtype_bound(array) if self.bound is None else self.bound
        if self.bound is not None or array.dtype == object:
            _check_range(array, bound)
        return PlaintextArray(integers_to_words(array), 0, bound, "i", self)

    def describe(self) -> dict[str, int | str | None]:
        """JSON-able form."""
        return {"type": "integer", "bound": None if self.bound is None else f"{self.bound:x}"}


def dtype_bound(array: npt.NDArray[Any]) -> int:
    """Largest absolute value the dtype can hold."""
    if array.dtype.kind == "b":
        return 1
    if array.dtype.kind == "O":
        return DEFAULT_BOUND
    info = np.iinfo(array.dtype)
    return max(int(info.max), -int(info.min))


def _integral_floats(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    for bad, remedy in (
        (~np.isfinite(array), "fill or drop what has no value"),
        (np.rint(array) != array, "encode it with FixedPointEncoder(...).encode(x) first"),
    ):
        if bad.any():
            position = first_index(bad)
            raise EncodingError(
                f"value {np.atleast_1d(array)[position]!s} at {position} is no integer and an integer "
                f"encoding has no fraction bits; {remedy}"
            )
    if bool(np.all(np.abs(array) < 2.0**63)):
        return np.asarray(array.astype(np.int64))
    return np.asarray([int(v) for v in array.ravel()], dtype=object).reshape(array.shape)


def _check_range(array: npt.NDArray[Any], bound: int) -> None:
    if array.size == 0 or (array.dtype != object and dtype_bound(array) <= bound):
        return
    if int(array.max()) <= bound and int(array.min()) >= -bound:
        return
    flat = [int(value) for value in array.ravel()]
    position = next(row for row, value in enumerate(flat) if abs(value) > bound)
    raise EncodingError(
        f"an integer of {flat[position].bit_length()} bits at flat position {position} is beyond "
        f"the bound {bound}; declare the range with IntegerEncoder(bound=...)"
    )
