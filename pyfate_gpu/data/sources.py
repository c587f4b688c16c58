# SPDX-License-Identifier: Apache-2.0
"""Rows of one party from CSV, LibSVM, Parquet and Arrow files, by id."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ConfigurationError, DataError

_MISSING_CELLS = frozenset({"", "na", "n/a", "nan", "null", "none"})
_LEADING = ("id", "label", "skip")
#: One line of a LibSVM file can ask for any number of columns; so many cells take 8 GiB.
MAX_COLUMNS, MAX_CELLS = 1 << 20, 1 << 30


@dataclass(frozen=True)
class DataSource:
    """Where a party's rows are.

    Parameters
    ----------
    path : Path
        A file.
    format : str or None
        One of the formats of this module; None to go by the file's name.
    id : str
        Column of ids.
    label : str or None
        Column of labels, at the guest.
    weight, exposure : str or None
        Columns of sample weights, and of exposures for Poisson regression, at the guest.
    columns : list of str or None
        Feature columns; None for all others.
    leading : list of str
        LibSVM only: what stands before the features of a line.
    """

    path: Path
    format: str | None = None
    id: str = "id"
    label: str | None = None
    weight: str | None = None
    exposure: str | None = None
    columns: list[str] | None = None
    leading: list[str] = field(default_factory=lambda: ["label"])


@dataclass(frozen=True)
class Rows:
    """One party's rows in the order of their ids, as texts.

    Parameters
    ----------
    ids : list of str
        Each once.
    names : tuple of str
        Of the feature columns.
    values : float64 [rows, columns]
        Missing values are NaN.
    labels : array [rows] or None
        Of whole numbers, numbers or texts, whichever all of them are.
    extras : dict
        Sample weights and exposures, float64 [rows], by the keyword of `fit`.
    """

    ids: list[str]
    names: tuple[str, ...]
    values: NDArray[np.float64]
    labels: NDArray[Any] | None
    extras: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def features(self) -> NamedColumns:
        """The features as models take them, with their names."""
        return NamedColumns(self.names, self.values)

    def take(self, rows: Sequence[int]) -> Rows:
        """Return some of the rows, in the order given."""
        return Rows(
            [self.ids[row] for row in rows],
            self.names,
            self.values[rows],
            None if self.labels is None else self.labels[rows],
            {keyword: values[rows] for keyword, values in self.extras.items()},
        )


@dataclass(frozen=True)
class NamedColumns:
    """As much of a pandas table as the models read: names and numbers."""

    columns: tuple[str, ...]
    values: NDArray[np.float64]

    @property
    def dtypes(self) -> dict[str, np.dtype[np.float64]]:
        """The type of each column."""
        return dict.fromkeys(self.columns, self.values.dtype)

    def to_numpy(self, **options: Any) -> NDArray[np.float64]:
        """Return the numbers, missing ones as NaN."""
        return self.values

    def __len__(self) -> int:
        return len(self.values)


def read_rows(source: DataSource) -> Rows:
    """Return the rows of a file, in the order of their ids.

    Raises
    ------
    ConfigurationError
        When the format is unknown, or takes a package that is not installed.
    DataError
        When the file cannot be read, lacks a column, holds texts among the features, or ids that are
        missing or there twice.
    """
    reader = _reader(source)
    try:
        rows = reader(source)
    except OSError as error:
        raise DataError(f"cannot read {source.path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise DataError(f"{source.path} is no text in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{source.path} is no CSV file: {error}") from None
    except MemoryError:
        raise DataError(
            f"{source.path} does not fit the memory of this process; take fewer rows or columns"
        ) from None
    return _in_order(rows, source.path)


def _reader(source: DataSource) -> Callable[[DataSource], Rows]:
    kind = source.format or _FORMATS_BY_SUFFIX.get(source.path.suffix.lower(), "")
    if kind not in _READERS:
        raise ConfigurationError(
            f"{source.path}: format {kind or 'unknown'}; set format to one of {', '.join(_READERS)}"
        )
    return _READERS[kind]


def _read_csv(source: DataSource) -> Rows:
    with source.path.open(newline="", encoding="utf-8-sig") as file:
        lines = csv.reader(file)
        header = next(lines, [])
        cells = [line for line in lines if line]
    for number, line in enumerate(cells, 1):
        if len(line) != len(header):
            raise DataError(
                f"{source.path}: row {number} has {len(line)} cells, the header has {len(header)}"
            )
    columns = list(zip(*cells, strict=True)) if cells else [() for _ in header]
    return _pick(source, header, lambda index: list(columns[index]))


def _read_arrow(source: DataSource) -> Rows:
    try:
        import pyarrow as arrow
        from pyarrow import feather, parquet
    except ImportError:
        raise ConfigurationError(
            f"{source.path} takes pyarrow: pip install 'pyfate-gpu[arrow]'"
        ) from None
    try:  # in one thread: what fails in others, for want of memory above all, ends the process
        if source.format == "parquet" or source.path.suffix.lower() in (".parquet", ".pq"):
            table = parquet.read_table(source.path, use_threads=False, pre_buffer=False)
        else:
            table = feather.read_table(source.path, use_threads=False)
        table.validate(full=True)  # or offsets in the file are believed
    except arrow.ArrowException as error:
        raise DataError(f"{source.path} is no Parquet or Arrow file: {error}") from None
    return _pick(source, table.column_names, lambda index: table.column(index).to_pylist())


def _read_libsvm(source: DataSource) -> Rows:
    """Read ``LEADING... index:value ...`` lines; ids are row numbers unless `leading` has them."""
    _check_leading(source)
    ids: list[str] = []
    labels: list[str] = []
    entries: list[tuple[int, int, float]] = []
    with source.path.open(encoding="utf-8") as file:
        for line in file:
            tokens = line.partition("#")[0].split()
            if tokens:
                row = len(ids)
                bare, found = _libsvm_row(source, row, tokens)
                ids.append(bare.get("id", str(row)))
                labels.append(bare.get("label", ""))
                entries += found
    names, values = _dense(source, len(ids), entries)
    if source.columns is not None:
        values = values[:, [_index(source, names, name) for name in source.columns]]
        names = source.columns
    return Rows(ids, tuple(names), values, _labels(labels) if source.label else None)


def _check_leading(source: DataSource) -> None:
    leading = source.leading
    if any(
        name not in _LEADING or (name != "skip" and leading.count(name) > 1) for name in leading
    ):
        raise ConfigurationError(
            f"leading is {leading}; it takes id and label, each once at most, and skip"
        )
    if source.weight is not None or source.exposure is not None:
        raise ConfigurationError(
            "LibSVM files have no columns of weights or exposures: use another format"
        )


def _libsvm_row(
    source: DataSource, row: int, tokens: list[str]
) -> tuple[dict[str, str], list[tuple[int, int, float]]]:
    """What stands before the features of a line, by its name, and the features."""
    leading = source.leading
    if len(tokens) < len(leading) or any(":" in t for t in tokens[: len(leading)]):
        raise DataError(f"{source.path}: row {row + 1} lacks {' and '.join(leading)} at its start")
    found = [_entry(source.path, row, token) for token in tokens[len(leading) :]]
    if len({index for _, index, _ in found}) < len(found):
        raise DataError(f"{source.path}: row {row + 1} has an index more than once")
    return dict(zip(leading, tokens, strict=False)), found


def _dense(
    source: DataSource, rows: int, entries: list[tuple[int, int, float]]
) -> tuple[list[str], NDArray[np.float64]]:
    """Names and values of the columns of entries by row and index, from 1, or 0 if one has that."""
    first = min(1, min((index for _, index, _ in entries), default=1))
    last = max((index for _, index, _ in entries), default=0)
    width = last - first + 1
    if width > MAX_COLUMNS or rows * width > MAX_CELLS:
        raise DataError(
            f"{source.path} has {rows} rows and features up to {last}; the limits are {MAX_COLUMNS} columns "
            f"and {MAX_CELLS} cells: number the features without gaps"
        )
    values = np.zeros((rows, width))
    for row, index, value in entries:
        values[row, index - first] = value
    return [str(index) for index in range(first, last + 1)], values


def _entry(path: Path, row: int, token: str) -> tuple[int, int, float]:
    index, _, value = token.partition(":")
    try:
        if not index.isdecimal():
            raise ValueError(index)
        return row, int(_ascii(index)), float(_ascii(value))
    except ValueError:
        raise DataError(f"{path}: row {row + 1} has {token!r} in place of index:value") from None


def _pick(source: DataSource, header: Sequence[str], column: Callable[[int], list[Any]]) -> Rows:
    """Take ids, labels and features out of named columns."""
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice:
        raise DataError(f"{source.path} has columns named more than once: {', '.join(twice)}")
    ids = column(_index(source, header, source.id))
    if any(value is None or value != value or value == "" for value in ids):
        raise DataError(f"{source.path}: column {source.id!r} lacks the id of some row")
    labels = None
    if source.label is not None:
        labels = _labels(column(_index(source, header, source.label)))
    taken = {source.id, source.label, source.weight, source.exposure}
    names = source.columns
    if names is None:
        names = [name for name in header if name not in taken]
    elif taken & set(names):
        raise ConfigurationError(
            "columns names features only, not those of ids, labels and weights"
        )

    def numbers(name: str) -> list[float]:
        cells = column(_index(source, header, name))
        return [_number(source.path, name, row, cell) for row, cell in enumerate(cells)]

    values = np.empty((len(ids), len(names)))
    for target, name in enumerate(names):
        values[:, target] = numbers(name)
    extras = {"sample_weight": source.weight, "exposure": source.exposure}
    return Rows(
        [str(value) for value in ids],
        tuple(names),
        values,
        labels,
        {keyword: np.array(numbers(name)) for keyword, name in extras.items() if name is not None},
    )


def _index(source: DataSource, header: Sequence[str], name: str) -> int:
    if name not in header:
        raise DataError(
            f"{source.path} has no column {name!r}; it has {', '.join(header[:20])}"
            f"{' and others' if len(header) > 20 else ''}"
        )
    return list(header).index(name)


def _number(path: Path, name: str, row: int, cell: Any) -> float:
    if cell is None or (isinstance(cell, str) and cell.strip().lower() in _MISSING_CELLS):
        return float("nan")
    try:
        return float(_ascii(cell))
    except (TypeError, ValueError, OverflowError):
        raise DataError(
            f"{path}: column {name!r} of row {row + 1} is {cell!r}, it takes numbers: "
            "encode texts and dates before training"
        ) from None


def _labels(cells: Sequence[Any]) -> NDArray[Any]:
    """Return labels as whole numbers, numbers or texts, whichever fits all; missing ones stay missing."""
    texts = [None if c is None or str(c).strip().lower() in _MISSING_CELLS else c for c in cells]
    for kind in (_whole_number, float):
        try:
            return np.array([float("nan") if c is None else kind(_ascii(c)) for c in texts])
        except (TypeError, ValueError, OverflowError):
            continue
    return np.array(texts, dtype=object)


def _ascii(cell: Any) -> Any:
    """Refuse texts that Python takes for numbers and no other program does: ``1_0``, digits of other scripts."""
    if isinstance(cell, str) and ("_" in cell or not cell.isascii()):
        raise ValueError(cell)
    return cell


def _whole_number(cell: Any) -> int:
    if isinstance(cell, float):
        raise ValueError(cell)
    return int(cell)


def _in_order(rows: Rows, path: Path) -> Rows:
    twice = sorted(name for name, count in Counter(rows.ids).items() if count > 1)
    if twice:
        raise DataError(
            f"{path}: {len(twice)} ids are there more than once, {twice[0]!r} for one: keep one row of each"
        )
    return rows.take(sorted(range(len(rows.ids)), key=rows.ids.__getitem__))


_READERS: dict[str, Callable[[DataSource], Rows]] = {
    "csv": _read_csv,
    "libsvm": _read_libsvm,
    "parquet": _read_arrow,
    "arrow": _read_arrow,
}
_FORMATS_BY_SUFFIX = {
    ".csv": "csv",
    ".libsvm": "libsvm",
    ".svm": "libsvm",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
