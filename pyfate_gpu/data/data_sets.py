# SPDX-License-Identifier: Apache-2.0
"""Data sets of many files, Parquet and Arrow, in the parts that they are written in: row groups, record batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from pyfate_gpu.data.arrow_files import part_lengths, read_units
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.sources import FORMATS, DataSource

SUFFIXES = FORMATS["parquet"].suffixes + FORMATS["arrow"].suffixes


@dataclass(frozen=True)
class TablePart:
    """A row group of a Parquet file, or a record batch of an Arrow file.

    Parameters
    ----------
    path : str
        The file.
    written : tuple of int
        Its size and when it was changed: a file of that name on another machine is another file.
    unit, rows : int
        Which row group or batch, and how many rows that has.
    """

    path: str
    written: tuple[int, int]
    unit: int
    rows: int


def parts_of(source: DataSource) -> list[TablePart]:
    """Return the parts of a file, or of all such files in a folder and its folders; none where there is no such path.

    Only what files say of themselves is read. Names that begin with a dot or an underscore are passed over.

    Raises
    ------
    ConfigurationError
        When pyarrow is not installed.
    DataError
        When a file cannot be read, or is neither Parquet nor Arrow.

    Examples
    --------
    >>> import pathlib, pyarrow, pyarrow.parquet, tempfile
    >>> from pyfate_gpu.data.data_sets import parts_of
    >>> from pyfate_gpu.data.sources import DataSource
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> table = pyarrow.table({"id": ["a", "b", "c"], "x": [1.0, 2.0, 3.0]})
    >>> pyarrow.parquet.write_table(table, folder / "0.parquet", row_group_size=2)
    >>> [(part.unit, part.rows) for part in parts_of(DataSource(folder))]
    [(0, 2), (1, 1)]
    """
    found = []
    for path in _files(source.path):
        stat = path.stat()
        written = (stat.st_size, stat.st_mtime_ns)
        lengths = part_lengths(replace(source, path=path))
        found += [TablePart(str(path), written, *each) for each in enumerate(lengths)]
    return found


def read_parts(source: DataSource, parts: Sequence[TablePart]) -> Iterator[Rows]:
    """Yield the rows of these parts, those of one file together.

    Raises
    ------
    DataError
        When a file cannot be read, or has columns that cannot be used; no error quotes a cell.
    """
    for path, group in groupby(parts, key=lambda part: part.path):
        yield read_units(replace(source, path=Path(path)), [part.unit for part in group])


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.exists() else []
    hidden = (".", "_")
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file()
        and not any(part.startswith(hidden) for part in file.relative_to(path).parts)
        and file.suffix.lower() in SUFFIXES
    )
