# SPDX-License-Identifier: Apache-2.0
"""Which messages boosting exchanges, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.protocol.messages import GUEST_ROLE as GUEST
from pyfate_gpu.protocol.messages import HOST_ROLE as HOST
from pyfate_gpu.protocol.messages import Messages

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
}

#: Bytes of ciphertexts in one message.
MESSAGE_BYTES = 2_000_000


def pieces(total: int, key_bits: int) -> list[slice]:
    """Return how so many ciphertexts are cut into messages.

    Examples
    --------
    >>> from pyfate_gpu.trees.messages import pieces
    >>> [(each.start, each.stop) for each in pieces(5000, key_bits=2048)]
    [(0, 3906), (3906, 5000)]
    """
    size = max(1, MESSAGE_BYTES // (key_bits // 4))
    return [slice(start, min(start + size, total)) for start in range(0, total, size)]
