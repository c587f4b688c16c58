# SPDX-License-Identifier: Apache-2.0
"""Losses that users bring along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.learning.losses.base import Derivatives, Loss
from pyfate_gpu.typing import Floats

#: What a user's own loss is: called with labels and scores as `Derivatives` are, or of one axis for one output.
Custom = Callable[[Floats, Floats], tuple[Any, Any]]


@dataclass(frozen=True)
class CustomLoss(Loss):
    """A loss of the user's own, known by its derivatives alone.

    Parameters
    ----------
    function : callable
        Returns gradient and hessian of labels and scores.
    """

    function: Custom

    def derivatives(self, y: Floats, scores: Floats) -> Derivatives:
        """Return gradient and hessian."""
        single = scores.shape[1] == 1
        found = self.function(y[:, 0], scores[:, 0]) if single else self.function(y, scores)
        try:
            g, h = (np.asarray(part, dtype=np.float64).reshape(scores.shape) for part in found)
        except (TypeError, ValueError):
            raise ConfigurationError(
                f"objective returned no gradient and hessian of {len(scores)} rows: it must return two arrays like the "
                "scores that it was called with"
            ) from None
        return g, h

    def values(self, y: Floats, scores: Floats) -> Floats:
        """Return the loss of each row."""
        return np.full(len(y), np.nan)  # nobody said what it is

    def start(self, y: Floats, weights: Floats) -> Floats:
        """Return the best constant, or one near it."""
        return np.zeros(y.shape[1])
