# SPDX-License-Identifier: Apache-2.0
"""How a party wants its columns binned, checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Any

from pyfate_gpu.data.binning.categories import UNSEEN
from pyfate_gpu.data.binning.numeric import NumericBins, check_bin_count
from pyfate_gpu.data.binning.optimal import FREE, MAX_PREBINS, TRENDS
from pyfate_gpu.errors import ConfigurationError

QUANTILE, WIDTH, CHI_MERGE, OPTIMAL = METHODS = ("quantile", "width", "chi_merge", "optimal")
#: Those that look at the labels.
SUPERVISED = (CHI_MERGE, OPTIMAL)


@dataclass(frozen=True)
class BinningRules:
    """How columns are binned; every rule can be another one for a column of its own by name or number.

    Parameters
    ----------
    method : {"quantile", "width", "chi_merge", "optimal"}
        As many rows each; as wide each; neighbours merged that labels do not tell apart; the largest
        information value.
    max_bins : int
        Of the ordinary values of a column.
    min_share : float
        Least share of the rows of a bin, from 0 to 0.5; smaller ones are merged, rare categories pooled.
    min_events : int
        Fewest rows of each class in a bin, of the methods that look at labels.
    trend : {"none", "up", "down", "auto", "peak"}
        Of the share of events from bin to bin, of ``optimal``.
    max_p : float
        Of ``chi_merge``: neighbours that differ less significantly are merged.
    prebins : int
        Quantiles that the methods which look at labels begin with, at most 64.
    cuts : mapping
        Cut points by hand, by column.
    categories : mapping or sequence
        Columns of categories, beside those of texts; as a mapping with groups by hand, or None for none.
    special : sequence or mapping
        Values with bins of their own, of all columns of their type or by column.
    unseen : {"pool", "missing"}
        Where categories go that training did not see.
    """

    method: str = QUANTILE
    max_bins: int = 10
    min_share: float = 0.0
    min_events: int = 0
    trend: str = FREE
    max_p: float = 0.1
    prebins: int = MAX_PREBINS
    cuts: Mapping[Any, Sequence[float]] = field(default_factory=dict)
    categories: Any = ()
    special: Any = ()
    unseen: str = UNSEEN[0]

    def check(self) -> None:
        """Raise ConfigurationError for the first rule that makes no sense."""
        for name, choices in (("method", METHODS), ("trend", TRENDS), ("unseen", UNSEEN)):
            if getattr(self, name) not in choices:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)!r}; choose one of {', '.join(choices)}"
                )
        check_bin_count("max_bins", self.max_bins)
        if check_bin_count("prebins", self.prebins) > MAX_PREBINS:
            raise ConfigurationError(f"prebins is {self.prebins}; the limit is {MAX_PREBINS}")
        _check_real("min_share", self.min_share, 0.5)
        _check_real("max_p", self.max_p, 1.0)
        _check_real("min_events", self.min_events, 1e15)
        if self.trend != FREE and self.method != OPTIMAL:
            raise ConfigurationError(
                f"trend is {self.trend!r} and method {self.method!r}; a trend takes 'optimal'"
            )
        if not isinstance(self.cuts, Mapping):
            raise ConfigurationError(
                f"cuts is {self.cuts!r}; it must say the cut points of columns by their names"
            )
        for name, points in self.cuts.items():
            try:
                NumericBins(points)  # type: ignore[arg-type]
            except ConfigurationError as error:
                raise ConfigurationError(f"column {name!r}: {error}") from None
        for name in ("categories", "special"):
            if not isinstance(getattr(self, name), Mapping | Sequence) or isinstance(
                getattr(self, name), str
            ):
                raise ConfigurationError(f"{name} is {getattr(self, name)!r}; it must be a list")


def _check_real(name: str, value: object, most: float) -> None:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not number or not 0 <= float(value) <= most:  # type: ignore[arg-type]
        raise ConfigurationError(f"{name} is {value!r}; it must be a number from 0 to {most:g}")
