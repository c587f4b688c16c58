# SPDX-License-Identifier: Apache-2.0
"""Running sums along chains of encrypted rows: each chain starts anew, all advance together."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.backends.engines import PublicEngine
from pyfate_gpu.backends.matrices import Index, Rows
from pyfate_gpu.he.array.stages import wide


def additions(lengths: Index) -> int:
    """Additions that the running sums of chains of such lengths take."""
    return int(np.maximum(lengths - 1, 0).sum())


def running_sums(
    engine: PublicEngine, rows: Rows, elements: Index, lengths: Index, width: int = 1
) -> tuple[Rows, Index]:
    """Sums over each chain up to each of its elements.

    Parameters
    ----------
    engine, rows
        `width` neighbouring rows are one element: the columns of an array.
    elements : int64 [sum of lengths]
        The elements of one chain after the other.
    lengths : int64 [chains]
    width : int

    Returns
    -------
    rows, int64 [sum of lengths]
        Sums, again `width` rows each, and where each element's sum is among them.
    """
    starts = np.cumsum(lengths) - lengths
    # Longest chains first: those that go on are the first ones of the step before.
    ranked = np.argsort(-lengths, kind="stable")
    places = np.empty(len(elements), dtype=np.int64)
    steps: list[Rows] = []
    done = 0
    for step in range(int(lengths.max(initial=0))):
        active = ranked[: int(np.count_nonzero(lengths > step))]
        here = starts[active] + step
        index = wide(elements[here], width)
        if step:
            steps.append(engine.add(steps[-1], rows, np.arange(len(index), dtype=np.int64), index))
        else:
            steps.append(engine.take(rows, index))
        places[here] = done + np.arange(len(active))
        done += len(active)
    # No chain has an element where the loop was empty.
    return (
        engine.concatenate(steps) if steps else engine.take(rows, wide(elements, width))
    ), places
