# SPDX-License-Identifier: Apache-2.0
"""Logistic regression between parties."""

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
from pyfate_gpu.glm.estimator import HeteroGLM
from pyfate_gpu.glm.families import MinimaxLogistic, TaylorLogistic
from pyfate_gpu.glm.fitting import Classes
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.learning.metrics import classification_metrics, log_loss, multiclass_metrics
from pyfate_gpu.protocol.settings import check_count, plain
from pyfate_gpu.typing import Floats

LINKS = {"taylor": TaylorLogistic.name, "minimax": MinimaxLogistic.name}
_SHOWN = 5


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroLogisticRegression(HeteroGLM):
    """Classes, with features spread over several parties.

    Parameters and attributes are those of `HeteroGLM`, and those below. With more than two classes,
    each is trained against the rest, all of them in the same messages: scores have a column for each
    class, and hosts learn how many there are.

    Parameters
    ----------
    link : {"taylor", "minimax"}
        The line that stands for the logistic function: its tangent at 0, as in FATE, or the line
        closest to it for scores within +-4. Both rank about as well; probabilities are better by
        ``minimax`` (docs/design/0024).
    classes : int or None
        How many classes `y` must have; None for any number. A stray label would be one more.
    clip : float or None
        As in `HeteroGLM`, by default 2: far from 0 the quadratic loss explodes (docs/design/0023).

    Attributes
    ----------
    classes_ : array [classes]
        Sorted; the guest's.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroLogisticRegression, simulate
    >>> x = np.random.default_rng(0).normal(size=(40, 2))
    >>> y = np.where(x.sum(axis=1) > 0, "yes", "no")
    >>> def party(columns, labels=None):
    ...     def run(session):
    ...         model = HeteroLogisticRegression(
    ...             max_iter=2, key_bits=512, allow_insecure_key_size=True
    ...         )
    ...         return model.fit(columns, labels, session=session).predict(columns, session=session)
    ...     return run
    >>> result = simulate(guest=party(x[:, :1], y), hosts=[party(x[:, 1:])], arbiter=party(None))
    >>> sorted(set(result["guest"].tolist()))
    ['no', 'yes']
    """

    link: str = "taylor"
    classes: int | None = None
    clip: float | None = 2.0

    if TYPE_CHECKING:  # set by fit
        classes_: NDArray[np.generic] = field(init=False)

    @property
    def family(self) -> str:
        """Name of the loss."""
        if not isinstance(self.link, str) or self.link not in LINKS:
            raise ConfigurationError(f"link is {self.link!r}; choose one of {', '.join(LINKS)}")
        return LINKS[self.link]

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likeliest class of each row to the guest, None to the others."""
        score = self.decision_function(X, session=session)
        return None if score is None else self._interpret(score)["prediction"]

    def predict_proba(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the probability of each class, [rows, classes], to the guest, None to the others.

        Of more than two classes, each against the rest, scaled to sum 1.
        """
        score = self.decision_function(X, session=session)
        return None if score is None else self._interpret(score)["probability"]

    def predict_log_proba(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the logarithms of the probabilities to the guest, None to the others.

        They are finite where a probability is too small for float64.
        """
        score = self.decision_function(X, session=session)
        return None if score is None else _log_probabilities(score)

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many scores a row has: one of each class, where there are more than two."""
        if labels is None:
            return 1
        present = [label for label in labels.tolist() if label is not None and label == label]
        classes = len(set(present))
        return classes if classes > 2 else 1

    def output_names(self) -> Sequence[Any]:
        """Return the classes."""
        return list(self.classes_.tolist())

    def class_counts(self, labels: NDArray[Any] | None) -> dict[Any, int]:
        """Return how many rows each class has."""
        return count_classes(labels)

    def settings(self) -> Settings:
        """Return the parameters, checked."""
        if self.classes is not None:
            check_count("classes", self.classes)
        return super().settings()

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        labels = read_labels(y, rows)
        classes = self._find_classes(labels) if classes is None else classes
        return encode_classes(labels, classes), classes

    def _find_classes(self, labels: NDArray[Any]) -> NDArray[Any]:
        found = find_classes(labels)
        if self.classes is not None and len(found) != plain(self.classes):
            counts = self.class_counts(labels)
            rarest = sorted(counts, key=lambda name: counts[name])[:_SHOWN]
            shown = ", ".join(f"{name!r} in {counts[name]}" for name in rarest)
            raise DataError(
                f"y has {len(found)} classes, classes={plain(self.classes)} was asked for; rows of the rarest: {shown}"
            )
        return found

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        best = np.argmax(scores, axis=1) if scores.ndim > 1 else (scores > 0).astype(np.int64)
        probability = np.exp(_log_probabilities(scores))
        return {"prediction": self.classes_[best], "probability": probability}

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        metrics = {"log_loss": log_loss(y, scores)}
        if y.shape[1] > 1:
            classes = np.arange(y.shape[1])  # some may be in no row
            return metrics | multiclass_metrics(np.argmax(y, axis=1), scores, classes)
        return metrics | classification_metrics(y.ravel(), scores.ravel(), positive=1.0)


def _log_probabilities(scores: Floats) -> Floats:
    """Return the logarithm of the probability of each class, [rows, classes], without leaving logarithms."""
    if scores.ndim == 1:
        return -np.logaddexp(0.0, np.column_stack([scores, -scores]))
    positive = -np.logaddexp(0.0, -scores)
    positive -= positive.max(axis=1, keepdims=True)  # or the sum would lose digits to its size
    return np.asarray(positive - np.logaddexp.reduce(positive, axis=1, keepdims=True))
