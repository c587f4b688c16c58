# SPDX-License-Identifier: Apache-2.0
"""Data frames as their columns: each has a type of its own, which NumPy would not keep."""

from __future__ import annotations

from typing import Any


def as_columns(table: Any) -> list[tuple[str, Any]] | None:
    """The names and columns of a table of pandas, Polars or Arrow; None for anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> [name for name, column in as_columns(pd.DataFrame({"age": [31, 42], "id": [7, 9]}))]
    ['age', 'id']
    >>> as_columns([1, 2]) is None
    True
    """
    if hasattr(table, "iloc"):
        if getattr(table, "ndim", 1) != 2:
            return None
        return [(str(name), table.iloc[:, place]) for place, name in enumerate(table.columns)]
    for columns, names in (("get_columns", "columns"), ("itercolumns", "column_names")):
        if hasattr(table, columns) and hasattr(table, names):
            return list(
                zip(map(str, getattr(table, names)), getattr(table, columns)(), strict=True)
            )
    return None
