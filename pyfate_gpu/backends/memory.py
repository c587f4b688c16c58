# SPDX-License-Identifier: Apache-2.0
"""What an engine says when this machine has no memory left for an operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

import numpy as np

from pyfate_gpu.errors import HostMemoryError

Engine = TypeVar("Engine", bound=type)


def names_memory(engine: Engine) -> Engine:
    """Make the public methods of an engine raise `HostMemoryError` for want of memory: a class decorator.

    The native module and NumPy ask for all memory of an operation before they compute, or free it when they fail: the
    engine and all arrays stay usable.
    """
    for name, method in list(vars(engine).items()):
        if callable(method) and not name.startswith("_"):
            setattr(engine, name, _named(method))
    return engine


def _named(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, *operands: Any, **named: Any) -> Any:
        try:
            return method(self, *operands, **named)
        except MemoryError as error:
            mebibytes = _bytes_of([*operands, *named.values()]) / 2**20
            raise HostMemoryError(
                f"{method.__name__} of {mebibytes:,.1f} MiB of operands found no memory left ({error}): "
                "take smaller batches or fewer rows at a time, or free arrays"
            ) from None

    return call


def _bytes_of(operands: Iterable[Any]) -> int:
    return sum(
        operand.nbytes if isinstance(operand, np.ndarray) else _bytes_of(operand)
        for operand in operands
        if isinstance(operand, np.ndarray | list | tuple)
    )
