# SPDX-License-Identifier: Apache-2.0
"""CSV files with names in the first row."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from pyfate_gpu.data.columns import Column
from pyfate_gpu.data.pick import Columns, pick
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.text_files import open_text
from pyfate_gpu.errors import ConfigurationError, DataError

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource

DELIMITERS = (",", ";", "\t", "|")
#: What `pandas.DataFrame.to_csv` calls the index: nothing, or, of a table that was read so, this.
_INDEX = re.compile(r"(Unnamed: \d+(\.\d+)?)?")


def read(source: DataSource) -> Rows:
    """Return the rows of a CSV file.

    Spaces around names and cells do not count; behind a closing quote there may be none.

    Raises
    ------
    ConfigurationError
        When the delimiter is none.
    DataError
        When it is no such file, a row has too few or too many cells, or `pick` finds something wrong.
    """
    usual = "\t" if ".tsv" in source.path.suffixes else ","
    delimiter = usual if source.delimiter is None else source.delimiter
    if delimiter not in DELIMITERS:
        raise ConfigurationError(
            f"delimiter is {delimiter!r}; that of a CSV file is one of {', '.join(map(repr, DELIMITERS))}"
        )
    with open_text(source.path) as file:
        try:
            header, cells, lines = _read_cells(source, file, delimiter)
        except csv.Error as error:
            raise DataError(f"{source.path} is no CSV file: {error}") from None
    columns = list(zip(*cells, strict=True)) if cells else [() for _ in header]

    def column(index: int) -> Column:
        return Column(
            header[index],
            "text",
            columns[index],
            f"{source.path}: ",
            lines,
            source.missing_texts,
        )

    aside = {name for name in header if _INDEX.fullmatch(name)}
    return pick(source, Columns(header, column, aside, _advice(header, delimiter)))


def _read_cells(
    source: DataSource, file: Iterable[str], delimiter: str
) -> tuple[list[str], list[list[str]], list[int]]:
    """Return names, rows of cells, and the line that each row begins in."""
    reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
    header = [name.strip() for name in next(reader, [])]
    cells, lines, end = [], [], reader.line_num
    for row in reader:
        line, end = end + 1, reader.line_num
        if row and (len(row) > 1 or row[0].strip()):
            cells.append([cell.strip() for cell in row])
            lines.append(line)
            if len(row) != len(header):
                raise DataError(
                    f"{source.path}: row {len(cells)} has {len(row)} cells, the header has {len(header)} (line {line})"
                )
    return header, cells, lines


def _advice(header: list[str], delimiter: str) -> str:
    """Say so where the names look as if another delimiter stood between them."""
    other = [d for d in DELIMITERS if d != delimiter and any(d in name for name in header)]
    return (
        f"; delimiter is {delimiter!r}, is it {other[0]!r}?" if len(header) == 1 and other else ""
    )
