# SPDX-License-Identifier: Apache-2.0
"""Linear regression without a coordinator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_targets
from pyfate_gpu.federation import Session
from pyfate_gpu.learning.metrics import regression_metrics
from pyfate_gpu.learning.targets import TargetScale
from pyfate_gpu.sshe.estimator import HeteroSSHE
from pyfate_gpu.sshe.fitting import Classes
from pyfate_gpu.sshe.links import IDENTITY
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroSSHELinearRegression(HeteroSSHE):
    """Least squares, with features spread over a guest and one host, and no third party.

    Parameters and attributes are those of `HeteroSSHE`. Targets may have any size: the guest subtracts their mean and
    divides by a power of two about their size, which it tells the host (docs/design/0060).

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroSSHELinearRegression, simulate
    >>> x = np.random.default_rng(0).normal(size=(40, 2))
    >>> def model():
    ...     return HeteroSSHELinearRegression(
    ...         max_iter=3, learning_rate=0.3, key_bits=512, allow_insecure_key_size=True
    ...     )
    >>> result = simulate(
    ...     guest=lambda session: model().fit(x[:, :1], 2 * x[:, 0] - x[:, 1], session=session),
    ...     hosts=[lambda session: model().fit(x[:, 1:], session=session)],
    ... )
    >>> result["guest"].loss_history_[-1] < result["guest"].loss_history_[0]
    True
    """

    def predict(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the predicted values to the guest, None to the host; both call it."""
        return self.decision_function(X, session=session)

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        return {"prediction": scores}

    def _link(self) -> str:
        return IDENTITY.name

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        return read_targets(y, rows).reshape(-1, 1), None

    def _scale(self, y: Floats, weights: Any, intercept: bool) -> TargetScale:
        return TargetScale.fit(y, None if weights is None else weights.values, centre=intercept)

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        return regression_metrics(y, scores)
