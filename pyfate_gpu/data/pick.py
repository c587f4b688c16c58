# SPDX-License-Identifier: Apache-2.0
"""Take ids, labels, weights and features out of the named columns of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.data.columns import Column
from pyfate_gpu.data.ids import id_texts
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats

if TYPE_CHECKING:
    from pyfate_gpu.data.sources import DataSource


@dataclass(frozen=True)
class Columns:
    """The columns of a file.

    Parameters
    ----------
    names : sequence of str
        In their order.
    column : callable
        Returns the column of an index.
    aside : collection of str
        Names of columns that are no features unless they are named as such: the index of a pandas table.
    advice : str
        What may be wrong where a column is not there.
    """

    names: Sequence[str]
    column: Callable[[int], Column]
    aside: Collection[str] = ()
    advice: str = ""


def pick(source: DataSource, columns: Columns) -> Rows:
    """Return the rows that `source` asks for.

    Raises
    ------
    ConfigurationError
        When a column is asked for as a feature and as something else.
    DataError
        When a column is not there, is there twice, or is of no use.
    """
    repeated = [name for name, count in Counter(columns.names).items() if count > 1]
    twice = sorted(set(repeated) - set(columns.aside))
    if twice:
        raise DataError(f"{source.path} has columns named more than once: {_quoted(twice)}")
    keys = [source.id] if isinstance(source.id, str) else source.id
    taken = {*keys, source.label, source.weight, source.exposure}
    names = source.columns
    if names is None:
        names = [name for name in columns.names if name not in taken | set(columns.aside)]
    elif taken & set(names):
        raise ConfigurationError(
            "columns names features only, not those of ids, labels and weights"
        )

    def column(name: str) -> Column:
        return columns.column(_index(source, columns, name))

    ids = id_texts([column(name) for name in keys])
    labels = None if source.label is None else column(source.label).labels()
    extras = {"sample_weight": source.weight, "exposure": source.exposure}
    values: Floats = np.empty((len(ids), len(names)))
    for target, name in enumerate(names):
        values[:, target] = column(name).numbers()
    return Rows(
        ids,
        tuple(names),
        values,
        labels,
        {keyword: column(name).numbers() for keyword, name in extras.items() if name is not None},
    )


def _index(source: DataSource, columns: Columns, name: str) -> int:
    if name in columns.names:
        return list(columns.names).index(name)
    raise DataError(
        f"{source.path} has no column {name!r}; it has {_quoted(columns.names)}{columns.advice}"
    )


def _quoted(names: Sequence[str]) -> str:
    """Return names for an error, without those that may be cells of a file that has no names."""
    texts = [name for name in names if not _is_number(name)]
    numbers = len(names) - len(texts)
    found = ", ".join(texts[:20]) + " and others" * (len(texts) > 20)
    found += f"{' and ' * bool(found)}{numbers} numbers in place of names" * bool(numbers)
    return found or "none"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
