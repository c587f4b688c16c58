# SPDX-License-Identifier: Apache-2.0
"""Which messages transfer learning takes, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.protocol.messages import DATA_ROLES as DATA
from pyfate_gpu.protocol.messages import GUEST_ROLE as GUEST
from pyfate_gpu.protocol.messages import HOST_ROLE as HOST
from pyfate_gpu.protocol.messages import Messages

MESSAGES: Messages = {
    "common": (DATA, DATA),
    "rows": (DATA, DATA),
    "square": (DATA, DATA),
    "gradient": (GUEST, HOST),
    "served": (HOST, GUEST),
    "served_share": (GUEST, HOST),
    "gradient_share": (HOST, GUEST),
    "loss": (GUEST, HOST),
    "loss_share": (HOST, GUEST),
    "proceed": (GUEST, HOST),
    "outputs": (GUEST, HOST),
    "centres": (GUEST, HOST),
    "classes": (GUEST, HOST),
    "score_rows": (HOST, GUEST),
    "scores": (HOST, GUEST),
    "score_share": (GUEST, HOST),
}
