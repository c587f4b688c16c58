# SPDX-License-Identifier: Apache-2.0
"""Bins of a column of categories: one each, groups by hand, and a pool of the rare ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.binning.numeric import MAX_BINS
from pyfate_gpu.data.cells import is_missing
from pyfate_gpu.errors import ConfigurationError, DataError

#: A category: a text, a whole number, a float or a truth value; 1, 1.0 and True are the same.
Category = str | int | float | bool
POOL, MISSING = UNSEEN = ("pool", "missing")


@dataclass(frozen=True)
class CategoryBins:
    """Which categories share a bin.

    Parameters
    ----------
    groups : tuple of tuple of categories
        Those of each bin; one of a pool that nothing is in yet may be empty.
    pool : int or None
        The bin of rare categories, where there is one.
    unseen : {"pool", "missing"}
        Where categories go that are in no group: to the pool, where there is one, or to the missing bin.

    Raises
    ------
    ConfigurationError
        When a category is in two groups or is missing, or there are too many groups.

    Examples
    --------
    >>> from pyfate_gpu.data.binning.categories import CategoryBins
    >>> bins = CategoryBins((("a",), ("b", "c")), pool=1)
    >>> bins.assign(["a", "c", "new", None]).tolist()
    [0, 1, 1, 2]
    """

    groups: tuple[tuple[Category, ...], ...]
    pool: int | None = None
    unseen: str = POOL

    def __post_init__(self) -> None:
        if self.unseen not in UNSEEN:
            raise ConfigurationError(
                f"unseen is {self.unseen!r}; choose one of {', '.join(UNSEEN)}"
            )
        listed = [as_categories(group) for group in self.groups]
        groups = tuple(tuple(each for each in group if each is not None) for group in listed)
        object.__setattr__(self, "groups", groups)
        every = [category for group in groups for category in group]
        if sum(map(len, listed)) > len(every):
            raise ConfigurationError("a group of categories has a missing value; it has its bin")
        twice = [category for category, count in Counter(every).items() if count > 1]
        if twice:
            raise ConfigurationError(
                f"category {twice[0]!r} is in more than one group, or twice in one; it takes one place"
            )
        if len(self.groups) > MAX_BINS:
            raise ConfigurationError(
                f"{len(self.groups)} groups of categories, the limit is {MAX_BINS}: pool the rare ones"
            )

    @property
    def count(self) -> int:
        """Number of bins for categories; that of the missing bin is the next one."""
        return len(self.groups)

    def assign(self, column: Iterable[Any]) -> NDArray[np.int16]:
        """Return the bin of each category, int16 [n], and `count` for a missing one.

        Raises
        ------
        DataError
            When a value is neither a text nor a number, or all are numbers and the categories texts, or the
            other way round.
        """
        listed = as_categories(column)
        known = {isinstance(category, str) for group in self.groups for category in group}
        found = {isinstance(category, str) for category in listed if category is not None}
        if known and found and not known & found:
            kinds = ("numbers", "texts") if True in known else ("texts", "numbers")
            raise DataError(
                f"a column of categories has {kinds[0]}, its bins are of {kinds[1]}: use the type of training"
            )
        places: dict[Any, int] = {
            category: place for place, group in enumerate(self.groups) for category in group
        }
        other = self.count if self.pool is None or self.unseen == MISSING else self.pool
        bins = [self.count if each is None else places.get(each, other) for each in listed]
        return np.array(bins, dtype=np.int16)


def category_bins(
    column: Iterable[Any],
    *,
    min_share: float = 0.0,
    max_bins: int = MAX_BINS,
    unseen: str = POOL,
) -> CategoryBins:
    """Return a bin for each category, in their order, and one at the end for all rare ones.

    Rare is a category with less than `min_share` of the rows that have one, and, where there are more than
    `max_bins` bins, those with the fewest rows; of equals the later ones.

    Raises
    ------
    DataError
        When a value is neither a text nor a number.
    ConfigurationError
        When there are too many categories.

    Examples
    --------
    >>> from pyfate_gpu.data.binning.categories import category_bins
    >>> category_bins(["b", "a", "b", "c", None, "b"], max_bins=2).groups
    (('b',), ('a', 'c'))
    """
    counts = Counter(category for category in as_categories(column) if category is not None)
    names = sorted(counts, key=_order)
    total = sum(counts.values())
    rare = {name for name in names if counts[name] < min_share * total}
    while len(names) - len(rare) + bool(rare) > max_bins:
        left = [name for name in reversed(names) if name not in rare]
        rare.add(min(left, key=lambda name: counts[name]))
    kept = [(name,) for name in names if name not in rare]
    if not rare:
        return CategoryBins(tuple(kept), None, unseen)
    pooled = tuple(name for name in names if name in rare)
    return CategoryBins((*kept, pooled), len(kept), unseen)


def as_categories(column: Iterable[Any]) -> list[Category | None]:
    """Return the categories of a column as Python's values, None for missing ones.

    Raises
    ------
    DataError
        When one is neither a text nor a number.
    """
    array = column if isinstance(column, Sequence | np.ndarray) else np.asarray(column)
    listed = array.tolist() if isinstance(array, np.ndarray) else list(array)
    found: list[Category | None] = []
    for row, value in enumerate(listed):
        plain = value.item() if isinstance(value, np.generic) else value
        if is_missing(plain):
            found.append(None)
        elif isinstance(plain, str | int | float):
            found.append(plain)
        else:
            raise DataError(
                f"row {row} of a column of categories is a {type(plain).__name__}; categories are texts or numbers"
            )
    return found


def _order(category: Category) -> tuple[bool, Any]:
    """Numbers before texts."""
    return isinstance(category, str), category
