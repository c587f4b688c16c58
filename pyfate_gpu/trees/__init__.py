# SPDX-License-Identifier: Apache-2.0
"""Gradient-boosted trees between parties."""

from pyfate_gpu.trees.classifier import HeteroBoostedTreesClassifier
from pyfate_gpu.trees.regressor import HeteroBoostedTreesRegressor

__all__ = ["HeteroBoostedTreesClassifier", "HeteroBoostedTreesRegressor"]
