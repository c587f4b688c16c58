# SPDX-License-Identifier: Apache-2.0
"""Which messages boosting exchanges, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.protocol.messages import GUEST_ROLE as GUEST
from pyfate_gpu.protocol.messages import HOST_ROLE as HOST
from pyfate_gpu.protocol.messages import Messages
from pyfate_gpu.protocol.pieces import MESSAGE_BYTES as MESSAGE_BYTES
from pyfate_gpu.protocol.pieces import pieces as pieces

MESSAGES: Messages = {
    "shape": (HOST, GUEST),
    "plan": (GUEST, HOST),
    "round": (GUEST, HOST),
    "changed": (GUEST, HOST),
    "gradients": (GUEST, HOST),
    "candidates": (HOST, GUEST),
    "nodes": (GUEST, HOST),
    "splits": (HOST, GUEST),
    "sums": (HOST, GUEST),
    "paths": (GUEST, HOST),
    "outcomes": (HOST, GUEST),
    "errands": (GUEST, HOST),
    "questions": (GUEST, HOST),
    "passed": (HOST, HOST),
    "partial_scores": (HOST, HOST),
    "blinded_scores": (HOST, GUEST),
}
