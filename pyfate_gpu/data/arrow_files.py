# SPDX-License-Identifier: Apache-2.0
"""Parquet files, and Arrow files, which are also called Feather."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pyfate_gpu.data.columns import Column
from pyfate_gpu.data.frames import series_column
from pyfate_gpu.data.index_columns import index_columns
from pyfate_gpu.data.pick import Columns, pick
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.extras import install_line

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource


def read_parquet(source: DataSource) -> Rows:
    """Return the rows of a Parquet file, or of a folder of them.

    Names of folders, ``year=2026``, make no columns.

    Raises
    ------
    ConfigurationError
        When pyarrow is not installed.
    DataError
        When it is no such file, or `pick` finds something wrong.
    """

    def read(path: Path) -> Any:
        from pyarrow import parquet

        # in one thread: what fails in others, for want of memory above all, ends the process
        if path.is_dir():
            return parquet.read_table(path, use_threads=False, pre_buffer=False, partitioning=None)
        with parquet.ParquetFile(path, pre_buffer=False) as file:  # which imports no pandas
            return file.read(use_threads=False)

    return _read(source, read)


def read_arrow(source: DataSource) -> Rows:
    """Return the rows of an Arrow file; raises as `read_parquet` does."""

    def read(path: Path) -> Any:
        from pyarrow import feather

        return feather.read_table(path, use_threads=False)

    return _read(source, read)


def part_lengths(source: DataSource) -> list[int]:
    """Return how many rows each row group of a Parquet file has, or each record batch of an Arrow file.

    Raises as `read_parquet` does.
    """

    def lengths(path: Path) -> list[int]:
        if is_arrow(source):
            reader = _batches(path)
            return [reader.get_batch(unit).num_rows for unit in range(reader.num_record_batches)]
        from pyarrow import parquet

        with parquet.ParquetFile(path, pre_buffer=False) as file:
            groups = range(file.metadata.num_row_groups)
            return [file.metadata.row_group(unit).num_rows for unit in groups]

    found: list[int] = _try(source, lengths)
    return found


def read_units(source: DataSource, units: Sequence[int]) -> Rows:
    """Return the rows of some row groups, or record batches; raises as `read_parquet` does."""

    def read(path: Path) -> Any:
        import pyarrow

        if is_arrow(source):
            reader = _batches(path)
            return pyarrow.Table.from_batches([reader.get_batch(unit) for unit in units])
        from pyarrow import parquet

        with parquet.ParquetFile(path, pre_buffer=False) as file:
            return file.read_row_groups(list(units), use_threads=False)

    return _read(source, read)


def is_arrow(source: DataSource) -> bool:
    """Whether a file is read as Arrow and not as Parquet."""
    return (source.format or source.path.suffix[1:].lower()) in ("arrow", "feather")


def _batches(path: Path) -> Any:
    """A reader of the record batches of a file, whose columns stay in the file until they are used."""
    import pyarrow

    return pyarrow.ipc.open_file(pyarrow.memory_map(str(path)))


def _read(source: DataSource, read: Callable[[Path], Any]) -> Rows:
    def columns(path: Path) -> Columns:
        table = read(path)
        table.validate(full=True)  # or offsets in the file are believed
        return _columns(source, table)

    return pick(source, _try(source, columns))


def _try(source: DataSource, read: Callable[[Path], Any]) -> Any:
    try:
        import pyarrow
    except ImportError:
        raise ConfigurationError(f"{source.path} takes pyarrow: {install_line('arrow')}") from None
    if source.delimiter is not None:
        raise ConfigurationError("delimiter is for files of text, not for Parquet and Arrow")
    try:
        return read(source.path)
    except (pyarrow.ArrowException, UnicodeDecodeError) as error:  # the latter of a name
        raise DataError(f"{source.path} is no Parquet or Arrow file: {error}") from None


def _columns(source: DataSource, table: Any) -> Columns:
    import narwhals.stable.v2 as nw

    names = table.column_names

    def column(index: int) -> Column:
        series = nw.from_native(table.column(index), series_only=True)
        return series_column(
            series,
            names[index],
            table.schema,
            source=f"{source.path}: ",
            missing=source.missing_texts,
            parses=True,
        )

    return Columns(names, column, index_columns(names, table.schema.metadata))
