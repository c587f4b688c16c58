# SPDX-License-Identifier: Apache-2.0
"""NumPy's functions that take ciphertexts, as `CiphertextArray.__array_function__` finds them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.errors import UnsupportedOperationError
from pyfate_gpu.he.array.selection import concatenate

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def apply(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """``function(*args, **kwargs)`` by the array's own method of that name.

    Raises
    ------
    UnsupportedOperationError
        If there is none, or it lacks an argument.
    """
    name = getattr(function, "__name__", str(function))
    if function not in _FUNCTIONS:
        raise UnsupportedOperationError(
            f"numpy.{name} does not take ciphertexts; of NumPy's functions these do: "
            f"{', '.join(sorted(known.__name__ for known in _FUNCTIONS))}; if it was called for an operator, "
            f"put the ciphertexts first: c * X"
        )
    try:
        return _FUNCTIONS[function](*args, **kwargs)
    except TypeError as error:
        if isinstance(error, UnsupportedOperationError):
            raise
        raise UnsupportedOperationError(f"numpy.{name} of ciphertexts: {error}") from None


def _sum(c: CiphertextArray, axis: Any = None, *, keepdims: bool = False) -> CiphertextArray:
    return c.sum(axis, keepdims=keepdims)


def _dot(a: Any, b: Any) -> Any:
    return a * b if 0 in (np.ndim(a), np.ndim(b)) else a @ b


_FUNCTIONS: dict[Callable[..., Any], Callable[..., Any]] = {
    np.broadcast_to: lambda c, shape: c.broadcast_to(shape),
    np.concatenate: lambda arrays, axis=0: concatenate(arrays, axis),
    np.dot: _dot,
    np.ndim: lambda c: c.ndim,
    np.ravel: lambda c: c.ravel(),
    np.reshape: lambda c, shape: c.reshape(shape),
    np.shape: lambda c: c.shape,
    np.size: lambda c: c.size,
    np.sum: _sum,
    np.take: lambda c, indices, axis=None: c.take(indices, axis),
    np.transpose: lambda c, axes=None: c.transpose(axes),
}
