# SPDX-License-Identifier: Apache-2.0
"""What a party brings to a task: prepared features; at the guest also labels, weights and offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.fixed_point import FRACTION_BITS, FixedPointMatrix
from pyfate_gpu.data.row_weights import read_weights as read_weights
from pyfate_gpu.data.tables import Table, read_table, read_targets
from pyfate_gpu.encoding import FixedPointEncoder, PlaintextArray
from pyfate_gpu.errors import DataError
from pyfate_gpu.glm.targets import TargetScale
from pyfate_gpu.protocol.batching import Batch
from pyfate_gpu.typing import Floats


def read_columns(X: Any, labels: Any = None, *, guest: bool, missing: bool) -> Table:
    """Return this party's columns; the guest's X may be None, or have no columns: it has labels only then.

    Parameters
    ----------
    labels : sized, optional
        Of what X, where there is none, would have a row each: labels or exposures.

    Raises
    ------
    DataError
        As `read_table` does, and when there are neither columns nor labels.
    """
    if X is not None or not guest:
        return read_table(X, missing=missing, empty=guest)
    try:
        rows = len(labels)
    except TypeError:
        raise DataError(
            "the guest has the labels: pass y to fit, of one value for each row"
        ) from None
    return no_columns(rows)


def no_columns(rows: int) -> Table:
    """Return the table of a guest that has labels only.

    Raises
    ------
    DataError
        When there are no rows.
    """
    if rows == 0:
        raise DataError("y has no values: nothing to work on")
    return Table(np.empty((rows, 0)), None)


@dataclass(frozen=True, repr=False)
class LabelledData:
    """The guest's rows.

    Parameters
    ----------
    features : FixedPointMatrix
        The guest's columns, the intercept's ones included where it is fitted.
    y : float64 [rows, outputs]
        Labels as the family takes them.
    weights : FixedPointMatrix [rows, 1] or None
        Weights of the rows, mean 1; None for all the same.
    offset : float64 [rows, 1] or None
        Added to the scores: the logarithm of the exposure.
    """

    features: FixedPointMatrix
    y: Floats
    weights: FixedPointMatrix | None = None
    offset: Floats | None = None

    def take(self, rows: NDArray[np.int64]) -> LabelledData:
        """Return some of the rows."""
        return LabelledData(
            self.features.take(rows),
            self.y[rows],
            None if self.weights is None else self.weights.take(rows),
            None if self.offset is None else self.offset[rows],
        )

    def target_scale(self, *, centre: bool) -> TargetScale:
        """Return in which unit to compute; the mean takes an intercept to hold it."""
        weights = None if self.weights is None else self.weights.values
        return TargetScale.fit(self.y, weights, centre=centre)

    def weigh(self, values: Floats) -> Floats:
        """Return `values` [rows, outputs] times the weights of the rows."""
        return values if self.weights is None else values * self.weights.values

    def shift(self, share: Floats) -> Floats:
        """Return the guest's share of the scores with the offset."""
        return share if self.offset is None else share + self.offset


@dataclass(frozen=True, repr=False)
class GuestBatch:
    """The guest's part of a batch.

    Parameters
    ----------
    sent : LabelledData
        All rows, dummies included.
    own : LabelledData
        The rows that count.
    real : int64 or None
        Where in `sent` these are; None for everywhere.
    factors : PlaintextArray [rows sent, 1] or None
        Weights of the rows, 0 for dummies, as residuals are multiplied by; None for all 1.
    """

    sent: LabelledData
    own: LabelledData
    real: NDArray[np.int64] | None
    factors: PlaintextArray | NDArray[np.int8] | None

    @classmethod
    def of(cls, data: LabelledData, batch: Batch) -> GuestBatch:
        """Take the rows of `batch`; the bound of weights is the number of all rows, which is public."""
        sent = data.take(batch.rows)
        if batch.counts is None:
            factors = None if sent.weights is None else _encode(sent.weights, data.features.rows)
            return cls(sent, sent, None, factors)
        real = np.flatnonzero(batch.counts)
        counts = batch.counts[:, np.newaxis]
        if sent.weights is None:
            return cls(sent, sent.take(real), real, counts.astype(np.int8))
        counted = FixedPointMatrix(sent.weights.integers * counts)
        return cls(sent, sent.take(real), real, _encode(counted, data.features.rows))


def _encode(weights: FixedPointMatrix, rows: int) -> PlaintextArray:
    return FixedPointEncoder(FRACTION_BITS, bound=float(rows)).encode(weights.values)


def read_exposure(exposure: Any, rows: int) -> Floats | None:
    """Return the logarithm of the exposure of each row, [rows, 1]; None for None.

    Raises
    ------
    DataError
        When it is not one number above 0 for each row.
    """
    if exposure is None:
        return None
    values = read_targets(exposure, rows, "exposure")
    if values.min() <= 0:
        raise DataError(f"an exposure is {values.min():g}: exposures are above 0")
    return np.log(values)[:, np.newaxis]
