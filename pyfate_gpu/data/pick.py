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


@dataclass(frozen=True)
class Choice:
    """What is taken of a file's columns, each by its index.

    Parameters
    ----------
    ids : list of int
        Those that make an id together.
    label : int or None
        That of labels.
    extras : dict
        Those of weights and exposures, by the keyword of `fit`.
    features : list of int
        Those of features, in the order wanted.
    """

    ids: list[int]
    label: int | None
    extras: dict[str, int]
    features: list[int]


def choose(
    source: DataSource, names: Sequence[str], aside: Collection[str] = (), advice: str = ""
) -> Choice:
    """Return which columns of a file `source` asks for.

    Parameters
    ----------
    names, aside, advice
        As of `Columns`.

    Raises
    ------
    ConfigurationError
        When a column is asked for as a feature and as something else.
    DataError
        When a column is not there, or is there twice.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    twice = sorted(set(repeated) - set(aside))
    if twice:
        raise DataError(f"{source.path} has columns named more than once: {_quoted(twice)}")
    keys = [source.id] if isinstance(source.id, str) else source.id
    taken = {*keys, source.label, source.weight, source.exposure}
    features = source.columns
    if features is None:
        features = [name for name in names if name not in taken | set(aside)]
    elif taken & set(features):
        raise ConfigurationError(
            "columns names features only, not those of ids, labels and weights"
        )
    places = {name: place for place, name in reversed(list(enumerate(names)))}

    def place(name: str) -> int:
        if name not in places:
            raise DataError(
                f"{source.path} has no column {name!r}; it has {_quoted(names)}{advice}"
            )
        return places[name]

    extras = {"sample_weight": source.weight, "exposure": source.exposure}
    return Choice(
        [place(name) for name in keys],
        None if source.label is None else place(source.label),
        {keyword: place(name) for keyword, name in extras.items() if name is not None},
        [place(name) for name in features],
    )


def pick(source: DataSource, columns: Columns) -> Rows:
    """Return the rows that `source` asks for.

    Raises
    ------
    ConfigurationError, DataError
        As `choose` does, and when a column is of no use.
    """
    chosen = choose(source, columns.names, columns.aside, columns.advice)
    ids = id_texts([columns.column(index) for index in chosen.ids])
    labels = None if chosen.label is None else columns.column(chosen.label).labels()
    values: Floats = np.empty((len(ids), len(chosen.features)))
    for target, index in enumerate(chosen.features):
        values[:, target] = columns.column(index).numbers()
    return Rows(
        ids,
        tuple(columns.names[index] for index in chosen.features),
        values,
        labels,
        {keyword: columns.column(index).numbers() for keyword, index in chosen.extras.items()},
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
