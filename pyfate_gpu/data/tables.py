# SPDX-License-Identifier: Apache-2.0
"""Arrays and data frames as checked float64 matrices, and labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.cells import EXACT, exact_floats, is_missing, number_of
from pyfate_gpu.data.elsewhere import ColumnsElsewhere
from pyfate_gpu.data.frames import frame_columns, label_column
from pyfate_gpu.data.labels import has_label, tidy_labels
from pyfate_gpu.data.rows import NamedColumns
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats


@dataclass(frozen=True)
class Table:
    """Features of one party, with the names of the columns where the input had them.

    Parameters
    ----------
    values : float64 [rows, columns]
        Finite, or NaN where missing values are taken.
    names : tuple of str or None
        Each once.
    """

    values: Floats
    names: tuple[str, ...] | None

    def column(self, index: int) -> str:
        """Return the words by which errors name a column."""
        return repr(self.names[index]) if self.names else f"column {index}"


def read_table(
    X: Any, *, missing: bool = False, empty: bool = False, infinite: bool = False
) -> Table:
    """Return the features in `X`: array-like [rows, columns] or a data frame of any library.

    Parameters
    ----------
    X : array-like or data frame
        Truth values, whole numbers, floats or decimals.
    missing : bool
        Whether values may be missing, to be imputed.
    empty : bool
        Whether there may be no columns, of a guest that has labels only.
    infinite : bool
        Whether values may be infinite, which trees order like any other.

    Raises
    ------
    DataError
        When X is not two-dimensional, is empty, not numeric, or holds NaN or infinite values.

    Examples
    --------
    >>> import pandas as pd
    >>> from pyfate_gpu.data.tables import read_table
    >>> read_table(pd.DataFrame({"a": [1, 2], "b": [True, False]})).values.tolist()
    [[1.0, 1.0], [2.0, 0.0]]
    """
    values, names = _read(X)
    if isinstance(values, ColumnsElsewhere):
        return _elsewhere(values, names)
    rows, columns = values.shape
    if rows == 0 or (columns == 0 and not empty):
        raise DataError(f"X has {rows} rows and {columns} columns: nothing to work on")
    table = Table(values, names)
    absent = np.isnan(values) & (not missing)
    wrong = (absent if infinite else absent | np.isinf(values)).any(axis=0)
    if wrong.any():
        found = [table.column(int(index)) for index in np.flatnonzero(wrong)]
        raise DataError(
            f"X holds {'' if missing else 'NaN or '}infinite values in {', '.join(found[:5])}"
            f"{' and others' if len(found) > 5 else ''}: drop or fill them before training"
            f"{'' if missing else ', or set impute where the model has it'}"
        )
    return table


def read_labels(y: Any, rows: int, name: str = "y") -> NDArray[Any]:
    """Return the labels in `y`, one for each of `rows` rows; errors call them `name`.

    Raises
    ------
    DataError
        When y is missing, not one-dimensional, of another length, holds NaN or infinite values, or is neither of
        numbers nor of texts.

    Examples
    --------
    >>> from pyfate_gpu.data.tables import read_labels
    >>> read_labels([2**53 + 1, 2**53], 2).tolist()
    [9007199254740993, 9007199254740992]
    """
    array, present = read_present_labels(y, rows, name)
    if not present.all() or (array.dtype.kind == "f" and not np.isfinite(array).all()):
        raise DataError(
            f"{name} holds missing, NaN or infinite values: drop those rows at every party"
        )
    return array


def read_present_labels(
    y: Any, rows: int, name: str = "y"
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return the labels of those of `rows` rows that have one, and for each row whether it has.

    Raises
    ------
    DataError
        As `read_labels` does, but for missing ones.

    Examples
    --------
    >>> from pyfate_gpu.data.tables import read_present_labels
    >>> labels, present = read_present_labels([1, None, 0], 3)
    >>> labels.tolist(), present.tolist()
    ([1, 0], [True, False, True])
    """
    if y is None:
        raise DataError("the guest has the labels: pass y to fit")
    array = _label_array(y, name)
    if array.shape != (rows,):
        raise DataError(
            f"{name} has shape {array.shape}, X has {rows} rows: pass one value for each row"
        )
    array = tidy_labels(array, name)
    present = has_label(array)
    return tidy_labels(array[present], name), present


