# SPDX-License-Identifier: Apache-2.0
"""Products of a plain integer matrix with shares, mod 2^128, by matrix products of float64.

The matrix is cut into signed digits of 24 bits, the shares into digits of 16: a sum of 2^13 products of them stays
below 2^53, where float64 is exact.
"""

from __future__ import annotations

import math

import numpy as np

from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.ring import LIMB_BITS, LIMBS, Ring
from pyfate_gpu.typing import Floats, Integers

_DIGIT = 24
_TERMS = 1 << 13


class RingMatrix:
    """A plain matrix, ready for many products with shares.

    Parameters
    ----------
    integers : int64 [rows, columns]
        Below 2^62 in size.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.protocol.sharing import ring
    >>> from pyfate_gpu.protocol.sharing.matrix import RingMatrix
    >>> shares = ring.from_integers(np.array([10, -1]))
    >>> ring.to_words(RingMatrix(np.array([[1, 2], [-3, 4]])).multiply(shares))[:, 0]
    array([  8, -34])
    """

    def __init__(self, integers: Integers) -> None:
        self.shape = (int(integers.shape[0]), int(integers.shape[1]))
        self._digits: list[Floats] = []
        rest = np.array(integers, dtype=np.int64)
        half = np.int64(1 << (_DIGIT - 1))
        while not self._digits or rest.any():
            digit = ((rest + half) & np.int64((1 << _DIGIT) - 1)) - half
            self._digits.append(digit.astype(np.float64))
            rest = (rest - digit) >> np.int64(_DIGIT)

    def multiply(self, shares: Ring) -> Ring:
        """Return the matrix times shares ``[columns, 2]`` or ``[columns, k, 2]``."""
        return self._product(self._digits, shares)

    def multiply_transposed(self, shares: Ring) -> Ring:
        """Return the transposed matrix times shares ``[rows, 2]`` or ``[rows, k, 2]``."""
        return self._product([digit.T for digit in self._digits], shares)

    @staticmethod
    def _product(digits: list[Floats], shares: Ring) -> Ring:
        outer = shares.shape[1:-1]
        width = math.prod(outer) * LIMBS
        limbs = ring.limbs(shares).astype(np.float64).reshape(len(shares), width)
        rows = digits[0].shape[0]
        result = ring.zeros((rows, *outer))
        for start in range(0, max(1, len(shares)), _TERMS):
            terms = slice(start, start + _TERMS)
            for place, digit in enumerate(digits):
                sums = (
                    (digit[:, terms] @ limbs[terms]).astype(np.int64).reshape(rows, *outer, LIMBS)
                )
                for limb in range(LIMBS):
                    shift = _DIGIT * place + LIMB_BITS * limb
                    if shift < ring.BITS:
                        term = ring.shift_left(ring.from_integers(sums[..., limb]), shift)
                        result = ring.add(result, term)
        return result
