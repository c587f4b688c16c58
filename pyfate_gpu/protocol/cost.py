# SPDX-License-Identifier: Apache-2.0
"""How many operations a protocol takes: what `Usage` counts, known before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from pyfate_gpu.federation.roles import GUEST

#: Ciphertext operations by step, by name of the party.
Workload = dict[str, Counter[str]]


def ciphertexts_sent(work: Mapping[str, Mapping[str, int]], hosts: int) -> dict[str, int]:
    """Return how many ciphertexts each party sends: all that are encrypted, re-blinded or masked go out.

    What the guest re-blinds goes to every host.
    """
    return {
        name: steps.get("encrypt", 0)
        + steps.get("mask", 0)
        + steps.get("blind", 0) * (hosts if name == GUEST.name else 1)
        for name, steps in work.items()
    }


def add_work(work: Workload, more: Workload) -> None:
    """Add what else the parties do."""
    for name, steps in more.items():
        work[name].update(steps)
