# SPDX-License-Identifier: Apache-2.0
"""Where a party's rows are, and the formats they are read from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import numpy as np

from pyfate_gpu.data import arrow_files, csv_files, libsvm_files, tag_files
from pyfate_gpu.data.cells import MISSING
from pyfate_gpu.data.ids import check_once
from pyfate_gpu.data.rows import NamedColumns, Rows
from pyfate_gpu.errors import ConfigurationError, DataError

__all__ = ["FORMATS", "DataSource", "NamedColumns", "Rows", "read_rows"]

#: Columns that are put in order at once: float64 of a line of a processor's memory.
_TOGETHER = 8


@dataclass(frozen=True)
class DataSource:
    """Where a party's rows are.

    Parameters
    ----------
    path : Path
        A file; one of text may be compressed by gzip.
    format : str or None
        One of `FORMATS`; None to go by the file's name.
    id : str or list of str
        Column of ids, or columns that make one together.
    label : str or None
        Column of labels, at the guest.
    weight, exposure : str or None
        Columns of sample weights, and of exposures for Poisson regression, at the guest.
    columns : list of str or None
        Feature columns; None for all others, but those that hold the index of a pandas table.
    leading : list of str or None
        LibSVM and tags only: what stands before the values of a line, ``id``, ``label`` and ``skip``; None for
        what is usual in the format.
    delimiter : str or None
        Of files of text: what stands between cells; None for what is usual in the format.
    missing : list of str or None
        Texts that stand for a missing value; None for those that pandas takes for it.
    at_workers : bool
        Whether the workers of a cluster read the path, a Parquet or Arrow file or a folder of such, and keep the
        features.
    """

    path: Path
    format: str | None = None
    id: str | list[str] = "id"
    label: str | None = None
    weight: str | None = None
    exposure: str | None = None
    columns: list[str] | None = None
    leading: list[str] | None = None
    delimiter: str | None = None
    missing: list[str] | None = None
    at_workers: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.id, str) and len(set(self.id)) != max(len(self.id), 1):
            raise ConfigurationError(
                f"id is {self.id!r}; it must be a column, or some columns, each once"
            )
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ConfigurationError(f"columns is {self.columns!r}; it names each column once")

    @property
    def missing_texts(self) -> frozenset[str]:
        """The texts that stand for a missing value; an empty one always does."""
        return MISSING if self.missing is None else frozenset({"", *self.missing})


@dataclass(frozen=True)
class Format:
    """How files of a format are read.

    Parameters
    ----------
    read : callable
        Returns the rows of a file in its order.
    suffixes : tuple of str
        Of names of such files.
    """

    read: Callable[[DataSource], Rows]
    suffixes: tuple[str, ...]


FORMATS = {
    "csv": Format(csv_files.read, (".csv", ".tsv")),
    "libsvm": Format(libsvm_files.read, (".libsvm", ".svm", ".svmlight")),
    "tags": Format(tag_files.read, (".tags",)),
    "parquet": Format(arrow_files.read_parquet, (".parquet", ".pq")),
    "arrow": Format(arrow_files.read_arrow, (".arrow", ".feather")),
}


def read_rows(source: DataSource) -> Rows:
    r"""Return the rows of a file, in the order of their ids.

    Raises
    ------
    ConfigurationError
        When the format is unknown, takes a package that is not installed, or does not take what was asked for.
    DataError
        When the file cannot be read, lacks a column, has one that is of no use, or ids that are missing or there
        twice. No error quotes a cell.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from pyfate_gpu.data.sources import DataSource, read_rows
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "guest.csv"
    >>> _ = path.write_text("id,y,x\nb,1,0.5\na,0,NA\n")
    >>> rows = read_rows(DataSource(path, label="y"))
    >>> rows.ids, rows.names, rows.labels
    (['a', 'b'], ('x',), array([0, 1]))
    """
    try:
        rows = _format(source).read(source)
    except OSError as error:
        raise DataError(f"cannot read {source.path}: {error.strerror or error}") from None
    except MemoryError:
        raise DataError(
            f"{source.path} does not fit the memory of this process; take fewer rows or columns"
        ) from None
    return _in_order(rows, f"{source.path}: ")


def _in_order(rows: Rows, source: str) -> Rows:
    """Return rows in the order of their ids, each there once, in the same memory."""
    ids = cast("list[str]", rows.ids)  # files are read into lists
    order = sorted(range(len(ids)), key=ids.__getitem__)
    if any(ids[row] == ids[after] for row, after in pairwise(order)):
        check_once(ids, source)
    if any(row > after for row, after in pairwise(order)):
        at = np.array(order)
        for start in range(0, rows.values.shape[1], _TOGETHER):
            columns = rows.values[:, start : start + _TOGETHER]
            columns[:] = columns[at]
        for array in (*rows.extras.values(), *([] if rows.labels is None else [rows.labels])):
            array[:] = array[at]
        ids[:] = [ids[row] for row in order]
    return rows


def _format(source: DataSource) -> Format:
    if source.format in FORMATS:
        return FORMATS[source.format]
    suffixes = [suffix.lower() for suffix in source.path.suffixes if suffix.lower() != ".gz"]
    for found in FORMATS.values() if source.format is None else ():
        if suffixes[-1:] and suffixes[-1] in found.suffixes:
            return found
    raise ConfigurationError(
        f"{source.path}: format {source.format or 'unknown'}; set format to one of {', '.join(FORMATS)}"
    )
