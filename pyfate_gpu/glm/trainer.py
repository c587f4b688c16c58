# SPDX-License-Identifier: Apache-2.0
"""What guest and host have in common while they train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyfate_gpu.encoding import PlaintextArray
from pyfate_gpu.federation import Session
from pyfate_gpu.glm.families import Family
from pyfate_gpu.glm.plan import Packing, Plan
from pyfate_gpu.glm.settings import Settings
from pyfate_gpu.glm.targets import UNSCALED, TargetScale
from pyfate_gpu.glm.weights import PartyWeights
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.protocol.pieces import Piece, cut
from pyfate_gpu.protocol.progress import Progress
from pyfate_gpu.typing import Floats


class Trainer:
    """One party's weights and what moves them.

    Parameters
    ----------
    session : Session
        After the handshake.
    family : Family
        The loss.
    start : float64 [columns, outputs] or None
        Weights to begin with; None for 0.
    progress : Progress
        Hears of each iteration.
    scale : TargetScale
        The unit of training; `start` is in the user's.
    training : str
        Fingerprint of the training that `start` comes from.
    """

    weights: PartyWeights
    plan: Plan
    packing: Packing

    def __init__(
        self,
        session: Session,
        settings: Settings,
        family: Family,
        progress: Progress,
        start: Floats | None = None,
        scale: TargetScale = UNSCALED,
        training: str = "",
    ) -> None:
        self.session = session
        self.settings = settings
        self.family = family
        self.progress = progress
        self.start = start
        self.scale = scale
        self.training = training

    @property
    def _standardized(self) -> bool:
        """Whether the columns have mean 0 and a mean square of at most 1, over the rows of this fit."""
        return self.settings.standardize and self.start is None

    def pieces(self, rows: int, at: dict[str, int]) -> list[Piece]:
        """Return in which messages so many rows of a batch travel, encrypted."""
        shape = self.packing.shape(rows)
        return cut(shape, self.session.public_key.key_bits, at, self.plan.batches)

    def state(self) -> dict[str, Any]:
        """Return what the next iterations depend on."""
        return self.weights.state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.weights.restore(state)


def part_of(values: Any, piece: Piece) -> Any:
    """Return what of plain `values`, numbers or encoded ones, a piece has."""
    return values.part(piece.part) if isinstance(values, PlaintextArray) else values[piece.part]


def joined(parts: list[CiphertextArray]) -> CiphertextArray:
    """Return an array of its pieces."""
    return parts[0] if len(parts) == 1 else concatenate(parts)
