# SPDX-License-Identifier: Apache-2.0
"""The splits of binned columns, and the chains of bins whose running sums are their sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.matrices import Index

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Splits:
    """Splits by column, then by cut, then missing right before missing left.

    Bins of all columns have one numbering: those of column j start at ``first[j]``, that of missing rows
    is its last. Chains of bins follow each other in `elements`; the side of split i that is summed is its
    chain up to element ``ends[i]``.
    """

    column: Index
    cut: Index
    missing_left: Flags
    complement: Flags
    first: Index
    bins: int
    elements: Index
    lengths: Index
    ends: Index


def splits_of(counts: Index, missing: Flags, skipped: Index) -> Splits:
    """All splits of columns.

    Parameters
    ----------
    counts, missing : int64, bool [d]
        Bins of each column without that of missing rows, and whether there is that one.
    skipped : int64 [d]
        The bin of each column that no side may hold.
    """
    bins = counts + missing
    first = np.cumsum(bins) - bins
    parts = []
    elements, lengths = [np.arange(0)], [0]
    total = 0
    for column, count in enumerate(counts.tolist()):
        for missing_left in (False, True) if missing[column] else (False,):
            line = np.arange(count)
            if missing[column]:
                line = np.concatenate([[count], line] if missing_left else [line, [count]])
            cut = np.arange(len(line) - 1 - missing_left)
            chains, complement, ends = _sides(line, cut + 1 + missing_left, int(skipped[column]))
            same = [np.full(len(cut), number) for number in (column, missing_left)]
            parts.append((same[0], cut, same[1], complement, total + ends))
            elements += [first[column] + chain for chain in chains]
            lengths += map(len, chains)
            total += sum(map(len, chains))
    joined = [np.concatenate(each) for each in zip([np.arange(0)] * 5, *parts, strict=True)]
    # By column, cut, and where missing rows go.
    order = np.lexsort(joined[2::-1])
    columns, cuts, left, right_summed, ends = (each[order] for each in joined)
    return Splits(
        columns, cuts, left.astype(np.bool_), right_summed.astype(np.bool_), first, int(bins.sum()),
        np.concatenate(elements), np.array(lengths, dtype=np.int64), ends,
    )  # fmt: skip


def _sides(line: Index, left: Index, skipped: int) -> tuple[list[Index], Flags, Index]:
    """Two chains for the splits of a line of bins after its first ``left[i]`` ones.

    The first runs up to the skipped bin, the second from the end of the line down to it.

    Returns
    -------
    chains, bool [splits], int64 [splits]
        Whether the right side is summed, and the element that ends the side, counted over both chains.
    """
    place = int(np.flatnonzero(line == skipped)[0])
    complement = left > place
    used = [
        int(left[~complement].max(initial=0)),
        len(line) - int(left[complement].min(initial=len(line))),
    ]
    chains = [line[:place][: used[0]], line[:place:-1][: used[1]]]
    ends = np.where(complement, used[0] + len(line) - left, left) - 1
    return chains, complement, ends