def read_targets(y: Any, rows: int, name: str = "y") -> Floats:
    """Return numeric labels as float64; see `read_labels`.

    Raises
    ------
    DataError
        As `read_labels` does, and when they are texts or whole numbers that float64 does not hold.
    """
    return _as_float(read_labels(y, rows, name), name)


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


def _elsewhere(values: Any, names: tuple[str, ...] | None) -> Table:
    """The table of columns that are not here, once all of them are numbers."""
    table = Table(values, names)
    smallest, largest = values.extremes()
    wrong = np.flatnonzero(~(np.isfinite(smallest) & np.isfinite(largest)))
    if len(wrong):
        found = ", ".join(table.column(int(index)) for index in wrong[:5])
        raise DataError(
            f"X holds NaN or infinite values in {found}: drop or fill them in the files"
        )
    return table


def _read(X: Any) -> tuple[Any, tuple[str, ...] | None]:
    if isinstance(X, NamedColumns):
        return X.values, X.columns
    found = None if isinstance(X, np.ndarray | list | tuple) else frame_columns(X)
    if found is not None:
        columns, rows = found
        values = np.empty((rows, len(columns)))
        for index, column in enumerate(columns):
            values[:, index] = column.numbers()
        return values, tuple(column.name for column in columns)
    array = _as_array(X, "X")
    if array.ndim != 2:
        raise DataError(f"X has {array.ndim} dimensions, it takes 2: rows and columns")
    return _as_float(array, "X"), None


def _label_array(y: Any, name: str) -> NDArray[Any]:
    column = None if isinstance(y, np.ndarray | list | tuple) else label_column(y, name)
    if column is None:
        array = _as_array(y, name)
        if array.dtype.kind == "U" and _of_python(y) and not all(isinstance(v, str) for v in y):
            return np.array(y, dtype=object)  # NumPy made texts of numbers
        return array
    if column.values is None:
        raise column.refuse("labels are numbers or texts")
    if isinstance(column.values, np.ndarray):
        return column.values
    array = np.empty(len(column.values), dtype=object)
    array[:] = column.values
    return array


def _as_array(values: Any, name: str) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray) and np.ma.is_masked(values):
        raise DataError(f"{name} has masked elements, which have no value: fill or drop them")
    if hasattr(values, "tocsr"):
        flat = "" if name == "X" else ".ravel()"
        raise DataError(f"{name} is a sparse matrix: pass {name}.toarray(){flat}")
    try:
        array = np.asarray(values)
    except ValueError:
        raise DataError(f"{name} is no array: its rows have different lengths") from None
    except (TypeError, RuntimeError) as error:  # of a GPU, or of a library that makes none
        raise DataError(
            f"{name} is a {type(values).__name__}, of which NumPy makes no array: {error}"
        ) from None
    if _of_python(values) and array.dtype.kind == "f" and (np.abs(array) >= EXACT).any():
        return np.array(values, dtype=object)  # whole numbers beside floats lost digits
    return array


def _of_python(values: Any) -> bool:
    """Return whether NumPy chose the type, one for all values, rather than whoever made them."""
    return not hasattr(values, "dtype")


def _as_float(array: NDArray[Any], name: str) -> Floats:
    try:
        if array.dtype.kind == "O":
            numbers = [np.nan if is_missing(v) else number_of(v) for v in array.ravel().tolist()]
            return np.array(numbers, dtype=np.float64).reshape(array.shape)
        if array.dtype.kind in "biuf":
            return exact_floats(array)
    except OverflowError:
        raise DataError(
            f"{name} holds a whole number beyond 2**53 that float64 does not: subtract, divide or leave it out"
        ) from None
    except TypeError:
        pass
    raise DataError(
        f"{name} has dtype {array.dtype}, it takes numbers: encode texts and dates before training"
    )
