# SPDX-License-Identifier: Apache-2.0
"""Sums of chosen bins of binned columns, by joint cells (docs/algorithms/candidate-sums.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.backends.matrices import Index
from pyfate_gpu.errors import ShapeError
from pyfate_gpu.he.array.bounds import check_bound
from pyfate_gpu.he.array.bundles import Column, bundle
from pyfate_gpu.he.array.cells import plan
from pyfate_gpu.he.array.grouping import group
from pyfate_gpu.he.array.stages import Stages

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


class BinSums:
    """Which rows are in which of the bins that are wanted, and how to sum them with few additions.

    Parameters
    ----------
    codes : sequence of int [n]
        Of each column the bin of each row, from 0.
    wanted : sequence of int64
        Of each column the bins that are summed, each once, in the order of the sums.

    Raises
    ------
    ShapeError
        If there are not as many of both, or columns have different lengths.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu import generate_keypair
    >>> from pyfate_gpu.he.array.bin_sums import BinSums
    >>> public, private = generate_keypair(512, allow_insecure_key_size=True)
    >>> sums = BinSums([np.array([0, 1, 1, 2])], [np.array([2, 1])])
    >>> private.decrypt(sums.of(public.encrypt([1, 20, 300, 4000]), 0))
    array([4000,  320])
    """

    def __init__(self, codes: Sequence[Index], wanted: Sequence[Index]) -> None:
        if len(codes) != len(wanted) or len({len(each) for each in codes}) > 1:
            raise ShapeError(
                f"{len(codes)} columns of {sorted({len(each) for each in codes})} rows and {len(wanted)} lists of "
                "bins; they take one list for each column, of as many rows"
            )
        rows = len(codes[0]) if codes else 0
        columns, first = [], 0
        for each, bins in zip(codes, wanted, strict=True):
            if not len(bins):
                continue
            cells = np.full(max(int(each.max(initial=0)), int(bins.max())) + 1, len(bins))
            cells[bins] = np.arange(len(bins))
            narrow = cells.astype(np.min_scalar_type(len(bins)))
            columns.append(Column(narrow[each], np.arange(first, first + len(bins))))
            first += len(bins)
        self.size = first
        self._parts = group(bundle(columns), rows) if columns else []

    def of(self, c: CiphertextArray, first: int) -> CiphertextArray:
        """Sums of bins over the rows that `c` has, from row `first` of the table on.

        Returns
        -------
        CiphertextArray [size]
            Its bound is that of all elements of `c`.

        Raises
        ------
        BoundError
            If the sum of all of them could pass what the key or a slot holds.
        """
        bound = check_bound(c.bound * max(1, c.size), c, f"a sum of {c.size} rows")
        stages, rows = Stages(), np.arange(first, first + c.size)
        for part in self._parts:
            plan(part, rows, rows - first, stages, 0)
        engine = c._engine
        zero = engine.segment_sum(c._rows, np.empty(0, dtype=np.int64), np.zeros(2, dtype=np.int64))
        sums = engine.concatenate([*stages.run(engine, c._rows, 1), zero])
        places = np.full(self.size, engine.count(sums) - 1)  # of no rows an encryption of 0
        places[stages.bins] = np.arange(len(stages.bins))
        return c._replace(engine.take(sums, places), (self.size,), bound=bound)
