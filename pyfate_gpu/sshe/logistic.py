# SPDX-License-Identifier: Apache-2.0
"""Logistic regression without a coordinator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import count_classes, encode_classes, find_classes
from pyfate_gpu.data.tables import read_labels
from pyfate_gpu.errors import ConfigurationError, DataError
from pyfate_gpu.federation import Session
from pyfate_gpu.learning.metrics import classification_metrics, log_loss
from pyfate_gpu.sshe.estimator import HeteroSSHE
from pyfate_gpu.sshe.fitting import Classes
from pyfate_gpu.sshe.links import LOGISTIC
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroSSHELogisticRegression(HeteroSSHE):
    """Two classes, with features spread over a guest and one host, and no third party.

    Parameters and attributes are those of `HeteroSSHE`, and those below.

    Parameters
    ----------
    link : {"linear", "minimax", "cubic", "cubic_wide"}
        What stands for the logistic function: its tangent at 0, the line closest to it for scores within +-4, or the
        cubics that are closest by least squares within +-5 and +-8. Cubics cost a further exchange and a third more
        time; their `loss_history_` is the mean square of residuals.
    clip : float or None
        As in `HeteroSSHE`, by default 2: far from 0 polynomials explode (docs/design/0023).

    Attributes
    ----------
    classes_ : array [2]
        Sorted; the guest's.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroSSHELogisticRegression, simulate
    >>> x = np.random.default_rng(0).normal(size=(40, 2))
    >>> y = np.where(x.sum(axis=1) > 0, "yes", "no")
    >>> def party(columns, labels=None):
    ...     def run(session):
    ...         model = HeteroSSHELogisticRegression(
    ...             max_iter=2, key_bits=512, allow_insecure_key_size=True
    ...         )
    ...         return model.fit(columns, labels, session=session).predict(columns, session=session)
    ...     return run
    >>> result = simulate(guest=party(x[:, :1], y), hosts=[party(x[:, 1:])])
    >>> sorted(set(result["guest"].tolist()))
    ['no', 'yes']
    """

    link: str = "linear"
    clip: float | None = 2.0

    if TYPE_CHECKING:  # set by fit
        classes_: NDArray[np.generic] = field(init=False)

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likelier class of each row to the guest, None to the host."""
        score = self.decision_function(X, session=session)
        return None if score is None else self.interpret(score)["prediction"]

    def predict_proba(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the probability of each class, [rows, 2], to the guest, None to the host.

        By the logistic function itself, which no longer has to be computed on shares.
        """
        score = self.decision_function(X, session=session)
        return None if score is None else self.interpret(score)["probability"]

    def output_names(self) -> Sequence[Any]:
        """Return the classes."""
        return list(self.classes_.tolist())

    def class_counts(self, labels: NDArray[Any] | None) -> dict[Any, int]:
        """Return how many rows each class has."""
        return count_classes(labels)

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        chosen = (scores > 0).astype(np.int64)
        probability = np.exp(-np.logaddexp(0.0, np.column_stack([scores, -scores])))
        return {"prediction": self.classes_[chosen], "probability": probability}

    def _link(self) -> str:
        if not isinstance(self.link, str) or self.link not in LOGISTIC:
            raise ConfigurationError(f"link is {self.link!r}; choose one of {', '.join(LOGISTIC)}")
        return self.link

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        labels = read_labels(y, rows)
        found = find_classes(labels) if classes is None else classes
        if len(found) != 2:
            raise DataError(
                f"y has {len(found)} classes; {type(self).__name__} takes two: use HeteroLogisticRegression"
            )
        return encode_classes(labels, found), found

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        metrics = {"log_loss": log_loss(y, scores)}
        return metrics | classification_metrics(y.ravel(), scores.ravel(), positive=1.0)
