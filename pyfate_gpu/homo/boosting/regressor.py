# SPDX-License-Identifier: Apache-2.0
"""Boosted trees that predict numbers, of many parties' rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_present_labels, read_targets
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.homo.boosting.estimator import HomoBoostedTrees
from pyfate_gpu.learning.losses import LOSSES, Loss, Poisson, find_loss
from pyfate_gpu.learning.metrics import regression_metrics
from pyfate_gpu.protocol.settings import check_real, plain
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HomoBoostedTreesRegressor(HomoBoostedTrees):
    """Numbers by boosted trees of the rows of many clients; parameters as of `HomoBoostedTrees`, and those below.

    Parameters
    ----------
    objective : str
        ``squared_error``, ``huber``, ``poisson``, ``gamma``, ``tweedie``, or XGBoost's names of these. Leaves that
        are quantiles of rows cannot be told from sums: ``absolute_error`` and ``quantile`` are refused.
    huber_slope, tweedie_variance_power : float
        As of XGBoost. Poisson's hessian grows by `max_delta_step`, 0.7 unless that is set.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HomoBoostedTreesRegressor, simulate
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = x[:, 0] - x[:, 1]
    >>> def client(rows):
    ...     return lambda session: HomoBoostedTreesRegressor(n_estimators=5).fit(x[rows], y[rows], session=session)
    >>> def server(session):
    ...     HomoBoostedTreesRegressor(n_estimators=5).fit(session=session)
    >>> models = simulate(server=server, clients=[client(slice(0, 100)), client(slice(100, 300))])
    >>> losses = models["client-1"].loss_history_
    >>> losses[-1] < losses[0]
    True
    """

    objective: str = "squared_error"
    huber_slope: float = 1.0
    tweedie_variance_power: float = 1.5

    def check(self) -> None:
        """Raise ConfigurationError for the first parameter that makes no sense."""
        super().check()
        self._loss(1)

    def _loss(self, outputs: int) -> Loss:
        check_real("huber_slope", self.huber_slope, positive=True)
        power = plain(self.tweedie_variance_power)
        if not isinstance(power, float | int) or not 1 < power < 2:
            raise ConfigurationError(
                f"tweedie_variance_power is {power!r}; it must lie between 1 and 2"
            )
        if callable(self.objective):
            raise ConfigurationError("objective is the name of a loss, the same at all clients")
        loss = find_loss(
            self.objective,
            huber_slope=float(self.huber_slope),
            tweedie_variance_power=float(power),
        )
        if loss.refits_leaves:
            kept = [name for name in LOSSES if name not in ("absolute_error", "quantile")]
            raise ConfigurationError(
                f"objective {self.objective!r} takes quantiles of rows, which sums do not tell: choose one of "
                f"{', '.join(kept)}"
            )
        if isinstance(loss, Poisson) and self.max_delta_step:
            loss = Poisson(float(self.max_delta_step))
        if self.base_score is not None:
            loss.link(float(self.base_score))
        return loss

    def _classes(self, y: Any, rows: int) -> list[Any]:
        self._loss(1).check(np.asarray(read_targets(y, rows)).reshape(-1, 1))
        return []

    def _encode(self, y: Any, rows: int, classes: NDArray[Any] | None) -> Floats:
        return np.asarray(read_targets(y, rows)).reshape(rows, 1)

    def _measure(self, y: Floats, scores: Floats) -> dict[str, float]:
        return {"squared_error": float(((self._loss(1).respond(scores) - y) ** 2).mean())}

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return ``prediction``, the response of scores."""
        return {"prediction": self._loss(1).respond(np.asarray(scores, dtype=np.float64))}

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return RMSE and r2; rows without a target do not count."""
        labels, present = read_present_labels(y, len(scores))
        if not present.any():
            return {}
        return regression_metrics(labels, self._loss(1).respond(np.asarray(scores)[present]))
