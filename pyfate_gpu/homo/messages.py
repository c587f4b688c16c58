# SPDX-License-Identifier: Apache-2.0
"""Which messages horizontal training exchanges, beside those of every job."""

from __future__ import annotations

from pyfate_gpu.federation import Role
from pyfate_gpu.protocol.messages import ARBITER_ROLE as ARBITER
from pyfate_gpu.protocol.messages import Messages

CLIENT = frozenset({Role.CLIENT})
SERVER = frozenset({Role.SERVER})

MESSAGES: Messages = {
    "shape": (CLIENT, SERVER),
    "agreed": (SERVER, CLIENT | ARBITER),
    "identity": (CLIENT, CLIENT | SERVER),
    "client_secret": (CLIENT, CLIENT),
    "request": (SERVER, CLIENT),
    "answer": (CLIENT, SERVER),
    "sum": (SERVER, CLIENT | ARBITER),
    "opened": (ARBITER, CLIENT),
    "proceed": (CLIENT, SERVER | ARBITER),
}
