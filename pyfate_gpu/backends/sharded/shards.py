# SPDX-License-Identifier: Apache-2.0
"""Rows that lie in parts at several workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.backends.matrices import Index


@dataclass(frozen=True, eq=False)
class Part:
    """Rows at one worker, which knows them by `number`; never written to, dropped there when nobody refers to them."""

    worker: int
    number: int
    rows: int


class Shards:
    """Parts one after the other.

    Attributes
    ----------
    parts : tuple of Part
        At least one, of no rows if there are none.
    starts : int64 [parts + 1]
        The first row of each part, and where the last one ends.

    Examples
    --------
    >>> from pyfate_gpu.backends.sharded.shards import Part, Shards
    >>> Shards([Part(0, 7, 3), Part(1, 8, 2)]).starts.tolist()
    [0, 3, 5]
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = tuple(parts)
        self.starts: Index = np.cumsum([0, *(part.rows for part in parts)], dtype=np.int64)

    def __len__(self) -> int:
        return int(self.starts[-1])

    def shares(self, workers: int) -> Index | None:
        """Where the rows of each worker begin, ``[workers + 1]``; None if their order is another."""
        at = [part.worker for part in self.parts]
        if any(after <= before for before, after in zip(at, at[1:], strict=False)):
            return None
        rows = np.zeros(workers, dtype=np.int64)
        rows[at] = [part.rows for part in self.parts]
        return np.cumsum([0, *rows], dtype=np.int64)
