# SPDX-License-Identifier: Apache-2.0
"""LibSVM files, SVM light's and FATE's: ``label index:value index:value ...``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.sparse import MAX_COLUMNS, dense_rows, read_sparse
from pyfate_gpu.errors import DataError

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource


def read(source: DataSource) -> Rows:
    """Return the rows of a LibSVM file; ids are row numbers from 0 unless the lines have them.

    Columns are called by their index. Unless they are named they go from 1, or 0 if there is such a value, to the
    largest index.

    Raises
    ------
    ConfigurationError, DataError
        As `read_sparse` does, and when a column is called by anything but an index.
    """
    rows = read_sparse(source, ["label"], _entry, "index:value")
    names = source.columns
    if names is None:
        indexes = [int(name) for name in rows.names]
        first, last = min(indexes, default=1), max(indexes, default=0)
        if last > MAX_COLUMNS:
            raise DataError(
                f"{source.path} has features up to {last}; the limits are {MAX_COLUMNS} columns: "
                "number the features without gaps"
            )
        names = [str(index) for index in range(min(first, 1), last + 1)]
    elif not all(name == _index(name) for name in names):
        raise DataError(
            f"{source.path} has no column names: its columns are called by their index, '1', '2', ..."
        )
    return dense_rows(source, rows, names)


def _entry(text: str) -> tuple[str, str]:
    index, colon, value = text.partition(":")
    name = _index(index)
    if not colon or name is None:
        raise ValueError("no index")
    return name, value


def _index(text: str) -> str | None:
    """Return the usual text of an index, ``01`` being 1; None of what is none."""
    return str(int(text)) if text.isdecimal() and text.isascii() and len(text) < 20 else None
