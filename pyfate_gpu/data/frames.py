# SPDX-License-Identifier: Apache-2.0
"""Columns of data frames of any library, by means of narwhals, which is imported when one comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.columns import Column
from pyfate_gpu.data.index_columns import index_columns
from pyfate_gpu.errors import DataError

#: Of Arrow's extension types, those whose values mean what Python takes them for.
_EXTENSIONS = frozenset({"arrow.uuid"})
_EXTENSION = b"ARROW:extension:name"


def frame_columns(X: Any) -> tuple[list[Column], int] | None:
    """Return the columns of a data frame and the number of its rows, None of anything else.

    Columns that hold the index of the pandas table that an Arrow table was made from are left out.

    Parameters
    ----------
    X : object
        A table of pandas, Polars, pyarrow or another library that narwhals knows, or that hands out Arrow's C stream.

    Raises
    ------
    DataError
        When it is a lazy frame, or has columns of the same name.

    Examples
    --------
    >>> import pandas as pd
    >>> from pyfate_gpu.data.frames import frame_columns
    >>> columns, rows = frame_columns(pd.DataFrame({"a": [1, 2]}))
    >>> columns[0].name, columns[0].numbers().tolist(), rows
    ('a', [1.0, 2.0], 2)
    """
    import narwhals.stable.v2 as nw

    _check_names(X)
    frame = nw.from_native(X, pass_through=True)
    if frame is X and hasattr(X, "__arrow_c_stream__"):
        try:
            frame = nw.from_arrow(X, backend="pyarrow")
        except (ImportError, TypeError, ValueError):  # without pyarrow, or one column alone
            return None
    if isinstance(frame, nw.LazyFrame):
        raise DataError("X is a lazy frame, which has no rows yet: collect it first")
    if not isinstance(frame, nw.DataFrame):
        return None
    native = frame.to_native()
    names = [str(name) for name in frame.columns]
    schema = getattr(native, "schema", None)
    aside = index_columns(names, getattr(schema, "metadata", None))
    columns = [
        series_column(frame.get_column(key), name, schema)
        for key, name in zip(frame.columns, names, strict=True)
        if name not in aside
    ]
    return columns, len(frame)


def label_column(y: Any, name: str) -> Column | None:
    """Return a column of a data frame, None of anything else; errors call it `name`."""
    import narwhals.stable.v2 as nw

    series = nw.from_native(y, series_only=True, pass_through=True)
    return series_column(series, name) if isinstance(series, nw.Series) else None


def series_column(series: Any, name: str, schema: Any = None, **options: Any) -> Column:
    """Return a column of narwhals as one of ours.

    Parameters
    ----------
    schema : object
        That of the table, which an Arrow table says types of other libraries in.
    options
        Of `Column`.
    """
    native = series.to_native()
    kind = native.type if series.implementation.is_pyarrow() else native.dtype
    extension = getattr(kind, "extension_name", None) or _extension_in(schema, name)
    readable = extension is None or extension in _EXTENSIONS
    return Column(
        name,
        str(kind) if extension is None else extension,
        _values(series) if readable else None,
        **{"parses": False, **options},
    )


def _check_names(X: Any) -> None:
    names: Any = getattr(X, "column_names", None)
    if names is None:
        names = getattr(X, "columns", ()) if hasattr(X, "iloc") else ()
    twice = sorted(n for n, count in Counter(map(str, names)).items() if count > 1)
    if twice:
        raise DataError(f"columns named more than once: {', '.join(twice)}; rename them")


def _extension_in(schema: Any, name: str) -> str | None:
    """Return the extension type of a column whose library is not imported, so that its storage is all there is."""
    if not hasattr(schema, "field"):
        return None
    found = (schema.field(name).metadata or {}).get(_EXTENSION)
    return None if found is None else found.decode(errors="replace")


def _values(series: Any) -> Sequence[Any] | NDArray[Any] | None:
    """Return numbers as an array, other values as Python's; None where they mean nothing to us."""
    import narwhals.stable.v2 as nw

    try:
        dtype = series.dtype
    except ValueError:  # of decimals whose digits end before the point
        dtype = nw.Unknown()
    if dtype.is_nested() or (dtype.is_temporal() and dtype != nw.Date):
        return None
    short = dtype.is_integer() and dtype not in (nw.Int128, nw.UInt128)  # which end some libraries
    if dtype.is_float() or (short and not series.is_null().any()):
        with suppress(Exception):  # of floats that Arrow calls missing
            array = _as_array(series)
            if array.dtype.kind in "iuf":
                return array
    try:
        values: list[Any] = series.to_list()
        if any(isinstance(value, bytes) for value in values):
            values = [v.decode() if isinstance(v, bytes) else v for v in values]
    except Exception:  # whatever libraries raise of values that Python has no type for
        return None
    return values


def _as_array(series: Any) -> NDArray[Any]:
    if series.implementation.is_pyarrow():  # whose own way imports pandas
        return np.concatenate([np.from_dlpack(chunk) for chunk in series.to_native().chunks])
    return np.asarray(series.to_numpy())
