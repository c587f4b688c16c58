# SPDX-License-Identifier: Apache-2.0
"""The best split of a node, of all parties' candidates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from pyfate_gpu.learning.gain import Regularization
from pyfate_gpu.trees.tree import GUEST_OWNER
from pyfate_gpu.typing import Floats, Integers

#: Different gains in a list of candidates that a host is offered at once.
SHORTLIST = 8


@dataclass(repr=False, eq=False)
class Candidate:
    """Candidates of one party for a node.

    Parameters
    ----------
    sums : int64 [candidates, 2 outputs]
        Of one side.
    gains : float64 [candidates]
        -inf where a candidate may not be taken, or its party would not.
    """

    sums: Integers
    gains: Floats

    @property
    def best(self) -> float:
        """The largest gain, -inf where there is none."""
        return float(self.gains.max(initial=-np.inf))


@dataclass(repr=False, eq=False)
class OpenNode:
    """A node of a tree, as long as it is no leaf for certain; the guest's secret.

    Parameters
    ----------
    tree, number : int
        Which tree of the round, and which node of it.
    rows : int64
        All rows that came by.
    counted : int64
        Those that the tree is grown from.
    total : int64 [2 outputs]
        Sum of their gradients and hessians, of the outputs of the tree.
    sums : dict
        By owner, of one side of each candidate; the guest's with the number of rows behind them.
    names : dict
        By owner, the number under which a host knows it.
    hopeless : bool
        Whether no column of a host could split it, nor what comes of it.
    """

    tree: int
    number: int
    rows: Integers
    counted: Integers
    total: Integers
    sums: dict[int, Integers] = field(default_factory=dict)
    names: dict[int, int] = field(default_factory=dict)
    found: dict[int, Candidate] = field(default_factory=dict)
    hopeless: bool = False

    def search(self, regularization: Regularization, units: Floats, least: int) -> None:
        """Compute the gain of every candidate."""
        for owner, sums in self.sums.items():
            width = len(self.total)
            gains = regularization.gains(sums[:, :width], self.total, units)
            if owner == GUEST_OWNER:
                rows = sums[:, width]
                few = np.minimum(rows, len(self.counted) - rows) < least
                gains = np.where(few, -np.inf, gains)
            self.found[owner] = Candidate(sums, gains)

    def best_owner(self) -> int | None:
        """Return whose candidate is best, of several alike the first party; None where there is none."""
        owners = sorted(self.found)
        best = max((self.found[owner].best for owner in owners), default=-np.inf)
        if best == -np.inf:
            return None
        return next(owner for owner in owners if self.found[owner].best == best)

    def shortlist(self, owner: int) -> tuple[Integers, Integers]:
        """Return the places of the candidates of a host that beat all other parties, and the rank of each.

        Those that gain the same have the same rank: the host takes the first one of them.
        """
        gains = self.found[owner].gains
        good = gains > -np.inf
        for other, found in self.found.items():
            if other != owner:
                good &= (gains > found.best) if other < owner else (gains >= found.best)
        places = np.flatnonzero(good)
        # Different gains, the largest first.
        _, ranks = np.unique(-gains[places], return_inverse=True)
        kept = ranks < SHORTLIST
        return places[kept].astype(np.int64), ranks[kept].astype(np.int64)

    def strike(self, owner: int, places: Integers) -> None:
        """Forget candidates that a host has refused."""
        self.found[owner].gains[places] = -np.inf
