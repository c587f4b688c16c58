# SPDX-License-Identifier: Apache-2.0
"""What training asks of whoever keeps its state, so that it can go on after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

#: Numeric arrays, numbers, texts, and lists and dictionaries of the latter two.
State = Mapping[str, Any]


class Recovery(Protocol):
    """Keeps the state of one party's training; ``jobs/checkpoints.py`` keeps it in files.

    What is kept is private to the party, and holds no key: a restarted arbiter makes a new one.
    """

    @property
    def iteration(self) -> int:
        """The last iteration that all parties have kept, agreed upon before training; 0 to begin anew."""

    def load(self) -> State:
        """Return what was kept after that iteration."""

    def is_due(self, iteration: int) -> bool:
        """Return whether the state after an iteration shall be kept."""

    def save(self, iteration: int, state: State) -> None:
        """Keep the state after an iteration."""
