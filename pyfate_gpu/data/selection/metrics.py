# SPDX-License-Identifier: Apache-2.0
"""Numbers of columns that their owner finds alone: how many values, how many missing, how they go together."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from pyfate_gpu.data.binning.categories import as_categories
from pyfate_gpu.data.binning.learn import is_text, learn_bins
from pyfate_gpu.data.binning.numeric import as_numbers
from pyfate_gpu.data.binning.settings import BinningRules
from pyfate_gpu.data.binning.table import check_columns, read_columns
from pyfate_gpu.data.information_value import stability_of
from pyfate_gpu.data.scaling import divided, exponents_of
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats

#: Below this share of the largest, an eigenvalue of correlations is 0.
_NOTHING = 1e-12


def unique_of(column: Any) -> float:
    """Return how many distinct values a column has, missing ones not counted."""
    return float(len({value for value in as_categories(column) if value is not None}))


def missing_of(column: Any) -> float:
    """Return the share of values that are missing."""
    values = as_categories(column)
    return sum(value is None for value in values) / len(values) if values else 0.0


def same_of(column: Any) -> float:
    """Return the largest share of rows that have one value; missing is a value here."""
    values = as_categories(column)
    return max(Counter(values).values()) / len(values) if values else 0.0


def variation_of(column: Any) -> float:
    """Return the coefficient of variation: standard deviation by mean, in size; NaN of texts.

    Examples
    --------
    >>> from pyfate_gpu.data.selection.metrics import variation_of
    >>> variation_of([1.0, 3.0, None]), variation_of([2, 2]), variation_of([-1, 1])
    (0.5, 0.0, inf)
    """
    if is_text(column):
        return float("nan")
    values = as_numbers(column)
    values = values[np.isfinite(values)]
    if not len(values) or values.min() == values.max():
        return 0.0
    near = divided(values[:, np.newaxis], exponents_of(np.array([np.abs(values).max()])))
    mean = abs(float(near.mean()))
    return float(near.std()) / mean if mean else float("inf")


def standardized(columns: list[Any]) -> Floats:
    """Return numbers with mean 0 and mean square 1, float64 [rows, columns]; missing ones, and constant columns, are 0.

    Infinite values count as missing, and so do columns of texts as a whole.
    """
    rows = len(columns[0]) if columns else 0
    found = np.zeros((rows, len(columns)))
    for place, column in enumerate(columns):
        if is_text(column):
            continue
        values = as_numbers(column)
        there = np.isfinite(values)
        if not there.any() or values[there].min() == values[there].max():
            continue
        size = np.array([np.abs(values[there]).max()])
        near = divided(values[there, np.newaxis], exponents_of(size))[:, 0]
        centred = near - near.mean()
        found[there, place] = centred / np.sqrt((centred**2).sum() / rows)
    return found


def correlations(values: Floats) -> Floats:
    """Return the correlations of standardised columns, [columns, columns]."""
    found = values.T @ values / max(1, len(values))
    return np.asarray(np.clip(found, -1.0, 1.0), dtype=np.float64)


def inflation_of(correlation: Floats) -> Floats:
    """Return the variance inflation factors of columns, from their correlations; infinite where others span one.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.selection.metrics import inflation_of
    >>> inflation_of(np.array([[1.0, 0.6], [0.6, 1.0]])).round(4).tolist()
    [1.5625, 1.5625]
    """
    if not len(correlation):
        return np.empty(0)
    filled = correlation.copy()
    constant = np.diag(filled) == 0
    filled[constant, constant] = 1.0  # they are spanned by nothing
    sizes, vectors = np.linalg.eigh(filled)
    nothing = sizes <= _NOTHING * sizes.max()
    inverse = np.where(nothing, 0.0, 1.0 / np.where(nothing, 1.0, sizes))
    found = (vectors**2 * inverse).sum(axis=1)
    found[(vectors[:, nothing] ** 2).sum(axis=1) > _NOTHING] = np.inf
    return np.asarray(found, dtype=np.float64)


def stabilities(expected: Any, actual: Any, *, max_bins: int = 10) -> Floats:
    """Return the stability index of each column: how far the rows of `actual` differ from those of `expected`.

    Parameters
    ----------
    expected, actual : array-like or DataFrame
        Tables of the same columns; bins are the quantiles of the first.
    max_bins : int

    Raises
    ------
    DataError
        When the columns differ, or one table has no rows.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.selection.metrics import stabilities
    >>> old = np.arange(100.0).reshape(-1, 1)
    >>> stabilities(old, old).tolist(), bool(stabilities(old, old + 50)[0] > 1)
    ([0.0], True)
    """
    first, second = read_columns(expected), read_columns(actual)
    check_columns(second, len(first.columns), first.names)
    if not first.rows or not second.rows:
        raise DataError("stability compares two tables with rows; one has none")
    rules = BinningRules(max_bins=max_bins)

    def one(place: int, key: Any) -> float:
        bins = learn_bins(first.columns[place], key, rules)
        return stability_of(bins.counted(first.columns[place]), bins.counted(second.columns[place]))

    return np.array(first.each(one), dtype=np.float64)
