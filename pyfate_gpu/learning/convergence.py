# SPDX-License-Identifier: Apache-2.0
"""When training may stop.

``diff`` and ``abs`` look at the loss, which the guest alone knows. ``weight_diff`` asks each party
whether its own weights have settled, so that no norm of anybody's weights travels: one bit does.
"""

from __future__ import annotations

import numpy as np

from pyfate_gpu.typing import Floats

CRITERIA = ("diff", "abs", "weight_diff")


def loss_settled(criterion: str, losses: list[float], tol: float) -> bool:
    """Return whether the history of losses meets ``diff`` or ``abs``; never for ``weight_diff``."""
    if criterion == "abs":
        return abs(losses[-1]) <= tol
    return criterion == "diff" and len(losses) > 1 and abs(losses[-1] - losses[-2]) <= tol


def weights_settled(before: Floats, after: Floats, tol: float) -> bool:
    """Return whether one party's weights moved by at most ``tol * max(norm, 1)``."""
    moved = float(np.linalg.norm(after - before))
    return moved <= tol * max(float(np.linalg.norm(after)), 1.0)
