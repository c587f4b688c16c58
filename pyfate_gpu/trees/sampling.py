# SPDX-License-Identifier: Apache-2.0
"""Which rows and gradients the trees of a round are grown from, and how hosts are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.trees.bits import Truths, pack_bits, unpack_bits
from pyfate_gpu.trees.settings import Settings
from pyfate_gpu.typing import Integers


@dataclass(frozen=True, repr=False)
class Sample:
    """Rows of a round that are encrypted, and those that each tree is grown from.

    Parameters
    ----------
    roots : list of bool [rows]
        Sets of rows, each once.
    trees : int64 [trees]
        Which of them each tree has.
    """

    roots: list[Truths]
    trees: Integers

    @classmethod
    def of(cls, rows: int, chosen: Sequence[Integers]) -> Sample:
        """Return the sample of trees with these rows each, of so many in all."""
        roots: list[Truths] = []
        trees = []
        for numbers in chosen:
            mask = np.zeros(rows, dtype=np.bool_)
            mask[numbers] = True
            same = [place for place, root in enumerate(roots) if (root == mask).all()]
            if not same:
                roots.append(mask)
            trees.append(same[0] if same else len(roots) - 1)
        return cls(roots, np.array(trees, dtype=np.int64))

    @property
    def encrypted(self) -> Integers:
        """The rows of any tree, in order."""
        return np.flatnonzero(np.any(self.roots, axis=0)).astype(np.int64)

    def as_message(self) -> dict[str, Any]:
        """Return what travels."""
        return {"roots": pack_bits(self.roots), "trees": self.trees}


def read_sample(
    roots: NDArray[np.uint8],
    trees: Integers,
    *,
    rows: int,
    count: int,
    least: int,
    settings: Settings,
) -> Sample:
    """Return the sample that the guest announced.

    Parameters
    ----------
    rows : int
        There are.
    count : int
        Trees that a round has.
    least : int
        Rows that a tree must have for sums of them to be sent.
    settings : Settings
        By which rows are drawn: sets of other sizes, or more of them, would differ by what the guest likes, and so
        would their sums.

    Raises
    ------
    ProtocolError
        When it is none, or a set is too small, or not what drawing makes.
    """
    if trees.dtype != np.int64 or trees.shape != (count,) or trees.min() < 0:
        raise ProtocolError(f"the guest announced trees that are not the {count} of a round")
    sets = int(trees.max()) + 1
    most = settings.num_parallel_tree if settings.subsample < 1 else 1
    if sets > most:
        raise ProtocolError(
            f"the guest announced {sets} sets of rows for {count} trees, which draw {most} at most"
        )
    found = unpack_bits(roots, [rows] * sets, "the sets of rows of a round")
    sizes = settings.sample_sizes(rows)
    for mask in found:
        asked = int(np.count_nonzero(mask))
        if asked < least:
            raise ProtocolError(
                f"the guest asked for sums of fewer than {least} rows, the least that two sides of "
                "min_samples_leaf take"
            )
        if asked not in sizes:
            raise ProtocolError(
                f"the guest asked for sums of {asked} of {rows} rows, and a tree draws "
                f"{' or '.join(map(str, sizes))}"
            )
    return Sample(found, trees)


def distinct_roots(trees: Integers, share: float) -> list[int]:
    """Return the trees of a round whose roots are summed, given the rows of each and the share of columns."""
    if share < 1:
        return list(range(len(trees)))
    return [int(first) for first in np.sort(np.unique(trees, return_index=True)[1])]
