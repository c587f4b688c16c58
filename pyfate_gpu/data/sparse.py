# SPDX-License-Identifier: Apache-2.0
"""Lines of some leading texts and then the values that are not zero, each after its name.

Between texts stand spaces, commas or semicolons, unless the delimiter is given.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.data.cells import parse_number
from pyfate_gpu.data.columns import Column
from pyfate_gpu.data.ids import id_texts
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.data.text_files import open_text
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource

#: One line can ask for any number of columns; so many cells take 8 GiB.
MAX_COLUMNS, MAX_CELLS = 1 << 20, 1 << 30
#: What may stand before the values of a line.
LEADING = ("id", "label", "skip")

_BETWEEN = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class SparseRows:
    """What lines say.

    Parameters
    ----------
    lines : list of int
        Number of each row's line in the file.
    leading : dict
        The texts before the values, by what they are.
    names : dict
        A number for each name, in the order in which they come.
    rows, columns, values : arrays
        Of each value: row, number of its name, and itself.
    """

    lines: list[int]
    leading: dict[str, list[str]]
    names: dict[str, int] = field(default_factory=dict)
    rows: array[int] = field(default_factory=lambda: array("q"))
    columns: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, found: Mapping[str, float]) -> None:
        """Add the values of the last line."""
        self.rows.extend([len(self.lines) - 1] * len(found))
        self.columns.extend([self.names.setdefault(name, len(self.names)) for name in found])
        self.values.extend(found.values())

    def dense(self, names: Sequence[str]) -> Floats:
        """Return a column for each of `names`; what is in no line is 0."""
        places = np.full(len(self.names) + 1, -1)
        for place, name in enumerate(names):
            places[self.names.get(name, -1)] = place
        places[-1] = -1  # stands for names that no line has
        found = np.zeros((len(self.lines), len(names)))
        rows, columns = (
            np.array(self.rows, dtype=np.int64),
            places[np.array(self.columns, np.int64)],
        )
        wanted = columns >= 0
        found[rows[wanted], columns[wanted]] = np.array(self.values)[wanted]
        return found


def read_sparse(
    source: DataSource, usual: Sequence[str], entry: Callable[[str], tuple[str, str]], form: str
) -> SparseRows:
    """Return the rows of a file.

    Parameters
    ----------
    usual : sequence of str
        What stands before the values unless `source` says so.
    entry : callable
        Splits a text into a name and the text of a number, or raises ValueError.
    form : str
        What such a text looks like, for errors.

    Raises
    ------
    ConfigurationError
        When `source` asks for what such files do not have.
    DataError
        When a line is of another form.
    """
    leading = list(usual) if source.leading is None else source.leading
    _check(source, leading)
    missing = source.missing_texts
    rows = SparseRows([], {name: [] for name in leading})
    for line, texts in _texts(source):
        where = f"{source.path}: row {len(rows.lines) + 1} (line {line})"
        if len(texts) < len(leading) or any(":" in text for text in texts[: len(leading)]):
            raise DataError(f"{where} lacks {' and '.join(leading)} at its start")
        rows.lines.append(line)
        for name, text in zip(leading, texts, strict=False):
            rows.leading[name].append(text)
        rows.add(_values(texts[len(leading) :], entry, missing, form, where))
    return rows


def dense_rows(source: DataSource, rows: SparseRows, names: Sequence[str]) -> Rows:
    """Return rows with a column for each of `names`; what is in no line is 0.

    Raises
    ------
    DataError
        When there are more cells than memory should be asked for, or an id is missing.
    """
    count, width = len(rows.lines), len(names)
    if width > MAX_COLUMNS or count * width > MAX_CELLS:
        raise DataError(
            f"{source.path} has {count} rows and {width} columns; the limits are {MAX_COLUMNS} columns "
            f"and {MAX_CELLS} cells: number the features without gaps"
        )

    def column(name: str) -> Column:
        missing = source.missing_texts
        return Column(name, "text", rows.leading[name], f"{source.path}: ", rows.lines, missing)

    ids = id_texts([column("id")]) if "id" in rows.leading else list(map(str, range(count)))
    labelled = source.label is not None and "label" in rows.leading
    return Rows(
        ids, tuple(names), rows.dense(names), column("label").labels() if labelled else None
    )


def _check(source: DataSource, leading: Sequence[str]) -> None:
    if any(name not in LEADING or (name != "skip" and leading.count(name) > 1) for name in leading):
        raise ConfigurationError(
            f"leading is {leading}; it takes id and label, each once at most, and skip"
        )
    if source.weight is not None or source.exposure is not None:
        raise ConfigurationError(
            "such files have no columns of weights or exposures: use another format"
        )
    if not isinstance(source.id, str):
        raise ConfigurationError("such files have one id a line: use another format")
    if source.delimiter is not None and not re.fullmatch(r"[\s,;|]", source.delimiter):
        raise ConfigurationError(
            f"delimiter is {source.delimiter!r}; it must be a space, tab, comma, semicolon or bar"
        )


def _texts(source: DataSource) -> Iterator[tuple[int, list[str]]]:
    """Yield each line that is not empty, with its number, split."""
    between = _BETWEEN
    if source.delimiter is not None:
        between = re.compile(rf"\s*[{re.escape(source.delimiter)}]\s*")
    with open_text(source.path) as file:
        for number, line in enumerate(file, 1):
            text = line.partition("#")[0].strip()
            if text:
                yield number, [part for part in between.split(text) if part]


def _values(
    texts: Sequence[str],
    entry: Callable[[str], tuple[str, str]],
    missing: Collection[str],
    form: str,
    where: str,
) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        try:
            name, number = entry(text)
            value = float("nan") if number in missing else parse_number(number)
        except OverflowError:
            raise DataError(
                f"{where} has a whole number beyond 2**53 that float64 does not hold: divide the column"
            ) from None
        except ValueError:
            raise DataError(f"{where} has another text in place of {form}") from None
        if name in found:
            raise DataError(f"{where} has an index more than once")
        found[name] = value
    return found
