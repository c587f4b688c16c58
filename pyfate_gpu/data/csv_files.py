# SPDX-License-Identifier: Apache-2.0
"""CSV files with names in the first row, read in blocks: no cell is kept that is not needed."""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

from pyfate_gpu.data.csv_blocks import Dialect, blocks_of
from pyfate_gpu.data.growing import GrowingRows
from pyfate_gpu.data.pick import choose
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

    Spaces around names and cells do not count; behind a closing quote there may be none. Numbers become float64 block
    by block: memory is taken for them, the ids and one block. Where pyarrow is installed it cuts and converts all
    blocks but the first; what comes out is the same.

    Raises
    ------
    ConfigurationError
        When the delimiter is none.
    DataError
        When it is no such file, a row has too few or too many cells, or `choose` or a column finds something wrong.
    """
    usual = "\t" if ".tsv" in source.path.suffixes else ","
    delimiter = usual if source.delimiter is None else source.delimiter
    if delimiter not in DELIMITERS:
        raise ConfigurationError(
            f"delimiter is {delimiter!r}; that of a CSV file is one of {', '.join(map(repr, DELIMITERS))}"
        )
    with open_text(source.path) as file:
        try:
            reader = csv.reader(file, delimiter=delimiter, skipinitialspace=True, strict=True)
            header = [name.strip() for name in next(reader, [])]
            aside = {name for name in header if _INDEX.fullmatch(name)}
            chosen = choose(source, header, aside, _advice(header, delimiter))
            rows = GrowingRows(source, header, chosen)
            dialect = Dialect(source, header, delimiter, chosen)
            for block in blocks_of(file, dialect, reader.line_num):
                rows.add(block)
        except csv.Error as error:
            raise DataError(f"{source.path} is no CSV file: {error}") from None
    return rows.finish()


def _advice(header: list[str], delimiter: str) -> str:
    """Say so where the names look as if another delimiter stood between them."""
    other = [d for d in DELIMITERS if d != delimiter and any(d in name for name in header)]
    return (
        f"; delimiter is {delimiter!r}, is it {other[0]!r}?" if len(header) == 1 and other else ""
    )
