# SPDX-License-Identifier: Apache-2.0
"""One party's shares of all weights, its own columns' and the other party's, and how they move."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.data.fixed_point import FRACTION_BITS
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.masks import random_ring
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.protocol.sharing.truncation import truncate
from pyfate_gpu.sshe.bounds import GUARD_BITS
from pyfate_gpu.sshe.links import FACTOR_BITS, factor
from pyfate_gpu.sshe.settings import Settings
from pyfate_gpu.typing import Integers


@dataclass
class Block:
    """A party's share of the weights of one party's columns.

    Parameters
    ----------
    share, velocity : uint64 [columns, 2]
        In ``fraction_bits + GUARD_BITS`` fraction bits.
    alpha : int64 [columns]
        Penalty in fixed point, 0 for an intercept.
    """

    share: Ring
    velocity: Ring
    alpha: Integers

    @classmethod
    def zeros(cls, columns: int, settings: Settings, *, intercept: bool) -> Block:
        """Return shares of zeros, that of this party being 0 until the other one splits its own."""
        alpha = np.full(columns, factor(settings.alpha if settings.penalty == "l2" else 0.0))
        if intercept:
            alpha[-1] = 0
        return cls(ring.zeros((columns,)), ring.zeros((columns,)), alpha)

    def split(self) -> Ring:
        """Draw the share that the other party gets of these weights, and take it off this one's."""
        given = random_ring((len(self.share),))
        self.share = ring.subtract(self.share, given)
        return given

    def descend(
        self, sums: Ring, rows: int, rate: float, settings: Settings, *, first: bool
    ) -> None:
        """Take a step, given the share of the gradient's sums over `rows` rows."""
        fewer = math.floor(math.log2(rows))
        drop = FRACTION_BITS - GUARD_BITS + fewer
        mean = ring.scale(
            truncate(sums, drop, first=first), round(2.0 ** (FACTOR_BITS + fewer) / rows)
        )
        step = truncate(mean, FACTOR_BITS, first=first)
        if self.alpha.any():
            penalty = ring.multiply(self.share, ring.from_integers(self.alpha))
            step = ring.add(step, truncate(penalty, FACTOR_BITS, first=first))
        if settings.optimizer == "momentum":
            kept = ring.scale(self.velocity, factor(settings.momentum))
            step = self.velocity = ring.add(truncate(kept, FACTOR_BITS, first=first), step)
        moved = truncate(ring.scale(step, factor(rate)), FACTOR_BITS, first=first)
        self.share = ring.subtract(self.share, moved)


@dataclass
class SharedWeights:
    """Both blocks, and the best so far.

    Parameters
    ----------
    own, other : Block
        Of this party's columns, and of the other party's.
    """

    own: Block
    other: Block

    def __post_init__(self) -> None:
        self.keep_best()

    def keep_best(self) -> None:
        """Remember the shares as they are."""
        self.best = self.own.share, self.other.share

    def state(self) -> dict[str, Any]:
        """Return what the next steps depend on."""
        return {
            "own": self.own.share,
            "other": self.other.share,
            "own_velocity": self.own.velocity,
            "other_velocity": self.other.velocity,
            "best_own": self.best[0],
            "best_other": self.best[1],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up what `state` returned."""
        self.own.share, self.other.share = state["own"], state["other"]
        self.own.velocity, self.other.velocity = state["own_velocity"], state["other_velocity"]
        self.best = state["best_own"], state["best_other"]
