# SPDX-License-Identifier: Apache-2.0
"""Numbers from outside, as NumPy arrays without silent loss."""

from __future__ import annotations

import numbers
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import EncodingError, PyFateError


def as_numbers(values: npt.ArrayLike) -> npt.NDArray[Any]:
    """An array of dtype kind b, i, u or f (at most 64 bits), or of objects that are all integers.

    NumPy would turn ``[2**63, -1]`` into floats and lose the last digits; Python integers that do
    not fit 64 bits stay exact here.

    Raises
    ------
    EncodingError
        If the values are complex, text, dates, longer than 64-bit floats, ragged, or objects other
        than integers.
    """
    if np.ma.is_masked(values):
        raise EncodingError(
            "the masked array has masked elements, which have no value; "
            "fill them with .filled(...) or leave them out with .compressed()"
        )
    try:
        array = np.asarray(_on_the_host(values))
        if isinstance(values, list | tuple | int) and array.dtype.kind in "fu" and array.size:
            exact = np.asarray(values, dtype=object)
            if all(is_integer(value) for value in exact.ravel()):
                array = exact
    except ValueError as error:
        raise EncodingError(f"cannot read {type(values).__name__} as an array: {error}") from None
    if array.dtype == object:
        return _check_objects(array)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise EncodingError(
            f"dtype {array.dtype} cannot be encoded; the limit is real numbers of at most 64 bits: "
            f"convert with .astype(np.float64) or to Python integers first"
        )
    return array


def is_integral(array: npt.NDArray[Any]) -> bool:
    """Whether the dtype holds integers only (bool and Python integers included)."""
    return array.dtype.kind in "biuO"


def first_index(mask: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Position of the first True, for messages."""
    return tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(mask)))


def _on_the_host(values: Any) -> Any:
    """Arrays on a GPU, of whatever library, copied: encoding takes place on the host."""
    ciphertexts = getattr(values, "__array_ufunc__", True) is None
    if ciphertexts or not hasattr(values, "__cuda_array_interface__"):
        return values
    import cupy  # whoever has such an array has a GPU

    return cupy.asarray(values).get()


def _check_objects(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    for position, value in enumerate(array.ravel()):
        if not is_integer(value):
            raise EncodingError(
                f"element {position} is a {type(value).__name__}; only Python integers may come as "
                f"objects: convert with np.asarray(x, dtype=np.float64) if they are numbers"
            )
    return array


def is_integer(value: object) -> bool:
    """Whether one value is an integer of Python, NumPy or gmpy2, and no truth value."""
    return isinstance(value, numbers.Integral) and not isinstance(value, (bool, np.bool_))


def as_integer(value: Any, name: str, error: type[PyFateError] = EncodingError) -> int:
    """`value` as a Python integer, otherwise raise `error` that calls it by `name`."""
    if not is_integer(value):
        raise error(f"{name} is {value!r}; it must be an integer")
    return int(value)
