# SPDX-License-Identifier: Apache-2.0
"""Losses of regressions by their names.

Names are scikit-learn's; those of XGBoost are taken too and mean the same formulas, to the last digit but one.
"""

from __future__ import annotations

from typing import Any

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.learning.losses.base import Loss
from pyfate_gpu.learning.losses.custom import CustomLoss
from pyfate_gpu.learning.losses.location import Absolute, PseudoHuber, Quantile, Squared
from pyfate_gpu.learning.losses.logarithmic import Gamma, Poisson, Tweedie

#: Losses of regressions by scikit-learn's names.
LOSSES: dict[str, type[Loss]] = {
    "squared_error": Squared,
    "absolute_error": Absolute,
    "huber": PseudoHuber,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": Tweedie,
}
#: What XGBoost calls them.
XGBOOST_NAMES = {
    "reg:squarederror": "squared_error",
    "reg:absoluteerror": "absolute_error",
    "reg:pseudohubererror": "huber",
    "reg:quantileerror": "quantile",
    "count:poisson": "poisson",
    "reg:gamma": "gamma",
    "reg:tweedie": "tweedie",
}


def find_loss(
    objective: Any,
    *,
    huber_slope: float = 1.0,
    quantile_alpha: float = 0.5,
    tweedie_variance_power: float = 1.5,
) -> Loss:
    """Return the loss of a regression.

    Parameters
    ----------
    objective : str or callable
        A name of `LOSSES` or `XGBOOST_NAMES`, or a function of labels and scores that returns gradient and hessian.

    Raises
    ------
    ConfigurationError
        When there is no such loss.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.losses import find_loss
    >>> g, h = find_loss("squared_error").derivatives(np.array([[1.0]]), np.array([[3.0]]))
    >>> g.tolist(), h.tolist()
    ([[2.0]], [[1.0]])
    """
    if callable(objective):
        return CustomLoss(objective)
    name = XGBOOST_NAMES.get(objective, objective) if isinstance(objective, str) else objective
    if not isinstance(name, str) or name not in LOSSES:
        raise ConfigurationError(
            f"objective is {objective!r}; choose one of {', '.join(LOSSES)}, or a function of labels and scores"
        )
    if name == "huber":
        return PseudoHuber(huber_slope)
    if name == "quantile":
        return Quantile(quantile_alpha)
    if name == "tweedie":
        return Tweedie(tweedie_variance_power)
    return LOSSES[name]()
