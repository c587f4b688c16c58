# SPDX-License-Identifier: Apache-2.0
"""What a routine is to the bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from pyfate_gpu.bench.harness import Job
from pyfate_gpu.bench.peers import Peer
from pyfate_gpu.bench.work import Work
from pyfate_gpu.bench.world import World


@dataclass(frozen=True)
class Size:
    """How large a job is; a routine that does not know features or fraction bits ignores them."""

    rows: int
    features: int = 0
    fraction_bits: int = 0


@dataclass(frozen=True)
class Target:
    """The ratio that the project wants, at 2048 bits, on one core with AVX-512 IFMA."""

    peer: str
    at_least: float
    fraction_bits: int = 0


@dataclass(frozen=True)
class Routine:
    """One row of the table, or a few: one for each number of features and fraction bits.

    `ours` and `theirs` prepare a job of a size; the peer's rows are fewer, since its cost grows with them
    strictly linearly and ours is a batch. Operations are counted in `unit`.
    """

    title: str
    """May name {rows}, {features} and {fraction_bits}."""
    unit: str
    ours: Callable[[World, Size], Job]
    rows: int
    theirs: Callable[[World, Peer, Size], Job] | None = None
    peer_rows: int = 0
    operation: str = ""
    """The peer's method that this routine calls; a peer without it is left out of the row."""
    work: Callable[[Work, Size], float] | None = None
    """Products of limbs that one operation takes."""
    features: tuple[int, ...] = (0,)
    fraction_bits: tuple[int, ...] = (0,)
    targets: tuple[Target, ...] = ()
    isa: str | None = None
    """Instruction set that this row forces, whatever the command line says."""
    hardened: bool = False
    """Whether encryption reads every entry of its tables, on the cpu backend; other rows are not hardened."""
    device: str = ""
    """Backend that this row is about; skipped elsewhere."""
    steady: bool = True
    """Whether a call takes as long as another; if not, one is a turn (a search for primes is luck)."""

    @property
    def forces_cpu(self) -> bool:
        """Whether this row is about the cpu backend, whatever the command line says."""
        return self.isa is not None or self.hardened

    def sizes(self, options: Any) -> list[Size]:
        """What to measure: the routine's own sizes, or those of the command line where they apply."""
        rows = options.rows or self.rows
        features = options.features if options.features and any(self.features) else self.features
        bits = options.fraction_bits
        bits = bits if bits and any(self.fraction_bits) else self.fraction_bits
        return [Size(rows, count, fraction) for count in features for fraction in bits]

    def title_of(self, size: Size) -> str:
        """The title of one row of the table."""
        return self.title.format(**vars(size))

    def of_peer(self, size: Size, peer: Peer) -> Size:
        """The size of a peer's job: rows that fill its batches if it has any."""
        return replace(size, rows=peer.batch or min(self.peer_rows, size.rows))
