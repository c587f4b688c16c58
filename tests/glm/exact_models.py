# SPDX-License-Identifier: Apache-2.0
"""Estimators that take features as they are, and their weights in the order of `oracles`."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyfate_gpu import HeteroLinearRegression, HeteroLogisticRegression, HeteroPoissonRegression
from tests.glm.conftest import SMALL_KEY


def exact_model(loss: str, **params: Any) -> Any:
    """Return an estimator of a loss of `oracles.losses`: first-order steps, features as they are, no early end."""
    plain = {"tol": 0.0, "standardize": False, "clip": None, "optimizer": "rmsprop"}
    params = SMALL_KEY | plain | params
    if loss == "linear":
        return HeteroLinearRegression(**params)
    if loss == "poisson":
        return HeteroPoissonRegression(**params)
    return HeteroLogisticRegression(link=loss, **params)


def in_order(outcome: Any) -> np.ndarray:
    """All weights as the oracles have them, [classes, ...]: columns of all parties, then the intercept."""
    weights = np.hstack([outcome.guest.coef_, *(host.coef_ for host in outcome.hosts)])
    if not outcome.guest.fit_intercept:
        return weights
    return np.concatenate([weights, np.expand_dims(outcome.guest.intercept_, -1)], axis=-1)
