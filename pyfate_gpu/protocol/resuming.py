# SPDX-License-Identifier: Apache-2.0
"""Training that goes on after a crash: its state comes from the session's recovery, and goes there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pyfate_gpu.federation import Session


class Resumable(Protocol):
    """One party's side of a training."""

    @property
    def session(self) -> Session:
        """Where the recovery is, if there is one."""

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""


def resume(trainer: Resumable) -> int:
    """Take up the state after the iteration that all parties have kept; return its number, 0 to begin anew."""
    recovery = trainer.session.recovery
    if recovery is None or not recovery.iteration:
        return 0
    trainer.restore(recovery.load())
    return recovery.iteration


def keep(trainer: Resumable, iteration: int) -> None:
    """Keep the state after an iteration, where that is wanted and due."""
    recovery = trainer.session.recovery
    if recovery is not None and recovery.is_due(iteration):
        recovery.save(iteration, trainer.state())
