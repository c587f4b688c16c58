# SPDX-License-Identifier: Apache-2.0
"""Several ciphertexts into one, side by side: Horner's rule on groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import integers_to_words
from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray
from pyfate_gpu.errors import ShapeError
from pyfate_gpu.he.array.selection import concatenate

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray

Index = npt.NDArray[np.int64]


def join_groups(c: CiphertextArray, starts: Index, sizes: Index, bits: int) -> CiphertextArray:
    """One ciphertext of each group of neighbours in a vector, `bits` bits apart, the first on top.

    Precondition for taking them apart again: every number is below ``2**(bits - 1)`` in size.

    Parameters
    ----------
    c : CiphertextArray [n]
    starts, sizes : int64 [groups]
        First element of each group, and how many it has: 1 or more.
    bits : int

    Returns
    -------
    CiphertextArray [groups]

    Raises
    ------
    ShapeError
        If a group is empty or goes beyond the vector.
    BoundError
        If a joined integer could pass what the key holds.
    """
    if sizes.size and not (
        int(sizes.min()) >= 1 and int(starts.min()) >= 0 and int((starts + sizes).max()) <= c.size
    ):
        raise ShapeError(f"groups go beyond a vector of {c.size}, or have no element")
    shift = np.array(1 << bits, dtype=object)
    factor = PlaintextArray(integers_to_words(shift), 0, 1 << bits, "i", IntegerEncoder())
    # All groups together, the longest first: shorter ones end before.
    order = np.argsort(-sizes, kind="stable")
    first, lengths = starts[order], sizes[order]
    joined = c.take(first)
    for place in range(1, int(lengths.max(initial=0))):
        longer = int(np.count_nonzero(lengths > place))
        grown = joined[:longer] * factor + c.take(first[:longer] + place)
        joined = concatenate([grown, joined[longer:]])
    return joined.take(np.argsort(order))
