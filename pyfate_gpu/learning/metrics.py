# SPDX-License-Identifier: Apache-2.0
"""How good predictions are, by scikit-learn; the guest computes them, who has labels and scores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats

#: Metrics by name of labels and scores, both [rows, outputs]; the first one is better when less.
Evaluate = Callable[[Floats, Floats], dict[str, float]]


def classification_metrics(y: Any, scores: Floats, positive: Any = None) -> dict[str, float]:
    """Return AUC and KS, and accuracy and F1 at score 0, of two classes.

    KS, of Kolmogorov and Smirnov, is the largest difference of the rates of true and false positives.
    Where all rows are of one class there are no such rates: AUC and KS are left out.

    Parameters
    ----------
    y : array-like [rows]
        Labels.
    scores : float64 [rows]
        Greater for the positive class.
    positive : optional
        Label of that class, by default the greatest in `y`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.metrics import classification_metrics
    >>> classification_metrics([0, 0, 1, 1], np.array([-1.0, 2.0, 1.0, 3.0]))
    {'auc': 0.75, 'ks': 0.5, 'accuracy': 0.75, 'f1': 0.8}
    """
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score, roc_curve

    positive = np.unique(y)[-1] if positive is None else positive
    codes = (np.asarray(y) == positive).astype(int)
    predicted = (scores > 0).astype(int)
    found = {}
    if 0 < codes.sum() < len(codes):
        false_positives, true_positives, _ = roc_curve(codes, scores)
        found["auc"] = float(roc_auc_score(codes, scores))
        found["ks"] = float((true_positives - false_positives).max())
    found["accuracy"] = float(accuracy_score(codes, predicted))
    found["f1"] = float(f1_score(codes, predicted, zero_division=0.0))
    return found


def multiclass_metrics(y: Any, scores: Floats, classes: Any = None) -> dict[str, float]:
    """Return accuracy and the mean F1 of the classes, by the class of the largest score.

    Parameters
    ----------
    y : array-like [rows]
        Labels.
    scores : float64 [rows, classes]
        A column for each class.
    classes : array-like [classes], optional
        Labels of the columns, by default those in `y`, sorted.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.metrics import multiclass_metrics
    >>> multiclass_metrics(["a", "b", "c"], np.eye(3))
    {'accuracy': 1.0, 'f1': 1.0}
    """
    from sklearn.metrics import accuracy_score, f1_score

    classes = np.unique(y) if classes is None else np.asarray(classes)
    predicted = classes[np.argmax(scores, axis=1)]
    return {
        "accuracy": float(accuracy_score(y, predicted)),
        "f1": float(f1_score(y, predicted, average="macro", zero_division=0.0)),
    }


def regression_metrics(y: Any, predicted: Floats) -> dict[str, float]:
    """Return RMSE and r2, which takes two rows.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.metrics import regression_metrics
    >>> regression_metrics([0.0, 2.0], np.array([0.0, 2.0]))
    {'rmse': 0.0, 'r2': 1.0}
    """
    from sklearn.metrics import mean_squared_error, r2_score

    found = {"rmse": float(np.sqrt(mean_squared_error(y, predicted)))}
    return found | ({"r2": float(r2_score(y, predicted))} if len(predicted) > 1 else {})


def poisson_metrics(y: Any, mean: Floats) -> dict[str, float]:
    """Return the mean Poisson deviance and D2, the share of the deviance that the model explains.

    Where all counts are the same there is no deviance to explain: D2 is left out.

    Raises
    ------
    DataError
        When a mean is 0 or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.metrics import poisson_metrics
    >>> poisson_metrics([1.0, 3.0], np.array([1.0, 3.0]))
    {'deviance': 0.0, 'd2': 1.0}
    """
    from sklearn.metrics import d2_tweedie_score, mean_poisson_deviance

    if not ((mean > 0) & np.isfinite(mean)).all():
        raise DataError(
            f"predicted means reach from {mean.min():g} to {mean.max():g}: "
            "clip the features, or lower the learning rate"
        )
    found = {"deviance": float(mean_poisson_deviance(y, mean))}
    return found | ({"d2": float(d2_tweedie_score(y, mean, power=1))} if np.ptp(y) else {})


def log_loss(y: Floats, scores: Floats) -> float:
    """Return the mean logistic loss of scores, summed over outputs; y in {0, 1}, both [rows, outputs].

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.metrics import log_loss
    >>> round(log_loss(np.array([[1.0]]), np.array([[0.0]])), 6)
    0.693147
    """
    return float(np.logaddexp(0.0, (1 - 2 * y) * scores).sum(axis=1).mean())
