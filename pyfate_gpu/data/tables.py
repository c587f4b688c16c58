# SPDX-License-Identifier: Apache-2.0
"""NumPy arrays and pandas tables as checked float64 matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import DataError


@dataclass(frozen=True)
class Table:
    """Finite features of one party, with the names of the columns where the input had them."""

    values: NDArray[np.float64]
    names: tuple[str, ...] | None

    def column(self, index: int) -> str:
        """Return the words by which errors name a column."""
        return repr(self.names[index]) if self.names else f"column {index}"


def read_table(X: Any) -> Table:
    """Return the features in `X`: array-like (rows, columns) or a pandas DataFrame.

    Raises
    ------
    DataError
        When X is not two-dimensional, is empty, not numeric, or holds NaN or infinite values.
    """
    names = tuple(str(name) for name in X.columns) if hasattr(X, "columns") else None
    if names and len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise DataError(f"columns named more than once: {', '.join(twice)}; rename them")
    array = _as_array(X, "X") if names is None else _from_pandas(X)
    if array.ndim != 2:
        raise DataError(f"X has {array.ndim} dimensions, it takes 2: rows and columns")
    if 0 in array.shape:
        raise DataError(
            f"X has {array.shape[0]} rows and {array.shape[1]} columns: nothing to work on"
        )
    table = Table(_as_float(array, "X"), names)
    wrong = ~np.isfinite(table.values).all(axis=0)
    if wrong.any():
        columns = [table.column(int(index)) for index in np.flatnonzero(wrong)]
        raise DataError(
            f"X holds NaN or infinite values in {', '.join(columns[:5])}"
            f"{' and others' if len(columns) > 5 else ''}: drop or fill them before training"
        )
    return table


def read_labels(y: Any, rows: int, name: str = "y") -> NDArray[np.generic]:
    """Return the labels in `y`, one for each of `rows` rows; errors call them `name`.

    Raises
    ------
    DataError
        When y is missing, not one-dimensional, of another length, or holds NaN or infinite values.
    """
    if y is None:
        raise DataError("the guest has the labels: pass y to fit")
    array = _as_array(y, name)
    if array.shape != (rows,):
        raise DataError(
            f"{name} has shape {array.shape}, X has {rows} rows: pass one value for each row"
        )
    if array.dtype.kind == "f":
        wrong = not np.isfinite(array).all()
    else:
        wrong = any(label is None or label != label for label in array.tolist())
    if wrong:
        raise DataError(
            f"{name} holds missing, NaN or infinite values: drop those rows at every party"
        )
    return array


def read_targets(y: Any, rows: int, name: str = "y") -> NDArray[np.float64]:
    """Return numeric labels as float64; see `read_labels`."""
    return _as_float(read_labels(y, rows, name), name)


def _as_array(values: Any, name: str) -> NDArray[Any]:
    if np.ma.is_masked(values):
        raise DataError(f"{name} has masked elements, which have no value: fill or drop them")
    if hasattr(values, "tocsr"):
        raise DataError(f"{name} is a sparse matrix: pass {name}.toarray()")
    try:
        return np.asarray(values)
    except ValueError:
        raise DataError(f"{name} is no array: its rows have different lengths") from None


def _from_pandas(X: Any) -> NDArray[Any]:
    """Return the columns of a DataFrame, of mixed numeric dtypes if need be, missing values as NaN."""
    for name, dtype in X.dtypes.items():
        if getattr(dtype, "kind", "O") not in "biuf":
            raise DataError(
                f"column {str(name)!r} has dtype {dtype}, it takes numbers: "
                "encode texts and dates before training"
            )
    return np.asarray(X.to_numpy(dtype=np.float64, na_value=np.nan))


def _as_float(array: NDArray[Any], name: str) -> NDArray[np.float64]:
    if array.dtype.kind not in "biuf":
        raise DataError(
            f"{name} has dtype {array.dtype}, it takes numbers: encode texts and dates before training"
        )
    return np.ascontiguousarray(array, dtype=np.float64)


def check_same_columns(table: Table, count: int, names: tuple[str, ...] | None) -> None:
    """Raise DataError unless `table` has the columns that the model was fitted on."""
    if table.names and names and table.names != names:
        missing = [name for name in names if name not in table.names]
        further = [name for name in table.names if name not in names]
        detail = [f"missing: {', '.join(missing)}"] if missing else []
        detail += [f"not known: {', '.join(further)}"] if further else []
        raise DataError(
            "X does not have the columns the model was fitted on; "
            + ("; ".join(detail) or "the order differs")
        )
    if table.values.shape[1] != count:
        raise DataError(f"X has {table.values.shape[1]} columns, the model was fitted on {count}")
