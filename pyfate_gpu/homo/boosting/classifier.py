# SPDX-License-Identifier: Apache-2.0
"""Boosted trees that tell classes, of many parties' rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import encode_classes
from pyfate_gpu.data.tables import read_labels, read_present_labels
from pyfate_gpu.errors import DataError
from pyfate_gpu.homo.boosting.estimator import HomoBoostedTrees
from pyfate_gpu.learning.losses import Logistic, Loss, Softmax
from pyfate_gpu.learning.metrics import classification_metrics, multiclass_metrics
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HomoBoostedTreesClassifier(HomoBoostedTrees):
    """Classes by boosted trees of the rows of many clients; parameters as of `HomoBoostedTrees`.

    Two classes take the logistic loss, more the softmax. The server learns which classes each client has.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import HomoBoostedTreesClassifier, simulate
    >>> x = np.random.default_rng(0).normal(size=(300, 2))
    >>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "other")
    >>> def client(rows):
    ...     return lambda session: HomoBoostedTreesClassifier(n_estimators=3, max_depth=3).fit(
    ...         x[rows], y[rows], session=session
    ...     )
    >>> def server(session):
    ...     HomoBoostedTreesClassifier(n_estimators=3, max_depth=3).fit(session=session)
    >>> parts = [slice(0, 100), slice(100, 150), slice(150, 300)]
    >>> models = simulate(server=server, clients=[client(rows) for rows in parts])
    >>> bool((models["client-0"].predict(x) == y).mean() > 0.9)
    True
    """

    if TYPE_CHECKING:
        classes_: NDArray[Any]

    def _loss(self, outputs: int) -> Loss:
        loss: Loss = Logistic() if outputs == 1 else Softmax()
        if self.base_score is not None:
            loss.link(float(self.base_score))
        return loss

    def _classes(self, y: Any, rows: int) -> list[Any]:
        labels = read_labels(y, rows)
        if labels.dtype.kind == "f" and (labels != np.rint(labels)).any():
            raise DataError(
                "y holds numbers that are no whole ones: take HomoBoostedTreesRegressor"
            )
        return list(np.unique(labels).tolist())

    def _encode(self, y: Any, rows: int, classes: NDArray[Any] | None) -> Floats:
        if classes is None or len(classes) < 2:
            raise DataError("all clients together have one class: there is nothing to tell apart")
        return encode_classes(read_labels(y, rows), classes)

    def _measure(self, y: Floats, scores: Floats) -> dict[str, float]:
        if y.shape[1] == 1:
            right = (scores > 0) == (y > 0)
            return {"accuracy": float(right.mean())}
        return {"accuracy": float((scores.argmax(axis=1) == y.argmax(axis=1)).mean())}

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return ``prediction``, the classes, and ``probability`` as `predict_proba` returns it."""
        table = np.asarray(scores, dtype=np.float64)
        if table.ndim > 1:
            likely, best = Softmax().respond(table), table.argmax(axis=1)
        else:
            likely = Logistic().respond(np.column_stack([-table, table]))
            best = (table > 0).astype(np.int64)
        return {"prediction": self.classes_[best], "probability": likely}

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class, [rows, classes]; raises as `decision_function` does."""
        return self.interpret(self.decision_function(X))["probability"]

    def evaluate(self, y: Any, scores: Floats) -> dict[str, float]:
        """Return log loss, and AUC, KS, accuracy and F1 of two classes, accuracy and F1 of more."""
        labels, present = read_present_labels(y, len(scores))
        if not present.any():
            return {}
        table = np.asarray(scores, dtype=np.float64).reshape(len(scores), -1)[present]
        encoded = encode_classes(labels, self.classes_)
        loss = self._loss(encoded.shape[1])
        found = {"log_loss": float(loss.values(encoded, table).mean())}
        if table.shape[1] == 1:
            return found | classification_metrics(labels, table[:, 0], self.classes_[1])
        return found | multiclass_metrics(labels, table, self.classes_)

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many scores a row has, given labels."""
        classes = 2 if labels is None else len(np.unique(labels))
        return 1 if classes <= 2 else classes

    def output_names(self) -> list[Any]:
        """Return the classes."""
        return list(self.classes_.tolist())
