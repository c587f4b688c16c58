# SPDX-License-Identifier: Apache-2.0
"""Classes as the columns of zeros and ones that logistic families take."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import DataError


def find_classes(y: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the distinct values of `y`, sorted.

    Raises
    ------
    DataError
        When there are fewer than two, they have no order, or some are no whole numbers.
    """
    if y.dtype.kind == "f" and (y != np.rint(y)).any():
        raise DataError(
            f"y holds {y[y != np.rint(y)][0]:g}: a classifier takes classes, whole numbers or texts; "
            "for numbers take a regression"
        )
    try:
        classes = np.unique(y)
    except TypeError:
        raise DataError("y mixes types that have no order: use one type for all labels") from None
    if len(classes) < 2:
        raise DataError(f"y has {len(classes)} distinct values, a classifier takes 2 or more")
    return classes


def encode_classes(y: NDArray[np.generic], classes: NDArray[np.generic]) -> NDArray[np.float64]:
    """Return float64 [rows, 1], 1 for the second of two classes; of more, a column for each.

    Raises
    ------
    DataError
        When a label is none of `classes`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.labels import encode_classes
    >>> encode_classes(np.array(["b", "a"]), np.array(["a", "b"])).tolist()
    [[1.0], [0.0]]
    >>> encode_classes(np.array([3, 1]), np.array([1, 2, 3])).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    unknown = ~np.isin(y, classes)
    if unknown.any():
        raise DataError(
            f"label {y[unknown][0]!r} is none of the classes trained on: {', '.join(map(str, classes))}"
        )
    wanted = classes[1:] if len(classes) == 2 else classes
    return np.asarray(y[:, np.newaxis] == wanted, dtype=np.float64)
