# SPDX-License-Identifier: Apache-2.0
"""Classes by a network whose first layer is shared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.data.labels import encode_classes, find_classes
from pyfate_gpu.data.tables import read_labels
from pyfate_gpu.federation import Session
from pyfate_gpu.learning.metrics import multiclass_metrics
from pyfate_gpu.nn.estimator import Classes, HeteroNetwork
from pyfate_gpu.nn.modules import require_torch
from pyfate_gpu.typing import Floats


@dataclass(kw_only=True, eq=False, repr=False)
class HeteroNetworkClassifier(HeteroNetwork):
    """Two or more classes, by softmax and cross entropy.

    Parameters and attributes are those of `HeteroNetwork`, and those below.

    Attributes
    ----------
    classes_ : array [classes]
        Sorted; the guest's.
    """

    if TYPE_CHECKING:  # set by fit
        classes_: NDArray[np.generic] = field(init=False)

    def predict(self, X: Any = None, *, session: Session) -> NDArray[np.generic] | None:
        """Return the likeliest class of each row to the guest, None to the host."""
        scores = self.decision_function(X, session=session)
        return None if scores is None else self.interpret(scores)["prediction"]

    def predict_proba(self, X: Any = None, *, session: Session) -> Floats | None:
        """Return the probability of each class, [rows, classes], to the guest, None to the host."""
        scores = self.decision_function(X, session=session)
        return None if scores is None else self.interpret(scores)["probability"]

    def interpret(self, scores: Floats) -> dict[str, NDArray[Any]]:
        """Return ``prediction`` and ``probability`` of scores, without the other party."""
        shifted = scores - scores.max(axis=1, keepdims=True)
        probability = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
        return {
            "prediction": self.classes_[np.argmax(scores, axis=1)],
            "probability": probability,
        }

    def outputs_of(self, labels: NDArray[Any] | None) -> int:
        """Return how many scores a row has: one of each class."""
        if labels is None:
            return 2
        return len({label for label in labels.tolist() if label is not None and label == label})

    def output_names(self) -> Sequence[Any]:
        """Return the classes."""
        return list(self.classes_.tolist())

    def _encode_labels(self, y: Any, rows: int, classes: Classes) -> tuple[Floats, Classes]:
        labels = read_labels(y, rows)
        found = find_classes(labels) if classes is None else classes
        encoded = encode_classes(labels, found)
        if encoded.shape[1] == 1:
            encoded = np.hstack([1.0 - encoded, encoded])
        return encoded, found

    def _targets(self, encoded: Floats) -> NDArray[Any]:
        return np.asarray(np.argmax(encoded, axis=1))

    def _criterion(self) -> Any:
        return require_torch().nn.CrossEntropyLoss()

    def _evaluate(self, y: Floats, scores: Floats) -> dict[str, float]:
        shifted = scores - scores.max(axis=1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        loss = -float((y * logs).sum(axis=1).mean())
        classes = np.arange(y.shape[1])
        return {"log_loss": loss} | multiclass_metrics(np.argmax(y, axis=1), scores, classes)
