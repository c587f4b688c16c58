# SPDX-License-Identifier: Apache-2.0
"""Numbers from outside, as NumPy arrays without silent loss."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding.columns import as_columns
from pyfate_gpu.errors import EncodingError, PyFateError


def as_numbers(values: Any) -> npt.NDArray[Any]:
    """An array of the machine's byte order: bool, integers, float64, or objects that are all integers.

    Floats are widened to float64. Integers stay exact: NumPy would make floats of ``[2**63, -1]`` and of
    tables with columns of different integer types.

    Raises
    ------
    EncodingError
        If the values are masked, missing, complex, text, dates, longer than 64-bit floats, sparse, ragged,
        objects other than integers, or integers among floats which no float64 holds.

    Examples
    --------
    >>> as_numbers([2**63, -1]).tolist()
    [9223372036854775808, -1]
    >>> as_numbers(np.array([1, 2], dtype=">u2")).dtype.isnative
    True
    """
    _refuse_masked(values)
    if hasattr(values, "tocsr"):
        raise EncodingError(
            "a sparse matrix is no array of numbers; pass X.toarray(), or multiply ciphertexts by it: X @ c"
        )
    columns = as_columns(values)
    if columns is not None:
        return _side_by_side([_read_column(name, column) for name, column in columns], len(values))
    array = _read(values)
    if array.dtype == object:
        return _check_objects(array)
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise EncodingError(
            f"dtype {array.dtype} cannot be encoded; the limit is real numbers of at most 64 bits: "
            f"convert with .astype(np.float64) or to Python integers first"
        )
    wide = np.dtype(np.float64) if array.dtype.kind == "f" else array.dtype.newbyteorder("=")
    return array.astype(wide, copy=False)


def is_integral(array: npt.NDArray[Any]) -> bool:
    """Whether the dtype holds integers only (bool and Python integers included)."""
    return array.dtype.kind in "biuO"


def first_index(mask: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Position of the first True, for messages."""
    return tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(mask)))


_NO_INTEGERS = (bool, np.bool_, np.timedelta64)


def is_integer(value: object) -> bool:
    """Whether one value is an integer of Python, NumPy or gmpy2: no truth value, no span of time."""
    if type(value) is int:  # most are; asking an abstract class takes ten times as long
        return True
    return isinstance(value, numbers.Integral) and not isinstance(value, _NO_INTEGERS)


def as_integer(value: Any, name: str, error: type[PyFateError] = EncodingError) -> int:
    """`value` as a Python integer, otherwise raise `error` that calls it by `name`."""
    if not is_integer(value):
        raise error(f"{name} is {value!r}; it must be an integer")
    return int(value)


def as_objects(values: Any) -> npt.NDArray[np.object_]:
    """The values as they are, in an array of Python objects, none of them checked but for masks.

    Raises
    ------
    EncodingError
        If elements are masked, or the values make no array.
    """
    _refuse_masked(values)
    try:
        return np.asarray(values, dtype=object)
    except ValueError as error:
        raise EncodingError(f"cannot read {type(values).__name__} as an array: {error}") from None


def is_masked(values: Any) -> bool:
    """Whether an array, or one in a list, has masked elements: NumPy would take what lies under the mask."""
    if isinstance(values, list | tuple):
        kinds = set(map(type, values))
        if not any(issubclass(kind, list | tuple | np.ma.MaskedArray) for kind in kinds):
            return False
        return any(map(is_masked, values))
    return bool(np.ma.is_masked(values))


def _refuse_masked(values: Any) -> None:
    if is_masked(values):
        raise EncodingError(
            "the masked array has masked elements, which have no value; "
            "fill them with .filled(...) or leave them out with .compressed()"
        )


def _read(values: Any) -> npt.NDArray[Any]:
    """The array that NumPy makes of values, but for integers, which stay integers."""
    try:
        array = np.asarray(_on_the_host(values))
        untyped = isinstance(values, numbers.Integral | Sequence) and not isinstance(
            values, np.generic
        )
        if untyped and array.dtype.kind in "fu":
            array = _with_all_digits(values, array)
        nullable = getattr(getattr(values, "dtype", None), "numpy_dtype", None)
        if array.dtype == object and getattr(nullable, "kind", "O") in "biuf":
            array = array.astype(nullable)  # of pandas; fails where a value is missing
    except (PyFateError, MemoryError):
        raise
    except Exception as error:  # each library has its own for what it cannot make an array of
        raise EncodingError(
            f"cannot read {type(values).__name__} as numbers: {error}; fill or drop missing values, "
            f"and pass a NumPy array or a list"
        ) from None
    return array


