# SPDX-License-Identifier: Apache-2.0
"""Which messages the regressions exchange, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.protocol.messages import ARBITER_ROLE as ARBITER
from pyfate_gpu.protocol.messages import DATA_ROLES as DATA
from pyfate_gpu.protocol.messages import GUEST_ROLE as GUEST
from pyfate_gpu.protocol.messages import HOST_ROLE as HOST
from pyfate_gpu.protocol.messages import Messages

MESSAGES: Messages = {
    "shape": (HOST, GUEST),
    "plan": (GUEST, HOST | ARBITER),
    "decryptions": (GUEST, ARBITER),
    "target_scale": (GUEST, HOST),
    "batches": (GUEST, HOST),
    "targets": (GUEST, HOST),
    "forward": (HOST, GUEST),
    "residual": (GUEST, HOST),
    "loss_share": (HOST, GUEST),
    "masked_gradient": (DATA, ARBITER),
    "residues_gradient": (ARBITER, DATA),
    "middle_gradient": (ARBITER, DATA),
    "rows": (DATA, ARBITER),
    "gradient": (DATA, ARBITER),
    "step": (ARBITER, DATA),
    "slots_loss": (GUEST, ARBITER),
    "masked_loss": (GUEST, ARBITER),
    "residues_loss": (ARBITER, GUEST),
    "curvature": (HOST, GUEST),
    "turn": (GUEST, HOST),
    "settled": (HOST, GUEST),
    "validation": (HOST, GUEST),
    "masked_validation": (GUEST, ARBITER),
    "residues_validation": (ARBITER, GUEST),
    "scores": (HOST, GUEST),
    "masked_scores": (GUEST, ARBITER),
    "residues_scores": (ARBITER, GUEST),
    "proceed": (GUEST, HOST | ARBITER),
}
