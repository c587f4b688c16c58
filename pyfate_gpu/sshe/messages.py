# SPDX-License-Identifier: Apache-2.0
"""Which messages the two parties exchange, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.protocol.messages import DATA_ROLES as DATA
from pyfate_gpu.protocol.messages import GUEST_ROLE as GUEST
from pyfate_gpu.protocol.messages import HOST_ROLE as HOST
from pyfate_gpu.protocol.messages import Messages

#: Shares under the sender's key.
ENCRYPTED = ("weights", "powers", "unweighted", "squares", "residual")
#: Results under the recipient's key, masked.
MASKED = ("scores", "norm", "cubes", "weighted", "gradient", "loss")
#: Shares in clear: what they add up to is opened to the recipient.
OPENED = ("range", "loss_share", "validation_share", "score_share", "opened_weights")

MESSAGES: Messages = {
    "shape": (HOST, GUEST),
    "plan": (GUEST, HOST),
    "batches": (GUEST, HOST),
    "initial": (DATA, DATA),
    "weights": (DATA, DATA),
    "scores": (DATA, DATA),
    "norm": (DATA, DATA),
    "range": (DATA, DATA),
    "powers": (GUEST, HOST),
    "cubes": (HOST, GUEST),
    "unweighted": (HOST, GUEST),
    "squares": (HOST, GUEST),
    "weighted": (GUEST, HOST),
    "residual": (DATA, DATA),
    "gradient": (DATA, DATA),
    "loss": (GUEST, HOST),
    "loss_share": (HOST, GUEST),
    "validation_share": (HOST, GUEST),
    "proceed": (GUEST, HOST),
    "opened_weights": (DATA, DATA),
    "score_share": (HOST, GUEST),
    "own_scores": (HOST, GUEST),
}
