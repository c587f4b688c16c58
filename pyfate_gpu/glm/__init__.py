# SPDX-License-Identifier: Apache-2.0
"""Generalised linear models between parties."""

from pyfate_gpu.glm.linear import HeteroLinearRegression
from pyfate_gpu.glm.logistic import HeteroLogisticRegression
from pyfate_gpu.glm.poisson import HeteroPoissonRegression

__all__ = ["HeteroLinearRegression", "HeteroLogisticRegression", "HeteroPoissonRegression"]
