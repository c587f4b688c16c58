# SPDX-License-Identifier: Apache-2.0
"""Blocks of CSV files cut into cells and numbers by pyarrow, where it does what Python's csv module would.

Whether it does is judged block by block: quotes only around whole cells, lines end only rows, each row has the same
number of cells and none is too long. Of others `read_block` returns nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from pyfate_gpu.data.cells import EXACT
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.csv_blocks import Dialect


@dataclass
class ArrowBlock:
    """Rows as pyarrow cuts them.

    Parameters
    ----------
    data : bytes
        Their text.
    table : pyarrow.Table
        The wanted columns by their index as text: float64 where all cells spell numbers, or else texts.
    """

    data: bytes
    table: Any
    lines: list[int]
    dialect: Dialect

    def texts(self, index: int) -> list[str]:
        """Return the cells of a column without the spaces around them."""
        column = self.table.column(str(index))
        if column.type != pa.string():
            column = _parse(self.data, self.dialect, {index: pa.string()}).column(0)
        return [text.strip() for text in column.to_pylist()]

    def numbers(self, index: int) -> Floats | None:
        """Return a column whose cells all spell numbers below 2**53 or are missing, None where that is not known."""
        column = self.table.column(str(index))
        if column.type == pa.string():
            column = _as_numbers(column, self.dialect, trim=True)
        if column is None:
            return None
        values, known = _floats(column)
        # what else pyarrow takes for numbers, "nan(1)" or 2**53 + 1, comes as NaN or as one that is too large
        return values if (np.abs(values[known]) < EXACT).all() else None


def read_block(lines: list[str], dialect: Dialect, line: int) -> ArrowBlock | None:
    """Return the rows of some lines; None unless pyarrow reads them as Python would.

    Parameters
    ----------
    line : int
        Lines before them.
    """
    text = "".join(lines)
    longest = csv.field_size_limit()
    if len(dialect.header) < 2 or "\0" in text or max(map(len, lines)) > longest:
        return None
    if not _are_quotes_around_cells(text, dialect.delimiter):
        return None
    data = text.encode()
    types = dict.fromkeys(dialect.wanted, pa.float64()) | dict.fromkeys(dialect.texts, pa.string())
    try:
        table = _parse(data, dialect, types)
    except pa.ArrowInvalid:
        try:
            table = _parse(data, dialect, dict.fromkeys(dialect.wanted, pa.string()))
        except pa.ArrowInvalid:
            return None
        dialect.texts |= {
            index
            for index in dialect.wanted
            if _as_numbers(table.column(str(index)), dialect, trim=False) is None
        }
    begun = [line + number for number, each in enumerate(lines, 1) if each.strip("\r\n")]
    return ArrowBlock(data, table, begun, dialect) if len(begun) == len(table) else None


def _parse(data: bytes, dialect: Dialect, types: dict[int, Any]) -> Any:
    names = [str(index) for index in range(len(dialect.header))]
    return arrow_csv.read_csv(
        pa.py_buffer(data),
        # in one thread: what fails in others, for want of memory above all, ends the process
        arrow_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        arrow_csv.ParseOptions(delimiter=dialect.delimiter, double_quote=False),
        arrow_csv.ConvertOptions(
            column_types={str(index): kind for index, kind in types.items()},
            include_columns=[str(index) for index in types],
            null_values=sorted(dialect.source.missing_texts),
            strings_can_be_null=False,
            quoted_strings_can_be_null=True,
        ),
    )


def _as_numbers(column: Any, dialect: Dialect, *, trim: bool) -> Any:
    """Return a column of texts as numbers, None unless all of them spell some or are missing."""
    from pyarrow import compute  # which takes 10 MB

    texts = compute.utf8_trim_whitespace(column) if trim else column
    known = compute.invert(compute.is_in(texts, _array_of(dialect.source.missing_texts)))
    try:
        return compute.if_else(known, texts, pa.nulls(1, pa.string())[0]).cast(pa.float64())
    except pa.ArrowInvalid:
        return None


def _array_of(texts: Iterable[str]) -> Any:
    """Return an array of texts, as `pyarrow.array` does, which imports pandas wherever that is installed."""
    parts = [text.encode() for text in texts]
    offsets = np.cumsum([0, *map(len, parts)], dtype=np.int32)
    data = pa.py_buffer(b"".join(parts))
    return pa.StringArray.from_buffers(len(parts), pa.py_buffer(offsets), data)


def _floats(column: Any) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the numbers of a column, NaN for missing ones, and which are there; pyarrow's own ways import pandas."""
    values, known = [np.empty(0)], [np.empty(0, dtype=bool)]
    for chunk in column.chunks:
        valid, data = chunk.buffers()
        part = slice(chunk.offset, chunk.offset + len(chunk))
        values.append(np.frombuffer(data)[part] if len(chunk) else np.empty(0))
        bits = np.frombuffer(valid or b"", dtype=np.uint8)
        there = np.unpackbits(bits, bitorder="little")[part].astype(bool)
        known.append(there if valid else np.ones(len(chunk), dtype=bool))
    found, there = np.concatenate(values), np.concatenate(known)
    found[~there] = np.nan
    return found, there


def _are_quotes_around_cells(text: str, delimiter: str) -> bool:
    """Return whether each quote begins or ends a cell that is all in one line and has no quote in it."""
    parts = text.split('"')
    ends = {delimiter, "\n", "\r"}
    if len(parts) == 1:
        return True
    first, *others, last = parts
    between = others[1::2]
    return (
        len(parts) % 2 == 1
        and first[-1:] in ends | {""}
        and last[:1] in ends | {""}
        and all(part[:1] in ends and part[-1:] in ends for part in between)
        and not any("\n" in part or "\r" in part for part in others[::2])
    )
