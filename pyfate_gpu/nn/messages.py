# SPDX-License-Identifier: Apache-2.0
"""Which messages networks exchange, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.protocol.messages import DATA_ROLES as DATA
from pyfate_gpu.protocol.messages import GUEST_ROLE as GUEST
from pyfate_gpu.protocol.messages import HOST_ROLE as HOST
from pyfate_gpu.protocol.messages import Messages

MESSAGES: Messages = {
    "shape": (HOST, GUEST),
    "plan": (GUEST, HOST),
    "batches": (GUEST, HOST),
    "weights": (DATA, DATA),
    "activations": (DATA, DATA),
    "activation_share": (HOST, GUEST),
    "gradients": (GUEST, HOST),
    "gradient_sums": (HOST, GUEST),
    "inputs": (HOST, GUEST),
    "outputs": (GUEST, HOST),
    "inputs_again": (HOST, GUEST),
    "weight_gradients": (GUEST, HOST),
    "noisy_gradients": (HOST, GUEST),
    "input_weights": (HOST, GUEST),
    "input_gradients": (GUEST, HOST),
    "input_gradient_share": (GUEST, HOST),
    "proceed": (GUEST, HOST),
}
