# SPDX-License-Identifier: Apache-2.0
"""Linear regression of many parties' rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.tables import Table, read_present_labels, read_targets
from pyfate_gpu.homo.agreement import Common
from pyfate_gpu.homo.local import LocalRows, Loss, SquaredLoss
from pyfate_gpu.homo.regression import HomoModel
from pyfate_gpu.homo.standardisation import Scale
from pyfate_gpu.learning.metrics import regression_metrics
from pyfate_gpu.typing import Floats


class HomoLinearRegression(HomoModel):
    """Linear regression of the rows of many clients; parameters as of `HomoModel`.

    With `standardize` targets are centred and scaled, too, over all rows; losses are in that unit.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HomoLinearRegression, simulate
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = 100 + 50 * x[:, 0] - 20 * x[:, 1]
    >>> def client(rows):
    ...     return lambda session: HomoLinearRegression(max_iter=9).fit(x[rows], y[rows], session=session)
    >>> def server(session):
    ...     HomoLinearRegression(max_iter=9).fit(session=session)
    >>> models = simulate(server=server, clients=[client(slice(0, 100)), client(slice(100, 300))])
    >>> models["client-1"].coef_.round()
    array([[ 50., -20.]])
    """

    def _loss(self) -> Loss:
        return SquaredLoss()

    def _classes(self, y: Any, rows: int) -> list[Any]:
        read_targets(y, rows)
        return []

    def _encode(self, y: Any, rows: int, classes: NDArray[Any] | None) -> Floats:
        return np.asarray(read_targets(y, rows)).reshape(rows, 1)

    def _metrics(self, y: Floats, scores: Floats) -> dict[str, float]:
        return {}

    def _scaled_columns(self, common: Common) -> int:
        return common.columns + 1

    def _columns_to_scale(self, values: Floats, y: Floats) -> Floats:
        return np.hstack([values, y])

    def _local_rows(self, table: Table, y: Floats, weights: Floats, scale: Scale) -> LocalRows:
        features = Scale(scale.mean[:-1], scale.deviation[:-1])
        targets = Scale(scale.mean[-1:], scale.deviation[-1:])
        return super()._local_rows(table, targets.apply(y), weights, features)

    def _in_units(self, weights: Floats, scale: Scale) -> tuple[Floats, Any]:
        coef, intercept = super()._in_units(weights, Scale(scale.mean[:-1], scale.deviation[:-1]))
        return coef * scale.deviation[-1], intercept * scale.deviation[-1] + scale.mean[-1]

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return ``prediction``, the scores themselves."""
        return {"prediction": np.asarray(scores, dtype=np.float64)}

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return RMSE and r2; rows without a target do not count."""
        labels, present = read_present_labels(y, len(scores))
        if not present.any():
            return {}
        return regression_metrics(labels, np.asarray(scores)[present])
