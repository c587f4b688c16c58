# SPDX-License-Identifier: Apache-2.0
"""A CSV file as blocks of rows, cut into cells by pyarrow where it is installed and does what Python would.

Python's csv module reads the blocks that pyarrow reads otherwise or not at all, and says what is wrong with them.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import TextIOWrapper
from itertools import chain
from typing import TYPE_CHECKING

from pyfate_gpu.data.growing import Block
from pyfate_gpu.data.pick import Choice
from pyfate_gpu.errors import DataError

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource

#: Characters of a block, about. Files of one block are read before pyarrow is imported.
BLOCK = 1 << 20


@dataclass
class Dialect:
    """How rows are cut into cells, and which of these are wanted.

    Parameters
    ----------
    chosen : Choice
        Which columns are what.
    texts : set of int
        Columns that pyarrow does not take for numbers.
    """

    source: DataSource
    header: list[str]
    delimiter: str
    chosen: Choice
    texts: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        label = () if self.chosen.label is None else (self.chosen.label,)
        self.texts |= {*self.chosen.ids, *label}

    @property
    def wanted(self) -> list[int]:
        """All columns that are wanted, each once."""
        numbers = (*self.chosen.features, *self.chosen.extras.values())
        return list(dict.fromkeys((*sorted(self.texts), *numbers)))


def blocks_of(file: TextIOWrapper, dialect: Dialect, line: int) -> Iterator[Block]:
    """Read the rows below the header.

    Parameters
    ----------
    line : int
        Lines read so far.

    Raises
    ------
    DataError
        When a row has too few or too many cells.
    csv.Error
        When a row cannot be cut into cells.
    """
    rows, blocks, quick = 0, 0, None
    while lines := file.readlines(BLOCK):
        if blocks == 1:
            quick = _arrow_reader()
        block: Block | None = None if quick is None else quick(lines, dialect, line)
        end = len(lines)
        if block is None:
            block, end = _read_cells(lines, file, dialect, (line, rows))
        yield block
        rows, line, blocks = rows + len(block.lines), line + end, blocks + 1


@dataclass
class CellBlock:
    """Rows as Python's csv module cuts them."""

    cells: list[list[str]]
    lines: list[int]

    def texts(self, index: int) -> list[str]:
        """Return the cells of a column without the spaces around them."""
        return [row[index].strip() for row in self.cells]

    def numbers(self, index: int) -> None:
        """Return None: all is text."""


def _read_cells(
    lines: list[str], file: TextIOWrapper, dialect: Dialect, before: tuple[int, int]
) -> tuple[CellBlock, int]:
    """Return the rows that begin in some lines and how many lines they take: the last may go on in further ones."""
    line, rows = before
    found, end = CellBlock([], []), 0
    reader = csv.reader(
        chain(lines, file), delimiter=dialect.delimiter, skipinitialspace=True, strict=True
    )
    for row in reader:
        begun, end = line + end + 1, reader.line_num
        if row and (len(row) > 1 or row[0].strip()):
            found.cells.append(row)
            found.lines.append(begun)
            if len(row) != len(dialect.header):
                raise DataError(
                    f"{dialect.source.path}: row {rows + len(found.lines)} has {len(row)} cells, "
                    f"the header has {len(dialect.header)} (line {begun})"
                )
        if end >= len(lines):
            break
    return found, end


def _arrow_reader() -> Callable[[list[str], Dialect, int], Block | None] | None:
    """Return the reader of blocks that takes pyarrow, None where that is not installed."""
    try:
        from pyfate_gpu.data.arrow_blocks import read_block
    except ImportError:
        return None
    return read_block
