# SPDX-License-Identifier: Apache-2.0
"""Shapes, indices and broadcasting as HEU has them: at most two axes, a vector is a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.integrations.heu.schema import PheRuntimeError, size_parameter

Index = npt.NDArray[np.int64]


class Shape:
    """Lengths of the axes.

    Examples
    --------
    >>> from pyfate_gpu.integrations.heu import numpy as hnp
    >>> hnp.Shape(3, 4)[1], len(hnp.Shape([2])), hnp.Shape(3, 4)[:1]
    (4, 1, Shape(3))
    """

    __slots__ = ("_lengths",)

    def __init__(self, *args: Any) -> None:
        lengths = args[0] if len(args) == 1 and not isinstance(args[0], int | np.integer) else args
        self._lengths = tuple(size_parameter(length, "the length of an axis") for length in lengths)

    def __getitem__(self, key: int | slice) -> Any:
        if isinstance(key, slice):
            return Shape(*self._lengths[key])
        try:
            return self._lengths[key]
        except IndexError:
            raise PheRuntimeError(f"shape {self} has no axis {key}") from None

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[int]:
        return iter(self._lengths)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Shape) and self._lengths == other._lengths

    def __hash__(self) -> int:
        return hash(self._lengths)

    def __repr__(self) -> str:
        return f"Shape{self}"

    def __str__(self) -> str:
        return f"({','.join(map(str, self._lengths))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Shape, (list(self._lengths),)


def positions(shape: tuple[int, ...], key: Any) -> Index:
    """Numbers of the chosen elements, in the shape of the result; 0-d for a single one.

    A key is an integer, slice, sequence of integers or mask for each axis; sequences on both axes choose
    the elements where their rows and columns cross. A tuple of one integer, or of none, is a sequence,
    as in HEU: its axis stays. A mask of the shape of the whole array chooses a vector of elements.

    Raises
    ------
    PheRuntimeError
        For another kind of key, too many of them, a mask of another length, or an index out of bounds.
    """
    numbers: Index = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    whole = _as_array(key)
    if whole is not None and whole.dtype.kind == "b" and whole.ndim == 2 and whole.shape == shape:
        return np.asarray(numbers[whole], dtype=np.int64)
    keys = key if isinstance(key, tuple) else (key,)
    if not keys or (len(keys) == 1 and isinstance(key, tuple) and _is_integer(keys[0])):
        keys = (list(keys),)
    if not shape or len(keys) > len(shape):
        raise PheRuntimeError(f"{len(keys)} indices for an array of shape {shape}")
    chosen = [_axis(each, length) for each, length in zip(keys, shape, strict=False)]
    chosen += [slice(None)] * (len(shape) - len(chosen))
    result = numbers[chosen[0]] if len(shape) == 1 else numbers[:, chosen[1]][chosen[0]]
    return np.asarray(result, dtype=np.int64)


def _axis(key: Any, length: int) -> Any:
    """What NumPy takes for one axis: an integer, a slice, or a vector of integers."""
    if isinstance(key, slice):
        return _check_slice(key)
    if _is_integer(key):
        indices = np.asarray(int(key), dtype=object)
    else:
        found = _as_array(key)
        if found is None or found.ndim > 1 or (found.size and found.dtype.kind not in "iub"):
            raise PheRuntimeError(
                f"an index is {key!r:.80}; take an integer, a slice, or a list of integers or truth "
                f"values for each axis"
            )
        if found.dtype.kind == "b" and found.size:
            return np.flatnonzero(_check_mask(found, length))
        indices = found if found.ndim else found.astype(object)
    if indices.size and not bool(((indices >= -length) & (indices < length)).all()):
        raise PheRuntimeError(f"an index of {key!r:.80} is out of bounds for an axis of {length}")
    return int(indices) if indices.ndim == 0 else indices.astype(np.int64)


def _as_array(key: Any) -> npt.NDArray[Any] | None:
    """A sequence of integers or of truth values as an array; None for anything else."""
    if isinstance(key, np.ndarray):
        return key if key.ndim or key.dtype.kind != "b" else None
    if isinstance(key, range):
        return np.asarray(key, dtype=np.int64)
    if not isinstance(key, list | tuple):
        return None
    if not key:
        return np.empty(0, dtype=np.int64)
    if all(map(_is_integer, key)) or all(isinstance(each, bool | np.bool_) for each in key):
        return np.asarray(key)
    if all(isinstance(each, list) for each in key):  # a mask of both axes
        try:
            rows = np.asarray(key)
        except ValueError:
            return None
        return rows if rows.dtype.kind == "b" else None
    return None


def _check_mask(mask: npt.NDArray[Any], length: int) -> npt.NDArray[Any]:
    if mask.size != length:
        raise PheRuntimeError(f"a mask of {mask.size} truth values for an axis of {length}")
    return mask


def _check_slice(key: slice) -> slice:
    for part in (key.start, key.stop, key.step):
        if part is not None and not hasattr(part, "__index__"):
            raise PheRuntimeError(f"a slice runs by {part!r:.80}; take integers")
    if key.step is not None and not key.step.__index__():
        raise PheRuntimeError("a slice has step 0; take another")
    return key


def _is_integer(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def common_shape(
    a: tuple[int, ...], b: tuple[int, ...], name: str
) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Shapes to give both operands before NumPy's broadcasting, and that of the result."""
    wide_a, wide_b = _as_matrix(a), _as_matrix(b)
    try:
        result = np.broadcast_shapes(wide_a, wide_b)
    except ValueError:
        raise PheRuntimeError(
            f"{name} of shapes {a} and {b}: axes must be equal or 1 long, and a vector is a column"
        ) from None
    ndim = max(len(a), len(b))
    return wide_a, wide_b, result if ndim == 2 else result[:ndim]


def check_matmul(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Raise PheRuntimeError unless the two can be multiplied as matrices."""
    if not a or not b or a[-1] != b[0]:
        raise PheRuntimeError(
            f"matmul of shapes {a} and {b}: the last axis of the first must be as long as the first "
            f"of the second"
        )


def _as_matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    rows, columns = (*shape, 1, 1)[:2]
    return rows, columns
