# SPDX-License-Identifier: Apache-2.0
"""How good predictions are, by scikit-learn; the guest computes them, who has labels and scores."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def classification_metrics(y: Any, scores: NDArray[np.float64]) -> dict[str, float]:
    """Return AUC, and accuracy at score 0, of two classes; the greater label is the positive one.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.glm.metrics import classification_metrics
    >>> classification_metrics([0, 0, 1, 1], np.array([-1.0, 2.0, 1.0, 3.0]))
    {'auc': 0.75, 'accuracy': 0.75}
    """
    from sklearn.metrics import accuracy_score, roc_auc_score

    _, codes = np.unique(y, return_inverse=True)
    return {
        "auc": float(roc_auc_score(codes, scores)),
        "accuracy": float(accuracy_score(codes, (scores > 0).astype(codes.dtype))),
    }


def regression_metrics(y: Any, predicted: NDArray[np.float64]) -> dict[str, float]:
    """Return RMSE and r2.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.glm.metrics import regression_metrics
    >>> regression_metrics([0.0, 2.0], np.array([0.0, 2.0]))
    {'rmse': 0.0, 'r2': 1.0}
    """
    from sklearn.metrics import mean_squared_error, r2_score

    return {
        "rmse": float(np.sqrt(mean_squared_error(y, predicted))),
        "r2": float(r2_score(y, predicted)),
    }
