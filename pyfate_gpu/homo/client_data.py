# SPDX-License-Identifier: Apache-2.0
"""A client's rows as they were given to fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.data.tables import Table, read_table
from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats


@dataclass(frozen=True)
class ClientData:
    """Rows to train with, and rows to judge by."""

    table: Table
    y: Any
    weights: Floats
    tested: tuple[Table, Any] | None


def read_client(
    X: Any, y: Any, sample_weight: Any, validation: Any, *, missing: bool = False
) -> ClientData:
    """Return the rows of a client.

    Parameters
    ----------
    missing : bool
        Whether features may be missing or infinite, which trees take as they are.

    Raises
    ------
    DataError
        For features, weights or validation rows that cannot be used.
    """
    if X is None:
        raise DataError("clients have the rows: pass X and y to fit")
    table = read_table(X, missing=missing, infinite=missing)
    weights = _read_weights(sample_weight, len(table.values))
    if validation is None:
        return ClientData(table, y, weights, None)
    if not isinstance(validation, tuple) or len(validation) != 2:
        raise DataError("validation is features and labels: validation=(X, y)")
    tested = read_table(validation[0], missing=missing, infinite=missing)
    if tested.values.shape[1] != table.values.shape[1]:
        raise DataError("validation rows have other columns than those to train with")
    return ClientData(table, y, weights, (tested, validation[1]))


def _read_weights(sample_weight: Any, rows: int) -> Floats:
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (rows,) or not np.isfinite(weights).all() or (weights < 0).any():
        raise DataError("sample_weight is a finite number, 0 or more, for each row")
    if not weights.any():
        raise DataError("sample_weight is 0 in all rows")
    return weights
