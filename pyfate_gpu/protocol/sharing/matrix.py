# SPDX-License-Identifier: Apache-2.0
"""Products of a plain integer matrix with shares, mod 2^128."""

from __future__ import annotations

import math

import numpy as np

from pyfate_gpu.backends import share_kernels
from pyfate_gpu.errors import ShapeError
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.typing import Integers


class RingMatrix:
    """A plain matrix, ready for many products with shares.

    Parameters
    ----------
    integers : int64 [rows, columns]

    Raises
    ------
    ShapeError
        In a product, when there are not as many shares as the matrix takes.

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
        self._integers = np.ascontiguousarray(integers, dtype=np.int64)
        self.shape = (int(integers.shape[0]), int(integers.shape[1]))

    def multiply(self, shares: Ring) -> Ring:
        """Return the matrix times shares ``[columns, 2]`` or ``[columns, k, 2]``."""
        return self._product(shares, transposed=False)

    def multiply_transposed(self, shares: Ring) -> Ring:
        """Return the transposed matrix times shares ``[rows, 2]`` or ``[rows, k, 2]``."""
        return self._product(shares, transposed=True)

    def _product(self, shares: Ring, *, transposed: bool) -> Ring:
        if shares.ndim < 2 or shares.shape[-1] != 2:
            raise ShapeError(f"shares have shape {shares.shape}; it must be (n, ..., 2)")
        outer = shares.shape[1:-1]
        flat = shares.reshape(len(shares), math.prod(outer), 2)
        product = share_kernels().multiply(self._integers, transposed, flat)
        return product.reshape(len(product), *outer, 2)
