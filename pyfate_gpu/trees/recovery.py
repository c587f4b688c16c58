# SPDX-License-Identifier: Apache-2.0
"""The state of a trainer, kept after rounds and taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pyfate_gpu.federation import Session


class Trainer(Protocol):
    """Whoever has a state."""

    def state(self) -> dict[str, Any]:
        """Return what the next rounds depend on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""


def resume(session: Session, trainer: Trainer) -> int:
    """Take up what was kept of an earlier attempt; return the last round it did, or 0."""
    recovery = session.recovery
    if recovery is None or not recovery.iteration:
        return 0
    trainer.restore(recovery.load())
    return recovery.iteration


def keep(session: Session, trainer: Trainer, number: int) -> None:
    """Have the state after a round kept, if that is wanted."""
    recovery = session.recovery
    if recovery is not None and recovery.is_due(number):
        recovery.save(number, trainer.state())
