# SPDX-License-Identifier: Apache-2.0
"""Linear regression between parties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_targets
from pyfate_gpu.federation import Session
from pyfate_gpu.glm.estimator import HeteroGLM
from pyfate_gpu.glm.families import Linear
from pyfate_gpu.glm.fitting import Classes
from pyfate_gpu.learning.metrics import regression_metrics
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroLinearRegression(HeteroGLM):
    """Least squares with features spread over several parties.

    Parameters and attributes are those of `HeteroGLM`. Targets may have any size: the guest subtracts their
    mean and divides by a power of two about their size, which it tells the hosts; all results are in the
    unit of the targets again (docs/design/0060).

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroLinearRegression, simulate
    >>> x = np.random.default_rng(0).normal(size=(40, 2))
    >>> def model():
    ...     return HeteroLinearRegression(
    ...         max_iter=3, optimizer="sgd", learning_rate=0.9, alpha=0.0,
    ...         key_bits=512, allow_insecure_key_size=True,
    ...     )
    >>> result = simulate(
    ...     guest=lambda session: model().fit(x[:, :1], 2 * x[:, 0] - x[:, 1], session=session),
    ...     hosts=[lambda session: model().fit(x[:, 1:], session=session)],
    ...     arbiter=lambda session: model().fit(session=session),
    ... )
    >>> result["guest"].loss_history_[-1] < result["guest"].loss_history_[0]
    True
    """

    @property
    def family(self) -> str:
        """Name of the loss."""
        return Linear.name

    def predict(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the predicted values to the guest, None to the others; all parties call it."""
        return self.decision_function(X, session=session)

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        return read_targets(y, rows).reshape(-1, 1), None

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        return {"prediction": scores}

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        return regression_metrics(y, scores)
