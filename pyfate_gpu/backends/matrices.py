# SPDX-License-Identifier: Apache-2.0
"""Matrices and indices as they cross to an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import SignedWords

Rows = Any
"""Ciphertexts in an engine's own storage; the first axis counts them."""

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class CsrMatrix:
    """A sparse matrix of signed integers in compressed rows (`data` has one more axis of words)."""

    shape: tuple[int, int]
    indptr: Index
    indices: Index
    data: SignedWords


class HeldMatrix:
    """A matrix that an engine keeps on the host for many products, and its transpose once that was asked for.

    Parameters
    ----------
    matrix : int64 [m, n, k] or CsrMatrix
        Not changed as long as it is held.
    """

    def __init__(self, matrix: SignedWords | CsrMatrix) -> None:
        self._sides: dict[bool, SignedWords | CsrMatrix] = {False: matrix}

    def side(self, transposed: bool) -> SignedWords | CsrMatrix:
        """The matrix, or its transpose, in the order of its rows."""
        if transposed not in self._sides:
            matrix = self._sides[False]
            if isinstance(matrix, CsrMatrix):
                self._sides[True] = transpose(matrix)
            else:
                self._sides[True] = np.ascontiguousarray(matrix.transpose(1, 0, 2))
        return self._sides[transposed]


def transpose(matrix: CsrMatrix) -> CsrMatrix:
    """The transposed matrix, again in compressed rows.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.backends.matrices import CsrMatrix, transpose
    >>> indptr, indices = np.array([0, 1, 3]), np.array([1, 0, 1])
    >>> flipped = transpose(CsrMatrix((2, 3), indptr, indices, np.array([[5], [6], [7]])))
    >>> flipped.indptr.tolist(), flipped.indices.tolist(), flipped.data.ravel().tolist()
    ([0, 1, 3, 3], [1, 0, 1], [6, 5, 7])
    """
    rows, columns = matrix.shape
    order = np.argsort(matrix.indices, kind="stable")
    of_entry = np.repeat(np.arange(rows, dtype=np.int64), np.diff(matrix.indptr))
    counts = np.bincount(matrix.indices, minlength=columns)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return CsrMatrix((columns, rows), indptr, of_entry[order], matrix.data[order])
