# SPDX-License-Identifier: Apache-2.0
"""Which messages binning exchanges, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.protocol.messages import GUEST_ROLE as GUEST
from pyfate_gpu.protocol.messages import HOST_ROLE as HOST
from pyfate_gpu.protocol.messages import Messages

MESSAGES: Messages = {
    "plan": (GUEST, HOST),
    "label_rows": (GUEST, HOST),
    "bin_counts": (HOST, GUEST),
    "bin_sums": (HOST, GUEST),
    "finer_bins": (HOST, GUEST),
    "merges": (GUEST, HOST),
    "values": (GUEST, HOST),
    "evidence": (GUEST, HOST),
}

#: Of selection.
SELECTION: Messages = {
    **MESSAGES,
    "standing": (HOST, GUEST),
    "joint": (GUEST, HOST),
    "column_rows": (GUEST, HOST),
    "column_products": (HOST, GUEST),
    "verdicts": (GUEST, HOST),
}
