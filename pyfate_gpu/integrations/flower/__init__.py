# SPDX-License-Identifier: Apache-2.0
"""Federated averaging in Flower's message API by sums that the server cannot take apart."""

from pyfate_gpu.integrations.flower.mod import SecureSumMod as SecureSumMod
from pyfate_gpu.integrations.flower.strategy import SecureFedAvg as SecureFedAvg
