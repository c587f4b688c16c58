# SPDX-License-Identifier: Apache-2.0
"""Which columns of a table are the index of the pandas table that it was written from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from pyfate_gpu.errors import DataError

#: What pandas calls a level without a name; other programs keep the column and lose what was said about it.
_UNNAMED = re.compile(r"__index_level_\d+__")


def index_columns(
    names: Iterable[str], metadata: Mapping[bytes, bytes] | None = None
) -> frozenset[str]:
    """Return the names of columns that hold an index.

    Parameters
    ----------
    names : iterable of str
        Of all columns.
    metadata : mapping or None
        That of an Arrow schema, where pandas says which they are.

    Raises
    ------
    DataError
        When the metadata cannot be read.

    Examples
    --------
    >>> from pyfate_gpu.data.index_columns import index_columns
    >>> sorted(index_columns(["a", "b"], {b"pandas": b'{"index_columns": ["b"]}'}))
    ['b']
    """
    found = {name for name in names if _UNNAMED.fullmatch(name)}
    text = (metadata or {}).get(b"pandas")
    if text is not None:
        try:
            levels = json.loads(text)["index_columns"]
            found |= {level for level in levels if isinstance(level, str)}  # others are ranges
        except (ValueError, TypeError, KeyError, RecursionError):
            raise DataError("what pandas says of its columns is damaged") from None
    return frozenset(found)
