# SPDX-License-Identifier: Apache-2.0
"""What a routine is to the bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bench.harness import Job
from bench.peers import Peer
from bench.world import World


@dataclass(frozen=True)
class Target:
    """The ratio that the project wants, at 2048 bits, on one core with AVX-512 IFMA."""

    peer: str
    at_least: float


@dataclass(frozen=True)
class Routine:
    """One row of the table.

    `ours` and `theirs` prepare a job on so many rows of ciphertexts; the peer's rows are fewer, since
    its cost grows with them strictly linearly and ours is a batch. `operations` counts in `unit`.
    """

    title: str
    unit: str
    ours: Callable[[World, int], Job]
    theirs: Callable[[World, Peer, int], Job]
    rows: int
    peer_rows: int
    operation: str
    """The peer's method that this routine calls; a peer without it is left out of the row."""
    target: Target | None = None
    isa: str | None = None
    """Instruction set that this row forces, whatever the command line says."""
