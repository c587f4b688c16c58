# SPDX-License-Identifier: Apache-2.0
"""Truth values of rows as they travel: eight a byte, several sets one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ProtocolError

Truths = NDArray[np.bool_]


def pack_bits(sets: Sequence[Truths]) -> NDArray[np.uint8]:
    """Return the bits of all sets together.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.trees.bits import pack_bits, unpack_bits
    >>> packed = pack_bits([np.array([True, False, True]), np.array([True])])
    >>> [part.tolist() for part in unpack_bits(packed, [3, 1], "x")]
    [[True, False, True], [True]]
    """
    if not sets:
        return np.empty(0, dtype=np.uint8)
    return np.packbits(np.concatenate(sets))


def unpack_bits(packed: NDArray[Any], lengths: Sequence[int], what: str) -> list[Truths]:
    """Return the sets, of so many rows each.

    Raises
    ------
    ProtocolError
        When `packed` are not their bits; `what` says what they should be.
    """
    total = sum(lengths)
    if packed.dtype != np.uint8 or packed.shape != (-(-total // 8),):
        raise ProtocolError(
            f"{what} came as {packed.dtype} of shape {packed.shape}; {total} bits take {-(-total // 8)} bytes"
        )
    bits = np.unpackbits(packed, count=total).astype(np.bool_)
    if packed.size and np.packbits(bits)[-1] != packed[-1]:
        raise ProtocolError(f"{what} has bits behind the last row")
    return list(np.split(bits, np.cumsum(lengths)[:-1])) if lengths else []
