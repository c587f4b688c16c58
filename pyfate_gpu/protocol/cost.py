# SPDX-License-Identifier: Apache-2.0
"""How many operations a protocol takes: what `Usage` counts, known before anything runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from pyfate_gpu.encoding.slots import SlotLayout
from pyfate_gpu.federation.roles import GUEST

#: Ciphertext operations by step, by name of the party.
Steps = dict[str, Counter[str]]


@dataclass(frozen=True)
class JobShape:
    """The size of a job.

    Parameters
    ----------
    rows : int
        To train with.
    columns : mapping
        Of each party with data, by name; the guest's without its intercept.
    outputs : int
        Classes, where there are more than two; otherwise 1.
    validation : int
        Rows to judge each iteration by.
    weighted : bool
        Whether rows have weights.
    tables : mapping
        Rows of a party's table, by name, where these are more than those to train with.
    """

    rows: int
    columns: Mapping[str, int]
    outputs: int = 1
    validation: int = 0
    weighted: bool = False
    tables: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Workload:
    """What training takes, as far as it is known before it runs.

    Parameters
    ----------
    iterations : int
        At most.
    steps : dict
        Operations of an iteration, by party and step.
    terms : int
        Ciphertexts that one sum of products of an iteration adds up.
    held : dict
        Ciphertexts that each party has in memory at once.
    slots : SlotLayout or None
        Of rows that share the ciphertexts of sums.
    batches : int
        Products of matrices that the sums of an iteration are made in.
    round_trips : float
        Of an iteration: the chain of messages of which each needs the one before.
    """

    iterations: int
    steps: Steps
    terms: int
    held: dict[str, int]
    slots: SlotLayout | None = None
    batches: int = 1
    round_trips: float = 3.0


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


def add_work(work: Steps, more: Steps) -> None:
    """Add what else the parties do."""
    for name, steps in more.items():
        work[name].update(steps)
