# SPDX-License-Identifier: Apache-2.0
"""`Scorecard`: points for bins, from weights of evidence and a regression on them; each party has its own part."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from pyfate_gpu.binning.estimator import HeteroBinning
from pyfate_gpu.binning.strict_json import strict_loads
from pyfate_gpu.data.binning.column import ColumnBins
from pyfate_gpu.data.binning.table import check_columns, read_columns
from pyfate_gpu.errors import ConfigurationError, DataError, PyFateError
from pyfate_gpu.protocol.estimator import PathLike
from pyfate_gpu.storage.files import read_whole, write_atomically
from pyfate_gpu.typing import Floats

FORMAT = "pyfate-gpu scorecard"
VERSION = 1


class Regression(Protocol):
    """A fitted regression of two classes, such as `HeteroLogisticRegression`."""

    def contributions(self, X: Any) -> Floats:
        """What each of this party's columns adds to the log odds of each row."""


@dataclass(frozen=True)
class Scale:
    """How log odds become points: ``offset - factor / ln(base) * (log odds of the event)``.

    Parameters
    ----------
    offset : float
        Points at even odds.
    factor : float
        Points by which a score grows when the odds against the event become `base` times as large.
    base : float
    lower, upper : float or None
        Limits of a whole score.

    Raises
    ------
    ConfigurationError
        When a number makes no sense.
    """

    offset: float = 500.0
    factor: float = 20.0
    base: float = 2.0
    lower: float | None = 0.0
    upper: float | None = 1500.0

    def __post_init__(self) -> None:
        for name in ("offset", "factor", "base", "lower", "upper"):
            value = getattr(self, name)
            number = isinstance(value, Real) and not isinstance(value, bool)
            if not (number and math.isfinite(value)) and not (
                name in ("lower", "upper") and value is None
            ):
                raise ConfigurationError(f"{name} is {value!r}; it must be a finite number")
        if self.base <= 1 or self.factor == 0:
            raise ConfigurationError(
                f"base is {self.base} and factor {self.factor}; base must be above 1, factor not 0"
            )
        if self.lower is not None and self.upper is not None and self.lower >= self.upper:
            raise ConfigurationError(
                f"lower is {self.lower} and upper {self.upper}; it must be less"
            )

    @property
    def slope(self) -> float:
        """Points of a unit of log odds."""
        return -self.factor / math.log(self.base)

    def limit(self, points: Floats) -> Floats:
        """Return whole scores within the limits."""
        low = -math.inf if self.lower is None else self.lower
        high = math.inf if self.upper is None else self.upper
        return np.asarray(np.clip(points, low, high), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Scorecard:
    """One party's part of a scorecard: points for each bin of each of its columns.

    A row's whole score is the sum of the points of its bins at all parties, and of `start`, which is the guest's.

    Parameters
    ----------
    names : tuple
        Of the columns; numbers where they have none.
    bins : tuple of ColumnBins
    points : tuple of float64 [bins]
    start : float
        Points that every row has; 0 at hosts.
    scale : Scale

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.binning.scorecard import Scorecard, Scale
    >>> from pyfate_gpu.data.binning.column import ColumnBins
    >>> from pyfate_gpu.data.binning.numeric import NumericBins
    >>> bins = ColumnBins.of(NumericBins([30.0]))
    >>> card = Scorecard(("age",), (bins,), (np.array([-12.0, 25.0, 0.0]),), 480.0, Scale())
    >>> card.points_of([[25], [50], [None]]).tolist()
    [468.0, 505.0, 480.0]
    """

    names: tuple[Any, ...]
    bins: tuple[ColumnBins, ...]
    points: tuple[Floats, ...]
    start: float
    scale: Scale

    @classmethod
    def of(
        cls,
        binning: HeteroBinning,
        model: Regression,
        scale: Scale | None = None,
        *,
        columns: Sequence[int] | None = None,
    ) -> Scorecard:
        """Return this party's part, from what was fitted together with the others.

        Parameters
        ----------
        binning : HeteroBinning
            With weights of evidence: hosts take the guest's consent.
        model : fitted regression of two classes
            On the weights of evidence of this party's columns, as ``binning.transform`` gives them.
        scale : Scale, optional
            The same at all parties.
        columns : sequence of int, optional
            Numbers of the columns that the model is of, as `HeteroSelector.get_support` gives them; by default all.

        Raises
        ------
        ConfigurationError
            Without weights of evidence, or with more than two classes.
        DataError
            When the model is of other columns.
        """
        scale = Scale() if scale is None else scale
        fitted = binning.fitted()
        if fitted.woe is None:
            raise ConfigurationError(
                "a scorecard takes weights of evidence, which the guest has not given: it sets share_woe"
            )
        if fitted.outputs > 1:
            raise ConfigurationError(
                f"labels have {fitted.outputs} classes; a scorecard is of two: good and bad"
            )
        chosen = range(len(fitted.bins)) if columns is None else [int(at) for at in columns]
        bins = tuple(fitted.bins[at] for at in chosen)
        names = tuple(at if fitted.names is None else fitted.names[at] for at in chosen)
        points = _points([fitted.woe[at][:, 0] for at in chosen], model, scale)
        intercept = getattr(model, "intercept_", None)
        start = 0.0 if intercept is None else scale.offset + scale.slope * float(intercept)
        if intercept is None and fitted.hosts is not None:  # a guest without intercept
            start = scale.offset
        return cls(names, bins, points, start, scale)

    def points_of(self, X: Any) -> Floats:
        """Return the points of rows from this party's part, float64 [rows]; no other party takes part.

        Parameters
        ----------
        X : array-like or DataFrame
            The columns of this part, or more where they have names.

        Raises
        ------
        DataError
            When X lacks a column, or has one of another type.
        """
        table = read_columns(X)
        named = all(isinstance(name, str) for name in self.names)
        if named and table.names is not None:
            lacking = [name for name in self.names if name not in table.names]
            if lacking:
                raise DataError(f"X lacks {', '.join(lacking)}, which the scorecard has")
            places = [table.names.index(name) for name in self.names]
        else:
            check_columns(table, len(self.names), None)
            places = list(range(len(self.names)))
        found = np.full(table.rows, self.start)
        for bins, points, place in zip(self.bins, self.points, places, strict=True):
            try:
                found += points[bins.assign(table.columns[place])]
            except DataError as error:
                raise DataError(f"column {table.keys[place]!r}: {error}") from None
        return found

    def score(self, log_odds: Any) -> Floats:
        """Return whole scores of rows, within the limits, from what the guest's ``decision_function`` returned."""
        return self.scale.limit(
            self.scale.offset + self.scale.slope * np.asarray(log_odds, dtype=np.float64)
        )

    def rows(self) -> list[dict[str, Any]]:
        """Return the card as people read it: a row for each bin, its points to two decimals."""
        found: list[dict[str, Any]] = []
        if self.start:
            found.append({"column": "", "bin": "every row", "points": round(self.start, 2)})
        for name, bins, points in zip(self.names, self.bins, self.points, strict=True):
            found += [
                {"column": name, "bin": each, "points": round(float(value), 2)}
                for each, value in zip(bins.names(), points, strict=True)
            ]
        return found

    def save(self, path: PathLike) -> None:
        """Write this part to a file that only its owner can read.

        Raises
        ------
        StorageError
            When the file cannot be written.
        """
        document = {
            "format": FORMAT,
            "version": VERSION,
            "names": list(self.names),
            "bins": [each.as_json() for each in self.bins],
            "points": [each.tolist() for each in self.points],
            "start": self.start,
            "scale": vars(self.scale),
        }
        text = json.dumps(document, indent=1, allow_nan=False) + "\n"
        write_atomically(Path(path), text.encode())

    @classmethod
    def load(cls, path: PathLike) -> Scorecard:
        """Return what `save` wrote.

        Raises
        ------
        StorageError, DataError
            When the file cannot be read, or holds no scorecard.
        """
        data = read_whole(path)
        try:
            found = strict_loads(data)
            if (found["format"], found["version"]) != (FORMAT, VERSION):
                raise ValueError(f"it is {found['format']} {found['version']}")
            bins = tuple(ColumnBins.from_json(each) for each in found["bins"])
            points = tuple(np.array(each, dtype=np.float64) for each in found["points"])
            start, scale = found["start"], Scale(**found["scale"])
            if not (
                _are_names(found["names"])
                and len(found["names"]) == len(bins)
                and [p.shape for p in points] == [(each.count,) for each in bins]
                and all(type(number) is float for each in found["points"] for number in each)
                and type(start) is float
            ):
                raise ValueError("its parts do not fit together")
        except (
            ValueError,
            TypeError,
            KeyError,
            AttributeError,
            RecursionError,
            OverflowError,
            PyFateError,
        ) as error:
            raise DataError(
                f"{path} is no {FORMAT} {VERSION}: {error}; it is damaged or of another release"
            ) from None
        return cls(tuple(found["names"]), bins, points, start, scale)


def _are_names(names: Any) -> bool:
    """Whether they are the names or numbers of columns, each once."""
    listed = isinstance(names, list) and all(type(name) in (str, int) for name in names)
    return listed and len(set(names)) == len(names)


def _points(woe: list[Floats], model: Regression, scale: Scale) -> tuple[Floats, ...]:
    """Return the points of each bin: what its weight of evidence adds to the log odds, on the scale."""
    if not woe:
        return ()
    if not all(np.isfinite(each).all() for each in woe):
        raise ConfigurationError(
            "a bin has an infinite weight of evidence: fit the bins with smoothing 'fate' or 'laplace'"
        )
    table = np.zeros((max(map(len, woe)), len(woe)))
    for at, values in enumerate(woe):
        table[: len(values), at] = values
    added = np.asarray(model.contributions(table), dtype=np.float64)
    if added.shape != table.shape:
        raise DataError(
            f"the model has contributions of shape {added.shape}, the bins are of {len(woe)} columns: fit it on "
            "binning.transform(X) alone"
        )
    return tuple(scale.slope * added[: len(each), at] for at, each in enumerate(woe))
