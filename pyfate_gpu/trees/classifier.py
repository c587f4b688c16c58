# SPDX-License-Identifier: Apache-2.0
"""Boosted trees that tell classes, between parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import count_classes, encode_classes, find_classes
from pyfate_gpu.data.tables import read_labels
from pyfate_gpu.federation import Session
from pyfate_gpu.learning.losses import Logistic, Loss, Softmax
from pyfate_gpu.learning.metrics import classification_metrics, multiclass_metrics
from pyfate_gpu.trees.estimator import HeteroBoostedTrees
from pyfate_gpu.trees.fitting import Classes
from pyfate_gpu.trees.settings import Settings
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroBoostedTreesClassifier(HeteroBoostedTrees):
    """Classes by boosted trees, with features spread over several parties.

    Parameters and attributes are those of `HeteroBoostedTrees`, and those below. Two classes take the logistic
    loss, more the softmax: scores then have a column for each class, and hosts learn how many there are.

    Attributes
    ----------
    classes_ : array [classes]
        Sorted; the guest's.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HeteroBoostedTreesClassifier, simulate
    >>> x = np.random.default_rng(0).normal(size=(80, 2))
    >>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "other")
    >>> def party(columns, labels=None):
    ...     def run(session):
    ...         model = HeteroBoostedTreesClassifier(
    ...             n_estimators=2, max_depth=2, min_samples_leaf=5, key_bits=512, allow_insecure_key_size=True
    ...         )
    ...         return model.fit(columns, labels, session=session).predict(columns, session=session)
    ...     return run
    >>> result = simulate(guest=party(x[:, :1], y), hosts=[party(x[:, 1:])])
    >>> sorted(set(result["guest"].tolist()))
    ['other', 'same']
    """

    if TYPE_CHECKING:  # set by fit
        classes_: NDArray[np.generic] = field(init=False)

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likeliest class of each row to the guest, None to the others."""
        score = self.decision_function(X, session=session)
        return None if score is None else self._interpret(score)["prediction"]

    def predict_proba(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the probability of each class, [rows, classes], to the guest, None to the others."""
        score = self.decision_function(X, session=session)
        return None if score is None else self._interpret(score)["probability"]

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many scores a row has: one of each class, where there are more than two."""
        if labels is None:
            return 1
        present = [label for label in labels.tolist() if label is not None and label == label]
        classes = len(set(present))
        return classes if classes > 2 else 1

    def class_counts(self, labels: NDArray[Any] | None) -> dict[Any, int]:
        """Return how many rows each class has."""
        return count_classes(labels)

    def output_names(self) -> Sequence[Any]:
        """Return the classes."""
        return list(self.classes_.tolist())

    def _loss(self, settings: Settings, outputs: int) -> Loss:
        loss: Loss = Logistic() if outputs == 1 else Softmax()
        if settings.base_score is not None:
            loss.link(settings.base_score)
        return loss

    def _xgboost_name(self) -> str:
        forest = self._fitted_half().forest
        many = forest is not None and len(forest.base) > 1
        return "multi:softprob" if many else "binary:logistic"

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        labels = read_labels(y, rows)
        classes = find_classes(labels) if classes is None else classes
        return encode_classes(labels, classes), classes

    def _interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        if scores.ndim > 1:
            probability, best = Softmax().respond(scores), np.argmax(scores, axis=1)
        else:
            both = np.column_stack([-scores, scores])
            probability, best = Logistic().respond(both), (scores > 0).astype(np.int64)
        return {"prediction": self.classes_[best], "probability": probability}

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        loss: Loss = Logistic() if y.shape[1] == 1 else Softmax()
        metrics = {"log_loss": float(loss.values(y, scores).mean())}
        if y.shape[1] > 1:
            classes = np.arange(y.shape[1])  # some may be in no row
            return metrics | multiclass_metrics(np.argmax(y, axis=1), scores, classes)
        return metrics | classification_metrics(y.ravel(), scores.ravel(), positive=1.0)
