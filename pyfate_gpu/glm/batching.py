# SPDX-License-Identifier: Apache-2.0
"""Which rows make up which batch, and which batches are too small to be safe.

A party that sees X^T d for a batch with no more rows than it has features can solve for the
residuals d of single rows (arXiv 2205.04166), so such batches are refused, the last one included.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ConfigurationError


@dataclass(frozen=True)
class Batches:
    """A fixed division of the rows, the same in every iteration.

    Parameters
    ----------
    order : int64 [rows]
        The rows in the order in which batches take them.
    size : int
        Rows of each batch but the last.
    """

    order: NDArray[np.int64]
    size: int

    def __post_init__(self) -> None:
        if not np.array_equal(np.sort(self.order), np.arange(len(self.order))):
            raise ConfigurationError("a batch order names each row exactly once; this one does not")
        if self.size < 1:
            raise ConfigurationError(
                f"batch size is {self.size}; it must be 1 or more, or None for all rows"
            )

    @classmethod
    def plan(
        cls, rows: int, size: int | None, *, shuffle: bool = False, seed: int | None = None
    ) -> Batches:
        """Divide `rows` rows; all in one batch when `size` is None."""
        order = np.arange(rows, dtype=np.int64)
        if shuffle:
            order = np.random.default_rng(seed).permutation(order)
        return cls(order, min(size or rows, rows))

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of each batch."""
        for start in range(0, len(self.order), self.size):
            yield self.order[start : start + self.size]

    def __len__(self) -> int:
        return -(-len(self.order) // self.size)

    @property
    def smallest(self) -> int:
        """Rows of the smallest batch."""
        return len(self.order) % self.size or self.size

    def check_safe(self, columns: Mapping[str, int]) -> None:
        """Refuse batches that would give residuals of single rows away.

        Parameters
        ----------
        columns : mapping
            How many columns each party multiplies, by name of the party.

        Raises
        ------
        ConfigurationError
            When the smallest batch has no more rows than some party has columns.
        """
        party, limit = max(columns.items(), key=lambda item: item[1])
        if self.smallest > limit:
            return
        which = "the last batch" if len(self.order) % self.size else "each batch"
        raise ConfigurationError(
            f"{which} has {self.smallest} rows, {party} has {limit} columns: a gradient over no more rows "
            f"than columns gives the residual of each row away. {self._remedy(limit)}"
        )

    def _remedy(self, limit: int) -> str:
        rows = len(self.order)
        safe = [size for size in range(limit + 1, rows + 1) if (rows % size or size) > limit]
        if not safe:
            return f"Train on more than {limit} rows, or on fewer columns"
        nearest = min(safe, key=lambda size: abs(size - self.size))
        return f"The nearest safe batch_size is {nearest}" + (
            ", all rows" if nearest == rows else ""
        )
