# SPDX-License-Identifier: Apache-2.0
"""All bins of one column: ordinary ones, those of special values, that of missing ones, and which are merged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.data.binning.categories import Category, CategoryBins, as_categories
from pyfate_gpu.data.binning.merging import merge_small
from pyfate_gpu.data.binning.numeric import NumericBins, as_numbers
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.typing import Integers


@dataclass(frozen=True, eq=False)
class ColumnBins:
    """Bins of a column in the order ordinary, special, missing; `groups` says which of these share a bin.

    Parameters
    ----------
    ordinary : NumericBins or CategoryBins
    special : tuple
        Values with a bin of their own whatever the ordinary bins say of them, such as -999.
    groups : int64 [ordinary, special and missing bins]
        The bin that each has in the end, numbered from 0 without gaps.

    Examples
    --------
    >>> from pyfate_gpu.data.binning.column import ColumnBins
    >>> from pyfate_gpu.data.binning.numeric import NumericBins
    >>> bins = ColumnBins.of(NumericBins([1.0]), special=(-999.0,))
    >>> bins.assign([0.0, 1.0, -999.0, float("nan")]).tolist()
    [0, 1, 2, 3]
    >>> bins.names()
    ['below 1', '1 and above', 'special -999', 'missing']
    """

    ordinary: NumericBins | CategoryBins
    special: tuple[Category, ...]
    groups: Integers

    @classmethod
    def of(
        cls, ordinary: NumericBins | CategoryBins, special: tuple[Category, ...] = ()
    ) -> ColumnBins:
        """Return them without any merged.

        Raises
        ------
        ConfigurationError
            When a special value is missing, is there twice, or is a category of a bin.
        """
        plain = as_categories(special)
        special = tuple(value for value in plain if value is not None)
        if len(special) < len(plain):
            raise ConfigurationError("special values hold a missing one, which has its own bin")
        if len(set(special)) < len(special):
            raise ConfigurationError(f"special values are {special!r}; each is there once")
        if isinstance(ordinary, CategoryBins):
            known = {category for group in ordinary.groups for category in group}
            both = [value for value in special if value in known]
            if both:
                raise ConfigurationError(
                    f"{both[0]!r} is a special value and a category of a bin; it takes one place"
                )
        elif any(isinstance(value, str) for value in special):
            raise ConfigurationError(f"special values of a column of numbers are {special!r}")
        return cls(ordinary, special, np.arange(ordinary.count + len(special) + 1))

    @property
    def count(self) -> int:
        """Number of bins in the end."""
        return int(self.groups.max()) + 1

    @property
    def missing(self) -> int:
        """The bin of missing values."""
        return int(self.groups[-1])

    def assign(self, column: Any) -> npt.NDArray[np.int16]:
        """Return the bin of each value, int16 [n].

        Raises
        ------
        DataError
            When the column is of another type than these bins.
        """
        return self.groups[self._assign_each(column)].astype(np.int16)

    def counted(self, column: Any) -> Integers:
        """Return how many rows are in each bin."""
        return np.bincount(self.assign(column), minlength=self.count).astype(np.int64)

    def merged(self, rows: Integers, least: float) -> ColumnBins:
        """Return them with bins of fewer than `least` rows merged; bins without rows may stay.

        Bins of numbers join a neighbour. Others that are too small, and have rows, share one; if that is too
        small still, they join the bin with the fewest rows.

        Parameters
        ----------
        rows : int64 [bins]
            Rows of each of these bins.
        """
        ordinary = len(np.unique(self.groups[: self.ordinary.count]))
        firsts = np.arange(ordinary)
        if isinstance(self.ordinary, NumericBins):
            firsts = merge_small(rows[:ordinary], least)
        else:
            ordinary, firsts = 0, np.empty(0, dtype=np.int64)  # categories have no order
        onto = np.concatenate(
            [
                np.searchsorted(firsts, np.arange(ordinary), side="right") - 1,
                np.arange(len(firsts), len(firsts) + self.count - ordinary),
            ]
        ).astype(np.int64)
        sizes = np.bincount(onto, weights=rows).astype(np.int64)
        small = np.flatnonzero((sizes > 0) & (sizes < least))
        if len(small) > 1:
            onto = _joined(onto, small)
            sizes = np.bincount(onto, weights=rows).astype(np.int64)
            small = np.flatnonzero((sizes > 0) & (sizes < least))
        filled = np.flatnonzero(sizes)
        if len(small) and len(filled) > 1:
            others = filled[filled != small[0]]
            onto = _joined(onto, np.array([small[0], others[np.argmin(sizes[others])]]))
        return replace(self, groups=onto[self.groups])

    def names(self) -> list[str]:
        """Return what each bin holds, in words."""
        found: list[list[str]] = [[] for _ in range(self.count)]
        if isinstance(self.ordinary, NumericBins):
            for group, name in _ranges(self.ordinary, self.groups):
                found[group].append(name)
        else:
            for place, members in enumerate(self.ordinary.groups):
                other = ["others"] if place == self.ordinary.pool else []
                found[self.groups[place]] += [_shown(category) for category in members] + other
        first = self.ordinary.count
        for place, value in enumerate(self.special):
            found[self.groups[first + place]].append(f"special {_shown(value)}")
        found[self.missing].append("missing")
        return [", ".join(names) for names in found]

    def as_json(self) -> dict[str, Any]:
        """Return them as JSON takes it, exactly."""
        found: dict[str, Any] = {"special": list(self.special), "groups": self.groups.tolist()}
        if isinstance(self.ordinary, NumericBins):
            return found | {"cuts": [float.hex(float(cut)) for cut in self.ordinary.cuts]}
        return found | {
            "categories": [list(group) for group in self.ordinary.groups],
            "pool": self.ordinary.pool,
            "unseen": self.ordinary.unseen,
        }

    @classmethod
    def from_json(cls, found: Any) -> ColumnBins:
        """Return what `as_json` wrote.

        Raises
        ------
        ValueError
            When it is no such thing.
        """
        if not isinstance(found, Mapping):
            raise ValueError("its bins are not of this form")
        if set(found) == {"special", "groups", "cuts"}:
            ordinary: NumericBins | CategoryBins = NumericBins(
                np.array([float.fromhex(cut) for cut in found["cuts"]])
            )
        elif set(found) == {"special", "groups", "categories", "pool", "unseen"}:
            ordinary = CategoryBins(
                tuple(tuple(group) for group in found["categories"]), found["pool"], found["unseen"]
            )
        else:
            raise ValueError("its bins are not of this form")
        whole = cls.of(ordinary, tuple(found["special"]))
        groups = found["groups"]
        if (
            not isinstance(groups, list)
            or not all(type(group) is int for group in groups)
            or len(groups) != len(whole.groups)
            or not 0 <= max(groups) < len(groups)
            or set(groups) != set(range(max(groups) + 1))
            or not (ordinary.count or isinstance(ordinary, CategoryBins))
        ):
            raise ValueError("its bins do not fit together")
        return replace(whole, groups=np.array(groups, dtype=np.int64))

    def _assign_each(self, column: Any) -> Integers:
        first = self.ordinary.count
        if isinstance(self.ordinary, NumericBins):
            values: Any = as_numbers(column)
            found = self.ordinary.assign(values).astype(np.int64)
            found[np.isnan(values)] = first + len(self.special)
            for place, value in enumerate(self.special):
                found[values == value] = first + place
            return found
        categories = as_categories(column)
        found = self.ordinary.assign(categories).astype(np.int64)
        places: dict[Any, int] = {value: place for place, value in enumerate(self.special)}
        for row, category in enumerate(categories):
            if category in places:
                found[row] = first + places[category]
            elif found[row] == first:
                found[row] = first + len(self.special)
        return found


def _shown(value: Category) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _joined(onto: Integers, together: Integers) -> Integers:
    """Return the numbers of bins after some have become one, the first of them."""
    found = onto.copy()
    found[np.isin(onto, together)] = together.min()
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def _ranges(bins: NumericBins, groups: Integers) -> list[tuple[int, str]]:
    """Return the group and the words of each run of ordinary bins that share one."""
    edges = [-np.inf, *bins.cuts.tolist(), np.inf]
    starts = [0, *(1 + np.flatnonzero(np.diff(groups[: bins.count]))).tolist(), bins.count]
    found = []
    for first, last in zip(starts[:-1], starts[1:], strict=True):
        low, high = edges[first], edges[last]
        if last == bins.count:
            name = "all values" if first == 0 else f"{low:.6g} and above"
        else:
            name = f"below {high:.6g}" if first == 0 else f"{low:.6g} to {high:.6g}"
        found.append((int(groups[first]), name))
    return found
