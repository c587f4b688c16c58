# SPDX-License-Identifier: Apache-2.0
"""Shapes, indices and broadcasting as HEU has them: at most two axes, a vector is a column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.integrations.heu.schema import PheRuntimeError

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
        self._lengths = tuple(int(length) for length in lengths)

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

    A key is an integer, slice or sequence of integers for each axis; sequences on both axes choose
    the elements where their rows and columns cross.

    Raises
    ------
    PheRuntimeError
        For another kind of key, too many of them, or an index out of bounds.
    """
    keys = key if isinstance(key, tuple) else (key,)
    if not shape or len(keys) > len(shape) or not keys:
        raise PheRuntimeError(f"{len(keys)} indices for an array of shape {shape}")
    chosen = [_axis(each, length) for each, length in zip(keys, shape, strict=False)]
    chosen += [slice(None)] * (len(shape) - len(chosen))
    numbers: Index = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    result = numbers[chosen[0]] if len(shape) == 1 else numbers[:, chosen[1]][chosen[0]]
    return np.asarray(result, dtype=np.int64)


def _axis(key: Any, length: int) -> Any:
    if isinstance(key, slice):
        return key
    indices = np.asarray(key) if isinstance(key, int | np.integer | np.ndarray | range) else key
    if not isinstance(indices, np.ndarray):
        if not isinstance(key, list | tuple) or not all(
            isinstance(i, int | np.integer) for i in key
        ):
            raise PheRuntimeError(
                f"an index is {key!r}; take integers, slices, or lists of integers for each axis"
            )
        indices = np.array(key, dtype=np.int64)
    if indices.dtype.kind not in "iu" or indices.ndim > 1:
        raise PheRuntimeError(
            f"an index has dtype {indices.dtype} and {indices.ndim} axes; take integers"
        )
    if indices.size and not bool(((indices >= -length) & (indices < length)).all()):
        raise PheRuntimeError(f"an index of {key!r} is out of bounds for an axis of {length}")
    return int(indices) if indices.ndim == 0 else indices.astype(np.int64)


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
