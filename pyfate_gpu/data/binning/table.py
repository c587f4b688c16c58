# SPDX-License-Identifier: Apache-2.0
"""Tables whose columns may be numbers or texts, column by column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from pyfate_gpu.data.frames import frame_columns
from pyfate_gpu.data.rows import NamedColumns
from pyfate_gpu.errors import ConfigurationError, DataError

T = TypeVar("T")


@dataclass(frozen=True)
class ColumnTable:
    """Columns of one party.

    Parameters
    ----------
    columns : list of array-like
    names : tuple of str or None
        Each once.
    rows : int
    """

    columns: list[Any]
    names: tuple[str, ...] | None
    rows: int

    @property
    def keys(self) -> list[Any]:
        """What rules call the columns: names, or numbers from 0."""
        return list(self.names) if self.names is not None else list(range(len(self.columns)))

    def each(self, function: Callable[[int, Any], T]) -> list[T]:
        """Return what `function` makes of the number and the key of each column; errors name the column."""
        found = []
        for place, key in enumerate(self.keys):
            try:
                found.append(function(place, key))
            except (DataError, ConfigurationError) as error:
                raise type(error)(f"column {key!r}: {error}") from None
        return found


def read_columns(X: Any) -> ColumnTable:
    """Return the columns of `X`: array-like [rows, columns], or a data frame of any library.

    There may be no rows, and no columns. Missing values may be there, infinite ones too.

    Raises
    ------
    DataError
        When it is no table, or a column is of a type that is neither numbers nor texts.

    Examples
    --------
    >>> import pandas as pd
    >>> from pyfate_gpu.data.binning.table import read_columns
    >>> table = read_columns(pd.DataFrame({"a": [1, 2], "b": ["x", None]}))
    >>> table.names, [column.tolist() for column in table.columns]
    (('a', 'b'), [[1.0, 2.0], ['x', None]])
    """
    if isinstance(X, ColumnTable):
        return X
    if isinstance(X, NamedColumns):
        return ColumnTable(list(X.values.T), X.columns, len(X))
    found = None if isinstance(X, np.ndarray | list | tuple) else frame_columns(X)
    if found is None:
        return _array_columns(X)
    columns, rows = found
    listed = []
    for column in columns:
        if column.values is None:
            raise column.refuse("bins take numbers or texts")
        texts = any(isinstance(value, str) for value in column.values)
        listed.append(column.labels() if texts else column.numbers())
    return ColumnTable(listed, tuple(column.name for column in columns), rows)


def check_columns(table: ColumnTable, count: int, names: tuple[str, ...] | None) -> None:
    """Raise DataError unless `table` has the columns that bins were learned of."""
    if table.names is not None and names is not None and table.names != names:
        lacking = [name for name in names if name not in table.names]
        further = [name for name in table.names if name not in names]
        detail = [f"missing: {', '.join(lacking)}"] if lacking else []
        detail += [f"not known: {', '.join(further)}"] if further else []
        raise DataError(
            "X does not have the columns of fit; " + ("; ".join(detail) or "the order differs")
        )
    if len(table.columns) != count:
        raise DataError(f"X has {len(table.columns)} columns, bins are of {count}")


def _array_columns(X: Any) -> ColumnTable:
    if hasattr(X, "tocsr"):
        raise DataError("X is a sparse matrix: pass X.toarray()")
    try:
        array = X if isinstance(X, np.ndarray) else np.asarray(X)
        if array.dtype.kind in "US" and not isinstance(X, np.ndarray):
            array = np.array(X, dtype=object)  # NumPy makes texts of numbers beside texts
    except ValueError:
        raise DataError("X is no table: its rows have different lengths") from None
    if array.ndim != 2 or array.dtype.kind not in "biufUSO":
        raise DataError(
            f"X has {array.ndim} dimensions and type {array.dtype}; it takes 2, rows and columns, of numbers or texts"
        )
    return ColumnTable([array[:, at] for at in range(array.shape[1])], None, len(array))
