# SPDX-License-Identifier: Apache-2.0
"""What a party brings to a task: columns, some values missing; at the guest labels and weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu.data.tables import Table, read_table
from pyfate_gpu.errors import DataError


def read_columns(X: Any, labels: Any = None, *, guest: bool) -> Table:
    """Return this party's columns, of which there may be none; the guest's X may be None where it has labels.

    Raises
    ------
    DataError
        When X has no rows, is not two-dimensional or not numeric, or there are neither columns nor labels.
    """
    if X is not None or not guest:
        return read_table(X, missing=True, empty=True, infinite=True)
    try:
        rows = len(labels)
    except TypeError:
        raise DataError(
            "the guest has the labels: pass y to fit, of one value for each row"
        ) from None
    if rows == 0:
        raise DataError("y has no values: nothing to work on")
    return Table(np.empty((rows, 0)), None)
