# SPDX-License-Identifier: Apache-2.0
"""Sides of splits from the sums of bins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import Index, Rows
from pyfate_gpu.he.array import chains
from pyfate_gpu.he.array.masks import Kept, mask_but_middle, mask_within_middle
from pyfate_gpu.he.array.splits import Splits
from pyfate_gpu.he.array.stages import wide

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def side_sums(
    engine: PublicEngine,
    rows: Rows,
    splits: Splits,
    parts: list[Rows],
    bins: Index,
    nodes: int,
    width: int,
) -> Rows:
    """One side of each split of each node.

    Parameters
    ----------
    engine, rows
        Any ciphertexts of the engine, which are not read.
    splits : Splits
    parts : list of rows
        Sums of bins, `width` rows each, one after the other.
    bins : int64
        The bin of each sum; those of node i are numbered from ``i * splits.bins`` on. A bin that is not
        there has no rows.
    nodes, width : int

    Returns
    -------
    rows [nodes, splits, width]
    """
    elements, lengths, ends = _chains(splits, bins, nodes)
    # What has no rows is an encryption of 0.
    zero = engine.segment_sum(
        rows, np.empty(0, dtype=np.int64), np.zeros(width + 1, dtype=np.int64)
    )
    sums, at = chains.running_sums(
        engine, engine.concatenate([*parts, zero]), elements, lengths, width
    )
    places = np.full(len(ends), engine.count(sums) // width)
    places[ends >= 0] = at[ends[ends >= 0]]
    return engine.take(engine.concatenate([sums, zero]), wide(places, width))


def sides_additions(splits: Splits, bins: Index, nodes: int) -> int:
    """How many additions `side_sums` takes, for a width of 1."""
    return chains.additions(_chains(splits, bins, nodes)[1])


def masked_middle(
    c: CiphertextArray, rows: Rows, shape: tuple[int, ...], bound: int, kept: Kept | None = None
) -> CiphertextArray:
    """Sums of each position of rows in slots, put together in the middle slots; all other slots are masked.

    Parameters
    ----------
    c : CiphertextArray, with slots
        What has been summed.
    rows : rows [*shape, slots]
        The sums of each position.
    shape, bound
        Of the result.
    kept : Kept, optional
        The only number of rows that may be seen; all of them by default.
    """
    assert c.slots is not None
    layout, count = c.slots.product, c.slots.count
    # What is summed in position s is shifted from slot s into the middle.
    numbers = np.arange(c._engine.count(rows), dtype=np.int64).reshape(-1, count)
    middle = c._engine.horner(rows, numbers[:, ::-1], layout.width)
    sums = c._replace(middle, shape, bound=bound, slots=layout)
    return mask_but_middle(sums if kept is None else mask_within_middle(sums, kept))


def _chains(splits: Splits, bins: Index, nodes: int) -> tuple[Index, Index, Index]:
    """Elements and lengths of chains without empty bins, and the end of each side; -1 for none."""
    places = np.full(nodes * splits.bins, -1, dtype=np.int64)
    places[bins] = np.arange(len(bins))
    elements = places.reshape(nodes, splits.bins)[:, splits.elements]
    present = elements >= 0
    # How many elements there are up to each, and before the first one.
    none = np.zeros((nodes, 1), dtype=np.int64)
    upto = np.concatenate([none, np.cumsum(present, axis=1)], axis=1)
    stops = np.cumsum(splits.lengths)
    starts = stops - splits.lengths
    lengths = upto[:, stops] - upto[:, starts]
    chain = np.repeat(np.arange(len(stops)), splits.lengths)[splits.ends]
    last = upto[:, splits.ends + 1]
    before = np.cumsum(upto[:, -1:]).reshape(-1, 1) - upto[:, -1:]
    ends = np.where(last == upto[:, starts[chain]], -1, before + last - 1)
    return elements[present], lengths.ravel(), ends.ravel()
