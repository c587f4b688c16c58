# SPDX-License-Identifier: Apache-2.0
"""Targets by a network whose first layer is shared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_targets
from pyfate_gpu.federation import Session
from pyfate_gpu.learning.metrics import regression_metrics
from pyfate_gpu.learning.targets import TargetScale
from pyfate_gpu.nn.estimator import Classes, HeteroNetwork
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroNetworkRegressor(HeteroNetwork):
    """Least squares. Parameters and attributes are those of `HeteroNetwork`.

    Targets may have any size: the guest computes in a unit in which they are about 1.
    """

    def predict(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the predicted values to the guest, None to the host; both call it."""
        return self.decision_function(X, session=session)

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return ``prediction``: the scores themselves."""
        return {"prediction": scores}

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        return read_targets(y, rows).reshape(-1, 1), None

    def _scale(self, y: Floats) -> TargetScale:
        return TargetScale.fit(y, centre=True)

    def _targets(self, encoded: Floats) -> NDArray[Any]:
        return encoded

    def _criterion(self) -> Any:
        return lambda outputs, targets: ((outputs - targets) ** 2).mean() / 2

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        return regression_metrics(y, scores)