def _on_the_host(values: Any) -> Any:
    """Arrays on a GPU, of whatever library, copied: encoding takes place on the host."""
    ciphertexts = getattr(values, "__array_ufunc__", True) is None
    if ciphertexts or not hasattr(values, "__cuda_array_interface__"):
        return values
    import cupy  # whoever has such an array has a GPU

    return cupy.asarray(values).get()


def _with_all_digits(values: Any, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """`array`, which NumPy made of a list, or its integers as objects where it lost digits or a type."""
    exact = np.asarray(values, dtype=object)
    kinds = {type(value) for value in exact.flat}
    if all(issubclass(kind, numbers.Integral | np.bool_) for kind in kinds):
        # Python's integers have no type that says how long they may be.
        typed = array.dtype.kind == "u" and all(issubclass(kind, np.generic) for kind in kinds)
        return array if typed or not kinds else exact
    if any(issubclass(kind, numbers.Integral) for kind in kinds):
        for position, value in enumerate(exact.flat):
            if isinstance(value, numbers.Integral):
                _check_float(int(value), f"the integer at flat position {position}")
    return array


def _read_column(name: str, column: Any) -> tuple[str, npt.NDArray[Any]]:
    try:
        return name, as_numbers(column)
    except EncodingError as error:
        raise EncodingError(f"column {name!r}: {error}") from None


def _side_by_side(columns: list[tuple[str, npt.NDArray[Any]]], rows: int) -> npt.NDArray[Any]:
    """One array of columns of any dtypes: exact integers if all are integers, float64 otherwise."""
    arrays = [array for _, array in columns]
    if not arrays:
        return np.empty((rows, 0))
    dtype = np.result_type(*(array.dtype for array in arrays))
    if all(map(is_integral, arrays)):
        if dtype.kind == "f":  # int64 and uint64 have no common integer type
            dtype = np.dtype(object)
        return np.stack([array.astype(dtype) for array in arrays], axis=-1)
    for name, array in columns:
        if array.dtype == object or array.dtype in (np.int64, np.uint64):
            long = array if array.dtype == object else array[(array > 2**53) | (array < -(2**53))]
            for value in long.tolist():
                _check_float(value, f"an integer of column {name!r}")
    return np.stack([array.astype(np.float64) for array in arrays], axis=-1)


def _check_float(value: int, name: str) -> None:
    """Raise unless a float64 holds an integer, so that it may stand among floats."""
    try:
        exact = int(float(value)) == value
    except OverflowError:
        exact = False
    if not exact:
        raise EncodingError(
            f"{name} is among floats and has {int(value).bit_length()} bits, of which a float64 holds 53: "
            f"encode integers and floats apart, or round it yourself with float(...)"
        )


def _check_objects(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same integers as Python's own; EncodingError unless all are integers."""
    wrong = [(place, value) for place, value in enumerate(array.flat) if not is_integer(value)]
    if not wrong:
        own = np.empty(array.shape, dtype=object)
        own.reshape(-1)[:] = [int(value) for value in array.flat]
        return own
    place, value = next(((p, v) for p, v in wrong if _is_missing(v)), wrong[0])
    if _is_missing(value):
        remedy = "fill missing values or drop their rows"
    elif isinstance(value, bool | np.bool_):
        remedy = "truth values come as an array of dtype bool, or as int(...) among integers"
    else:
        remedy = "convert numbers with np.asarray(x, dtype=np.float64)"
    raise EncodingError(
        f"element {place} is a {type(value).__name__}; only Python integers may come as objects: {remedy}"
    )


def _is_missing(value: Any) -> bool:
    """Whether it stands for no value; pandas' NA has none when it is compared, either."""
    return value is None or type(value).__name__ in ("NAType", "NaTType")
