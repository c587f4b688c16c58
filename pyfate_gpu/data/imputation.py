# SPDX-License-Identifier: Apache-2.0
"""Numbers in place of missing ones, learned in fit, the same in predict: the rule of scikit-learn's SimpleImputer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from pyfate_gpu.data.scaling import divided, exponents_of
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats, Integers

METHODS = ("mean", "median")


@dataclass(frozen=True)
class Imputation:
    """What stands for the missing values of one party's columns.

    Parameters
    ----------
    fill : float64 [columns]
        In place of a missing value.
    indicators : int64 [any number]
        Columns that get a further one each, behind all others: 1 where the value is missing, 0 where it is there.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.imputation import Imputation
    >>> rows = np.array([[1.0, 5.0], [np.nan, 6.0], [3.0, 7.0]])
    >>> Imputation.fit(rows, "mean", indicator=True).transform(rows).tolist()
    [[1.0, 5.0, 0.0], [2.0, 6.0, 1.0], [3.0, 7.0, 0.0]]
    """

    fill: Floats
    indicators: Integers

    @classmethod
    def fit(cls, values: Floats, method: str | float, *, indicator: bool = False) -> Imputation:
        """Learn what stands for missing values, NaN in `values`.

        Parameters
        ----------
        method : {"mean", "median"} or float
            Of the values of a column that are there, or the number that stands for all missing ones.
        indicator : bool
            Whether columns in which a value is missing get an indicator.

        Raises
        ------
        ConfigurationError
            When there is no such method.
        DataError
            When a column has no value to learn from.
        """
        method = check_method(method)
        missing = np.isnan(values)
        if isinstance(method, str):
            empty = missing.all(axis=0)
            if empty.any():
                raise DataError(
                    f"column {int(np.argmax(empty))} has no value at all, so no {method}: "
                    "leave it out, or impute a number"
                )
            fill = _middle(values, method)
        else:
            fill = np.full(values.shape[1], method)
        return cls(fill, np.flatnonzero(missing.any(axis=0) & indicator))

    @property
    def columns(self) -> int:
        """Number of columns that come."""
        return len(self.fill)

    def transform(self, values: Floats) -> Floats:
        """Return `values` without missing ones, float64 [rows, columns and indicators]."""
        missing = np.isnan(values)
        filled = np.where(missing, self.fill, values)
        return np.hstack([filled, missing[:, self.indicators].astype(np.float64)])

    def names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of what `transform` returns."""
        return (*names, *(f"{names[column]} missing" for column in self.indicators))

    def as_json(self) -> dict[str, list[float]]:
        """Return it as JSON takes it, exactly."""
        return {"fill": self.fill.tolist(), "indicators": self.indicators.tolist()}

    @classmethod
    def from_json(cls, found: Any) -> Imputation:
        """Return what `as_json` wrote.

        Raises
        ------
        ValueError
            When it is no such thing.
        """
        if not isinstance(found, Mapping) or set(found) != {"fill", "indicators"}:
            raise ValueError("its imputation is not of this form")
        fill, indicators = found["fill"], found["indicators"]
        if (
            not (isinstance(fill, list) and all(type(v) is float for v in fill))
            or not (isinstance(indicators, list) and all(type(v) is int for v in indicators))
            or indicators != sorted({v for v in indicators if 0 <= v < len(fill)})
            or not np.isfinite(np.array(fill, dtype=np.float64)).all()
        ):
            raise ValueError("its imputation does not fit together")
        return cls(np.array(fill, dtype=np.float64), np.array(indicators, dtype=np.int64))


def check_method(method: Any) -> str | float:
    """Return how to impute, checked.

    Raises
    ------
    ConfigurationError
        When it is neither one of `METHODS` nor a number.
    """
    if isinstance(method, str) and method in METHODS:
        return method
    number = isinstance(method, Real) and not isinstance(method, bool)
    if number:
        with suppress(OverflowError):  # of a whole number
            if np.isfinite(float(method)):
                return float(method)
    raise ConfigurationError(
        f"impute is {method!r}; it must be one of {', '.join(map(repr, METHODS))}, a number, or None"
    )


def _middle(values: Floats, method: str) -> Floats:
    """Return mean or median of what is there in each column, whatever its size."""
    exponents = exponents_of(np.nanmax(np.abs(values), axis=0))
    near = divided(values, exponents)
    found = np.nanmean(near, axis=0) if method == "mean" else np.nanmedian(near, axis=0)
    return np.asarray(np.ldexp(found, exponents), dtype=np.float64)
