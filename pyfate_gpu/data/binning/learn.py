# SPDX-License-Identifier: Apache-2.0
"""The bins of one column by the rules of its owner."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.categories import CategoryBins, as_categories, category_bins
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.binning.merging import chi_merge, merge_small
from pyfate_gpu.data.binning.numeric import NumericBins, as_numbers
from pyfate_gpu.data.binning.optimal import FREE, Limits, optimal_starts
from pyfate_gpu.data.binning.quantiles import quantile_bins
from pyfate_gpu.data.binning.settings import CHI_MERGE, SUPERVISED, WIDTH, BinningRules
from pyfate_gpu.data.binning.widths import equal_width_bins
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.typing import Floats, Integers

#: Classes of rows, one column each: zeros and ones, or weights.
Classes = Floats


def learn_bins(
    column: Any,
    name: Any,
    rules: BinningRules,
    *,
    classes: Classes | None = None,
) -> ColumnBins:
    """Return the bins of a column.

    Parameters
    ----------
    column : array-like [n]
    name : str or int
        Of the column, for rules of its own.
    rules : BinningRules
    classes : float64 [n, classes], optional
        Of the labels, which ``chi_merge`` and ``optimal`` take: 1, or the weight of the row, in the column of its
        class, 0 elsewhere. Of two classes the second is the event.

    Raises
    ------
    ConfigurationError, DataError
        When rules and column do not fit each other.
    """
    groups = _groups_by_hand(rules.categories, name)
    if name in rules.cuts and groups is not None:
        raise ConfigurationError(f"column {name!r} has cuts and is one of categories: choose one")
    if groups is not None or (name not in rules.cuts and is_text(column)):
        return _category_bins(column, name, groups or None, rules)
    values = as_numbers(column)
    special = _special_of(rules.special, name, numbers=True)
    ordinary = ~np.isnan(values) & ~np.isin(values, np.array(special, dtype=np.float64))
    if name in rules.cuts:
        return ColumnBins.of(NumericBins(rules.cuts[name]), special)  # type: ignore[arg-type]
    if rules.method in SUPERVISED:
        if classes is None:
            raise ConfigurationError(
                f"method {rules.method!r} looks at labels, and there are none: pass y, or choose another"
            )
        bins = _supervised(values[ordinary], classes[ordinary], rules)
    else:
        cut = equal_width_bins if rules.method == WIDTH else quantile_bins
        bins = cut(values[ordinary], rules.max_bins)
    found = _merge(bins, values[ordinary], rules.min_share)
    return ColumnBins.of(found, special)


def is_text(column: Any) -> bool:
    """Return whether a column holds texts, so that it is one of categories."""
    array = np.asarray(column)
    if array.dtype.kind in "US":
        return True
    return array.dtype == object and any(isinstance(value, str) for value in array.tolist())


def _supervised(values: Floats, classes: Classes, rules: BinningRules) -> NumericBins:
    """Return bins that look at labels, merged from quantiles."""
    fine = quantile_bins(values, rules.prebins)
    where = fine.assign(values).astype(np.int64)
    rows = np.bincount(where, minlength=fine.count).astype(np.int64)
    counts: Floats = np.zeros((fine.count, classes.shape[1]))
    np.add.at(counts, where, classes)
    return NumericBins(fine.cuts[supervised_starts(counts, rows, rules)[1:] - 1])


def supervised_starts(counts: Floats, rows: Integers, rules: BinningRules) -> Integers:
    """Return the first pre-bin of each bin that the method of `rules` merges pre-bins to.

    Parameters
    ----------
    counts : float64 [pre-bins, classes]
    rows : int64 [pre-bins]

    Raises
    ------
    ConfigurationError
        When a trend is asked for and there are more than two classes.
    """
    if rules.trend != FREE and counts.shape[1] > 2:
        raise ConfigurationError(
            f"trend is {rules.trend!r} and there are {counts.shape[1]} classes; a trend takes two"
        )
    least = max(1.0, rules.min_share * float(rows.sum()))
    if rules.method == CHI_MERGE:
        return chi_merge(
            counts,
            rows,
            max_bins=rules.max_bins,
            max_p=rules.max_p,
            min_rows=least,
            min_events=rules.min_events,
        )
    return optimal_starts(
        counts, rows, Limits(rules.max_bins, least, rules.min_events, rules.trend)
    )


def _merge(bins: NumericBins, values: Floats, min_share: float) -> NumericBins:
    rows = np.bincount(bins.assign(values), minlength=bins.count).astype(np.int64)
    starts = merge_small(rows, min_share * len(values))
    return NumericBins(bins.cuts[starts[1:] - 1])


def _category_bins(column: Any, name: Any, groups: Any, rules: BinningRules) -> ColumnBins:
    special = _special_of(rules.special, name, numbers=False)
    if groups is not None:
        try:
            listed = tuple(tuple(group) for group in groups)
        except TypeError:
            raise ConfigurationError(
                f"categories of column {name!r} are {groups!r}; they must be lists of categories"
            ) from None
        return ColumnBins.of(CategoryBins(listed, None, rules.unseen), special)
    ordinary = [value for value in as_categories(column) if value not in special]
    found = category_bins(
        ordinary, min_share=rules.min_share, max_bins=rules.max_bins, unseen=rules.unseen
    )
    return ColumnBins.of(found, special)


def _groups_by_hand(categories: Any, name: Any) -> Any:
    """Return groups of categories by hand, an empty tuple where there are none, None of a column of numbers."""
    if isinstance(categories, Mapping):
        return (categories[name] or ()) if name in categories else None
    return () if name in categories else None


def _special_of(special: Any, name: Any, *, numbers: bool) -> tuple[Any, ...]:
    """Return the special values of a column: those of it by name, or those of its type that all have."""
    found: Iterable[Any] = special.get(name, ()) if isinstance(special, Mapping) else special
    listed = tuple(found)
    if isinstance(special, Mapping) or not numbers:
        return listed
    return tuple(value for value in listed if not isinstance(value, str))


def as_classes(codes: NDArray[np.int64], count: int, weights: Floats | None = None) -> Classes:
    """Return numbers of classes as columns of zeros and ones, or of weights."""
    found = np.zeros((len(codes), count))
    found[np.arange(len(codes)), codes] = 1.0 if weights is None else weights
    return found
