# SPDX-License-Identifier: Apache-2.0
"""The guest's labels as whole numbers that can be summed under encryption: one a class, or weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.plan import WEIGHT_BITS
from pyfate_gpu.data.binning.binner import class_matrix
from pyfate_gpu.data.labels import find_classes
from pyfate_gpu.data.tables import read_labels
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats, Integers

_MOST = (1 << WEIGHT_BITS) - 1


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of all rows.

    Parameters
    ----------
    classes : array
        The distinct values, sorted.
    units : int64 [rows, classes]
        1, or the weight of a row in units of `scale`, in the column of its class.
    scale : float
        What one unit weighs.
    weighted : bool
    """

    classes: NDArray[Any]
    units: Integers
    scale: float
    weighted: bool

    @classmethod
    def of(cls, y: Any, rows: int, weights: Any = None) -> Labels:
        """Return labels, checked before anything is encrypted.

        Whole weights up to 65,535 stay what they are; others are rounded to that many parts of the largest.

        Raises
        ------
        DataError
            When labels are missing, of one class, or do not fit `rows`; when weights are not finite, negative, or
            leave a class without any.
        """
        labels = read_labels(y, rows)
        classes = find_classes(labels)
        matrix = class_matrix(labels, classes, weights)
        if weights is None:
            return cls(classes, matrix.astype(np.int64), 1.0, False)
        largest = float(matrix.max())
        whole = largest <= _MOST and bool((matrix == np.rint(matrix)).all())
        scale = 1.0 if whole else largest / _MOST
        units = np.rint(matrix / scale).astype(np.int64)
        if not (units.sum(axis=0) > 0).all():
            raise DataError(
                f"weights of a class are below 1 / {_MOST} of the largest weight: they would count as 0"
            )
        return cls(classes, units, scale, True)

    @classmethod
    def of_others(cls, y: Any, rows: int, classes: NDArray[Any]) -> Labels:
        """Return labels of further rows, of classes that are known; not all of these need be there.

        Raises
        ------
        DataError
            When labels are missing, of another class, or do not fit `rows`.
        """
        matrix = class_matrix(read_labels(y, rows), classes)
        return cls(classes, matrix.astype(np.int64), 1.0, False)

    @property
    def totals(self) -> Integers:
        """Units of each class."""
        return np.asarray(self.units.sum(axis=0), dtype=np.int64)

    @property
    def matrix(self) -> Floats:
        """Units as the numbers that methods which look at labels take."""
        return self.units.astype(np.float64)

    def counts(self, units: Integers) -> Floats:
        """Return sums of units as rows, or weights."""
        return np.asarray(units * self.scale, dtype=np.float64)
