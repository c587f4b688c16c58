# SPDX-License-Identifier: Apache-2.0
"""Boosted trees that predict numbers, between parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_targets
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.federation import Session
from pyfate_gpu.learning.losses import XGBOOST_NAMES, CustomLoss, Loss, Poisson, Squared, find_loss
from pyfate_gpu.learning.metrics import regression_metrics
from pyfate_gpu.protocol.settings import check_real, plain
from pyfate_gpu.trees.estimator import HeteroBoostedTrees
from pyfate_gpu.trees.fitting import Classes
from pyfate_gpu.trees.settings import Settings
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroBoostedTreesRegressor(HeteroBoostedTrees):
    """Numbers by boosted trees, with features spread over several parties.

    Parameters and attributes are those of `HeteroBoostedTrees`, and those below.

    Parameters
    ----------
    objective : str or callable
        ``squared_error``, ``absolute_error``, ``huber``, ``quantile``, ``poisson``, ``gamma``, ``tweedie``, or
        XGBoost's names of these; or a function of labels and scores that returns gradient and hessian, which the
        guest alone calls (hosts may pass any function).
    huber_slope, quantile_alpha, tweedie_variance_power : float
        As of XGBoost. Poisson's hessian grows by `max_delta_step`, 0.7 unless that is set.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroBoostedTreesRegressor, simulate
    >>> x = np.random.default_rng(0).normal(size=(60, 2))
    >>> def party(columns, labels=None):
    ...     model = HeteroBoostedTreesRegressor(
    ...         n_estimators=3, max_depth=2, min_samples_leaf=5, key_bits=512, allow_insecure_key_size=True
    ...     )
    ...     return lambda session: model.fit(columns, labels, session=session)
    >>> result = simulate(guest=party(x[:, :1], x[:, 0] - x[:, 1]), hosts=[party(x[:, 1:])])
    >>> losses = result["guest"].loss_history_
    >>> losses[-1] < losses[0]
    True
    """

    objective: Any = "squared_error"
    huber_slope: float = 1.0
    quantile_alpha: float = 0.5
    tweedie_variance_power: float = 1.5

    def predict(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the predicted values to the guest, None to the others; all parties call it."""
        score = self.decision_function(X, session=session)
        return None if score is None else self._interpret(score)["prediction"]

    def _loss(self, settings: Settings, outputs: int) -> Loss:
        check_real("huber_slope", self.huber_slope, positive=True)
        for name, least, most in (("quantile_alpha", 0, 1), ("tweedie_variance_power", 1, 2)):
            value = plain(getattr(self, name))
            if not isinstance(value, float | int) or not least < value < most:
                raise ConfigurationError(
                    f"{name} is {value!r}; it must lie between {least} and {most}"
                )
        loss = find_loss(
            self.objective,
            huber_slope=float(self.huber_slope),
            quantile_alpha=float(self.quantile_alpha),
            tweedie_variance_power=float(self.tweedie_variance_power),
        )
        if isinstance(loss, Poisson) and settings.max_delta_step:
            loss = Poisson(settings.max_delta_step)
        if settings.base_score is not None:
            loss.link(settings.base_score)
        return loss

    def _xgboost_name(self) -> str:
        if self.objective in XGBOOST_NAMES:
            return str(self.objective)
        names = {ours: theirs for theirs, ours in XGBOOST_NAMES.items()}
        return names.get(self.objective, "reg:squarederror")

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        return read_targets(y, rows).reshape(-1, 1), None

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        return {"prediction": self._loss(self.settings(), 1).respond(scores)}

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        loss = self._loss(self.settings(), 1)
        metrics = regression_metrics(y, loss.respond(scores))
        if isinstance(loss, Squared | CustomLoss):
            return metrics
        return {"loss": float(loss.values(y, scores).mean()), **metrics}
