# SPDX-License-Identifier: Apache-2.0
"""Poisson regression between a guest and one host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from pyfate_gpu.data.tables import read_targets
from pyfate_gpu.errors import DataError
from pyfate_gpu.federation import Session
from pyfate_gpu.glm.estimator import HeteroGLM
from pyfate_gpu.glm.families import FAMILIES, Poisson
from pyfate_gpu.glm.fitting import Classes
from pyfate_gpu.learning.metrics import poisson_metrics
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroPoissonRegression(HeteroGLM):
    """Counts, with features spread over a guest and one host.

    Parameters and attributes are those of `HeteroGLM`. The mean of y is the exposure times the
    exponential of the score; the guest knows the exposure. Features are clipped to 5 standard deviations
    by default: the exponential of an outlier's score would soon be beyond what can be encoded.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroPoissonRegression, simulate
    >>> x = np.random.default_rng(0).normal(size=(40, 2))
    >>> y = np.random.default_rng(1).poisson(np.exp(x.sum(axis=1) / 2))
    >>> def party(columns, labels=None):
    ...     def run(session):
    ...         model = HeteroPoissonRegression(
    ...             max_iter=2, key_bits=512, allow_insecure_key_size=True
    ...         )
    ...         return model.fit(columns, labels, session=session).predict(columns, session=session)
    ...     return run
    >>> result = simulate(guest=party(x[:, :1], y), hosts=[party(x[:, 1:])], arbiter=party(None))
    >>> bool((result["guest"] > 0).all())
    True
    """

    row_options = ("sample_weight", "exposure")

    clip: float | None = 5.0

    @property
    def family(self) -> str:
        """Name of the loss."""
        return Poisson.name

    def fit(
        self,
        X: Any = None,
        y: Any = None,
        *,
        session: Session,
        sample_weight: Any = None,
        validation: Any = None,
        exposure: Any = None,
    ) -> HeteroPoissonRegression:
        """Train together with the other parties; see `HeteroGLM.fit`.

        Parameters
        ----------
        y : array-like [rows]
            Counts, 0 or more, at the guest only.
        validation : tuple
            At the guest also three: features, counts, exposure.
        exposure : array-like [rows], optional
            What the counts are proportional to, above 0, at the guest only; by default 1.
        """
        return self._fit(session, X, y, sample_weight, validation, exposure)

    def predict(self, X: Any = None, *, session: Session, exposure: Any = None) -> Floats | None:
        """Return the mean counts to the guest, None to the others; the guest may give the exposure."""
        score = self._scores(X, session, exposure)
        return None if score is None else self._interpret(score)["prediction"]

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        counts = read_targets(y, rows)
        if counts.min() < 0:
            raise DataError(f"y has the value {counts.min():g}: counts are 0 or more")
        return counts.reshape(-1, 1), None

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        return {"prediction": FAMILIES[self.family].response(scores)}

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        return poisson_metrics(y, FAMILIES[self.family].response(scores))
