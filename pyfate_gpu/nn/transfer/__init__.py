# SPDX-License-Identifier: Apache-2.0
"""Federated transfer learning: labels of a guest for rows of a host, over few rows that both have."""

from pyfate_gpu.nn.transfer.estimator import FederatedTransfer

__all__ = ["FederatedTransfer"]
