# SPDX-License-Identifier: Apache-2.0
"""Public bounds for plaintexts whose users declare none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pyfate_gpu.errors import BoundError

SMALLEST = 63


def size_class(bits: int) -> int:
    """Bound of integers of so many bits: ``2**63``, ``2**127``, ``2**255``, ...

    HEU's users declare no bounds, ours need one that travels with ciphertexts. A class that doubles
    says so little of a value that it may be known.

    Examples
    --------
    >>> [size_class(bits).bit_length() - 1 for bits in (0, 63, 64, 300)]
    [63, 63, 127, 511]
    """
    limit = SMALLEST
    while bits > limit:
        limit = 2 * limit + 1
    return 1 << limit


def class_of(values: Iterable[int]) -> int:
    """Size class of the largest of some integers."""
    return size_class(max((value.bit_length() for value in values), default=0))


def bound_of_integer(value: Any) -> int | None:
    """Bound of an integer of NumPy's by its dtype; None for Python's, which have size classes."""
    if not isinstance(value, np.integer):
        return None
    limits = np.iinfo(value.dtype)
    return max(int(limits.max), -int(limits.min))


def fit_to_key(bound: int, n: int, largest: int) -> int:
    """The bound, or the largest one of a key if the `largest` value fits only that.

    Raises
    ------
    BoundError
        If the value itself is beyond n/2.
    """
    most = n // 2 - 1
    if largest > most:
        raise BoundError(
            f"a plaintext has {largest.bit_length()} bits; a key of {n.bit_length()} bits holds less "
            f"than {n.bit_length() - 1} with sign: use a longer key or a smaller scale"
        )
    return min(bound, most)
