# SPDX-License-Identifier: Apache-2.0
"""Losses that boosting goes down: gradient and hessian of each row's scores, at the party that has the labels."""

from pyfate_gpu.learning.losses.base import Derivatives, Loss, weigh
from pyfate_gpu.learning.losses.classes import Logistic, Softmax
from pyfate_gpu.learning.losses.custom import CustomLoss
from pyfate_gpu.learning.losses.location import Absolute, PseudoHuber, Quantile, Squared
from pyfate_gpu.learning.losses.logarithmic import Gamma, Poisson, Tweedie
from pyfate_gpu.learning.losses.registry import LOSSES, XGBOOST_NAMES, find_loss

__all__ = [
    "LOSSES",
    "XGBOOST_NAMES",
    "Absolute",
    "CustomLoss",
    "Derivatives",
    "Gamma",
    "Logistic",
    "Loss",
    "Poisson",
    "PseudoHuber",
    "Quantile",
    "Softmax",
    "Squared",
    "Tweedie",
    "find_loss",
    "weigh",
]
