# SPDX-License-Identifier: Apache-2.0
"""FATE's files of tags: ``id,tag:value;tag:value;...`` or, for values that are 1, ``id,tag;tag;...``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.sparse import dense_rows, read_sparse

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource


def read(source: DataSource) -> Rows:
    """Return the rows of a file of tags; its columns are the tags, sorted, unless they are named.

    Lines begin with an id, then at a guest that names a label with that.

    Raises
    ------
    ConfigurationError, DataError
        As `read_sparse` does.
    """
    usual = ["id"] if source.label is None else ["id", "label"]
    rows = read_sparse(source, usual, _entry, "tag:value")
    names = sorted(rows.names) if source.columns is None else source.columns
    return dense_rows(source, rows, names)


def _entry(text: str) -> tuple[str, str]:
    tag, colon, value = text.rpartition(":")
    if not colon:
        return text, "1"
    if not tag:
        raise ValueError("no tag")
    return tag, value
