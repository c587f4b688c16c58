# SPDX-License-Identifier: Apache-2.0
"""Regressions between a guest and one host without a coordinator: weights, scores and residuals stay shared."""

from pyfate_gpu.sshe.linear import HeteroSSHELinearRegression
from pyfate_gpu.sshe.logistic import HeteroSSHELogisticRegression

__all__ = ["HeteroSSHELinearRegression", "HeteroSSHELogisticRegression"]
