# SPDX-License-Identifier: Apache-2.0
"""Features as the protocol takes them: imputed, standardised, clipped, rounded to fixed point.

Each party prepares its own columns; the same steps run in fit, in predict and in the plaintext rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.elsewhere import ColumnsElsewhere
from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.data.imputation import Imputation
from pyfate_gpu.data.scaling import divided, exponents_of
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.typing import Floats

#: Columns that spread less have too few digits in float64.
_LEAST = 2.0**-980


@dataclass(frozen=True)
class FeaturePipeline:
    """What is done to the columns of one party, learned from the rows it was fitted on.

    Parameters
    ----------
    mean, scale : float64 [features]
        Subtracted, then divided by; zeros and ones when not standardising, scale 1 for constant columns.
    clip : float or None
        Largest magnitude kept.
    imputation : Imputation or None
        What stands for missing values; None where there may be none.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.preparation import FeaturePipeline
    >>> rows = np.array([[1.0], [np.nan], [3.0]])
    >>> pipeline = FeaturePipeline.fit(rows, standardize=False, clip=None, impute="mean")
    >>> pipeline.transform(rows).values.tolist()
    [[1.0], [2.0], [3.0]]
    """

    mean: Floats
    scale: Floats
    clip: float | None
    imputation: Imputation | None = None

    @classmethod
    def fit(
        cls,
        values: Floats | ColumnsElsewhere,
        *,
        standardize: bool,
        clip: float | None,
        impute: str | float | None = None,
        indicator: bool = False,
    ) -> FeaturePipeline:
        """Learn what stands for missing values, and mean and scale of each feature.

        Parameters
        ----------
        values : float64 [rows, columns]
            Missing values are NaN; there may be some where `impute` says what for.
        impute : {"mean", "median"}, float or None
            As in `Imputation.fit`.
        indicator : bool
            Whether columns in which values are missing get a further one that says so.

        Raises
        ------
        ConfigurationError
            When there is no such way to impute.
        DataError
            When a column spreads too little to be told apart from a constant one, or has no value to learn from.
        """
        if isinstance(values, ColumnsElsewhere):
            return cls._fit_elsewhere(values, standardize, clip, impute)
        imputation = None if impute is None else Imputation.fit(values, impute, indicator=indicator)
        if imputation is not None:
            values = imputation.transform(values)
        features = values.shape[1]
        if not standardize:
            return cls(np.zeros(features), np.ones(features), clip, imputation)
        constant = values.max(axis=0) == values.min(axis=0)
        exponents = exponents_of(np.abs(values).max(axis=0))
        near = divided(values, exponents)
        mean, scale = np.ldexp(near.mean(axis=0), exponents), np.ldexp(near.std(axis=0), exponents)
        mean, scale = _usable(mean, scale, values[0], constant)
        return cls(mean, scale, clip, imputation)

    @classmethod
    def _fit_elsewhere(
        cls,
        columns: ColumnsElsewhere,
        standardize: bool,
        clip: float | None,
        impute: str | float | None,
    ) -> FeaturePipeline:
        """The same by what the processes say that have the rows."""
        if impute is not None:
            raise ConfigurationError(
                "values of tables at workers are not imputed: fill them in the files, or leave impute out"
            )
        if not standardize:
            return cls(np.zeros(columns.shape[1]), np.ones(columns.shape[1]), clip)
        smallest, largest = columns.extremes()
        exponents = exponents_of(np.maximum(np.abs(smallest), np.abs(largest)))
        mean, scale = (np.ldexp(each, exponents) for each in columns.moments(exponents))
        return cls(*_usable(mean, scale, smallest, smallest == largest), clip)

    @property
    def columns(self) -> int:
        """Number of columns that come."""
        return len(self.mean) if self.imputation is None else self.imputation.columns

    @property
    def features(self) -> int:
        """Number of features that go: columns and indicators."""
        return len(self.mean)

    def names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Return the names of the features, given those of the columns."""
        return names if self.imputation is None else self.imputation.names(names)

    def transform(self, values: Any) -> FixedPointMatrix:
        """Return prepared features, float64 [rows, columns] in, fixed point [rows, features] out.

        Raises
        ------
        DataError
            When a value is too large for fixed point, or missing without imputation.
        """
        if isinstance(values, ColumnsElsewhere):
            return cast("FixedPointMatrix", values.prepared(self))  # as good as one, see there
        if self.imputation is not None:
            values = self.imputation.transform(values)
        exponents = exponents_of(np.maximum(np.abs(self.mean), self.scale))
        mean, scale = divided(self.mean, exponents), divided(self.scale, exponents)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            prepared = (divided(values, exponents) - mean) / scale
        if self.clip is not None:
            prepared = np.clip(prepared, -self.clip, self.clip)
        return FixedPointMatrix.round(prepared)


def _usable(
    mean: Floats, scale: Floats, first: Floats, constant: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Mean and scale, those of constant columns their value and 1."""
    narrow = ~constant & (scale < _LEAST)
    if narrow.any():
        raise DataError(
            f"column {int(np.argmax(narrow))} spreads less than {_LEAST:g}, where float64 runs out of digits: "
            "multiply it"
        )
    return np.where(constant, first, mean), np.where(constant, 1.0, scale)
