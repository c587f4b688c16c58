# SPDX-License-Identifier: Apache-2.0
"""What algorithms have in common that prepare columns and predict nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.binning.labels import Labels
from pyfate_gpu.data.binning.table import ColumnTable, read_columns
from pyfate_gpu.data.labels import count_classes
from pyfate_gpu.data.rows import Rows
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Role, Session
from pyfate_gpu.federation.topology import GUEST_AND_HOSTS
from pyfate_gpu.protocol.estimator import Estimator
from pyfate_gpu.typing import Floats


class ColumnsOnly(Estimator):
    """A guest with labels, hosts with columns, and no arbiter: the key is the guest's."""

    topologies = (GUEST_AND_HOSTS,)

    def score_rows(
        self, X: Any = None, *, session: Session, options: Mapping[str, Any] | None = None
    ) -> Floats | None:
        """Refuse: there are no scores.

        Raises
        ------
        ConfigurationError
            Saying what to call.
        """
        raise ConfigurationError(
            f"{type(self).__name__} predicts nothing: each party calls transform by itself"
        )

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return nothing: there are no scores."""
        return {}

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return nothing: there are no scores."""
        return {}

    def check_rows(self, role: Role, rows: Rows, validation: Rows | None = None) -> None:
        """Raise what fit would raise of the guest's labels and weights, before it begins."""
        if role is Role.GUEST and rows.labels is not None and not hasattr(self, "training_"):
            Labels.of(rows.labels, len(rows.ids), rows.extras.get("sample_weight"))

    def class_counts(self, labels: NDArray[Any] | None) -> dict[Any, int]:
        """Return how many rows each class has."""
        return count_classes(labels)

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many information values a column has, given the guest's labels."""
        classes = 2 if labels is None else len(np.unique(labels.astype(str)))
        return classes if classes > 2 else 1


def own_table(X: Any, y: Any) -> ColumnTable:
    """Return a party's columns; a guest that has labels only has none.

    Raises
    ------
    DataError
        When there are neither columns nor labels, or no rows.
    """
    if X is not None:
        table = read_columns(X)
    elif y is None:
        raise DataError("hosts pass X, the guest y, and X if it has columns")
    else:
        table = ColumnTable([], None, len(y))
    if not table.rows:
        raise DataError("there are no rows: nothing to learn of")
    return table
