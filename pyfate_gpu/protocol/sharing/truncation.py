# SPDX-License-Identifier: Apache-2.0
"""Fewer fraction bits for shared numbers, each party on its own (docs/algorithms/sharing.md has the proof)."""

from __future__ import annotations

from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.ring import Ring


def truncate(share: Ring, bits: int, *, first: bool) -> Ring:
    """Return a share of v / 2**bits, given one of v.

    The result is within 1 of v / 2**bits, on average exact, where both shares are uniform. It fails, being off by
    2**(128 - bits), with probability abs(v) / 2**128.

    Parameters
    ----------
    first : bool
        True at one of the two parties, False at the other.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.protocol.sharing import ring
    >>> from pyfate_gpu.protocol.sharing.masks import random_ring
    >>> from pyfate_gpu.protocol.sharing.truncation import truncate
    >>> one = random_ring((3,))
    >>> other = ring.subtract(ring.from_integers(np.array([1 << 30, -5 << 30, 0])), one)
    >>> sums = ring.add(truncate(one, 30, first=True), truncate(other, 30, first=False))
    >>> np.abs(ring.to_words(sums)[:, 0] - [1, -5, 0]).max() <= 1
    np.True_
    """
    if first:
        return ring.shift_right(share, bits)
    return ring.negate(ring.shift_right(ring.negate(share), bits))


def failure_bits(bound: int) -> int:
    """Return b such that truncating a number of at most `bound` in size fails with probability up to 2**-b.

    Examples
    --------
    >>> from pyfate_gpu.protocol.sharing.truncation import failure_bits
    >>> failure_bits(1 << 80)
    47
    """
    return ring.BITS - bound.bit_length()
