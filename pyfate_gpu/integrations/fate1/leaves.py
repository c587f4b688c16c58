# SPDX-License-Identifier: Apache-2.0
"""Values in nested arrays and lists, worked on together and put back in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

RECORDS = 1024
"""Records of a table that are worked on together: enough to fill the engine, and little memory."""


def map_leaves(obj: Any, function: Callable[[list[Any]], list[Any]]) -> Any:
    """`function` of the list of all values in `obj`, in the same structure.

    Arrays keep their shape; other iterables are made again by their type, as FATE does.
    """
    leaves: list[Any] = []
    rebuild = _take_apart(obj, leaves)
    return rebuild(iter(function(leaves)))


def map_partition(
    records: Iterable[tuple[Any, Any]], function: Callable[[list[Any]], list[Any]]
) -> Iterator[tuple[Any, Any]]:
    """`map_leaves` of the values of a table's partition, many records at a time."""
    iterator = iter(records)
    while chunk := list(islice(iterator, RECORDS)):
        keys, values = zip(*chunk, strict=True)
        yield from zip(keys, map_leaves(list(values), function), strict=True)


def _take_apart(obj: Any, leaves: list[Any]) -> Callable[[Iterator[Any]], Any]:
    if isinstance(obj, np.ndarray):
        shape, size = obj.shape, obj.size
        leaves.extend(obj.ravel().tolist())
        return lambda values: np.reshape(list(islice(values, size)), shape)
    if isinstance(obj, Iterable):
        parts = [_take_apart(each, leaves) for each in obj]
        return lambda values: type(obj)(part(values) for part in parts)  # type: ignore[call-arg]
    leaves.append(obj)
    return next
