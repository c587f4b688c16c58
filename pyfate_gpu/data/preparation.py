# SPDX-License-Identifier: Apache-2.0
"""Features as the protocol takes them: standardised, clipped, rounded to fixed point.

Each party prepares its own columns; the same steps run in fit, in predict and in the plaintext rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.fixed_point import FixedPointMatrix
from pyfate_gpu.errors import DataError


@dataclass(frozen=True)
class FeaturePipeline:
    """What is done to the columns of one party, learned from the rows it was fitted on.

    Parameters
    ----------
    mean, scale : float64 [columns]
        Subtracted, then divided by; zeros and ones when not standardising, scale 1 for constant columns.
    clip : float or None
        Largest magnitude kept.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    clip: float | None

    @classmethod
    def fit(
        cls, values: NDArray[np.float64], *, standardize: bool, clip: float | None
    ) -> FeaturePipeline:
        """Learn mean and scale of each column.

        Raises
        ------
        DataError
            When the variance of a column is beyond float64.
        """
        columns = values.shape[1]
        if not standardize:
            return cls(np.zeros(columns), np.ones(columns), clip)
        constant = values.max(axis=0) == values.min(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = values.mean(axis=0), values.std(axis=0)
        wide = ~(constant | np.isfinite(deviation))
        if wide.any():
            raise DataError(
                f"column {int(np.argmax(wide))} reaches from {values[:, wide].min():g} to "
                f"{values[:, wide].max():g}, its variance is beyond float64: rescale or clip it"
            )
        return cls(np.where(constant, values[0], mean), np.where(constant, 1.0, deviation), clip)

    def transform(self, values: NDArray[np.float64]) -> FixedPointMatrix:
        """Return prepared features, float64 [rows, columns] in, fixed point out.

        Raises
        ------
        DataError
            When a value is too large for fixed point.
        """
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            prepared = (values - self.mean) / self.scale
        if self.clip is not None:
            prepared = np.clip(prepared, -self.clip, self.clip)
        return FixedPointMatrix.round(prepared)
