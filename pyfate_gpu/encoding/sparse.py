# SPDX-License-Identifier: Apache-2.0
"""Matrices of scipy.sparse: encoded row by row for products, filled up for everything else.

Their own sums of entries that share a place wrap around in the dtype of the entries; none of them is used here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends.words import integers_to_words, words_to_integers
from pyfate_gpu.encoding.integer import DEFAULT_BOUND, IntegerEncoder
from pyfate_gpu.encoding.numbers import as_numbers
from pyfate_gpu.encoding.plaintext import PlaintextArray
from pyfate_gpu.errors import EncodingError, ShapeError


def is_sparse(operand: Any) -> bool:
    """Whether it is a matrix of scipy.sparse or of a library like it, known by its method `tocsr`."""
    return hasattr(operand, "tocsr")


@dataclass(frozen=True, eq=False, repr=False)
class PlaintextCsr:
    """An encoded sparse matrix in compressed rows; `data` holds the stored entries."""

    data: PlaintextArray
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int64]
    shape: tuple[int, int]

    @classmethod
    def from_matrix(cls, matrix: Any, encode: Callable[[Any], PlaintextArray]) -> PlaintextCsr:
        """Encode a matrix of scipy.sparse, of any format.

        Entries of one place stay apart: they add up in the product, where nothing overflows.

        Raises
        ------
        ShapeError
            If the matrix has not two axes, or indices that do not fit its shape.
        """
        if len(matrix.shape) != 2:
            raise ShapeError(
                f"the sparse matrix has shape {matrix.shape}; it must have two axes: .reshape(1, -1)"
            )
        _check_format(matrix)
        shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        # tocsr of this format would add up in the dtype of the entries.
        if getattr(matrix, "format", None) == "coo":
            row, column = matrix.row.astype(np.int64), matrix.col.astype(np.int64)
            for index, length in ((row, shape[0]), (column, shape[1])):
                if index.min(initial=0) < 0 or index.max(initial=-1) >= length:
                    raise ShapeError(
                        f"the sparse matrix is malformed: an index is outside its shape {shape}"
                    )
            return _compress(encode(matrix.data), row, column, shape)
        csr = matrix.tocsr()
        return cls(
            encode(csr.data),
            np.ascontiguousarray(csr.indptr, dtype=np.int64),
            np.ascontiguousarray(csr.indices, dtype=np.int64),
            shape,
        )

    @property
    def T(self) -> PlaintextCsr:  # noqa: N802 - NumPy's name
        """The transposed matrix, again in compressed rows."""
        return _compress(self.data, self.indices, self._rows(), (self.shape[1], self.shape[0]))

    def with_short_rows(self) -> PlaintextCsr:
        """The same matrix with no more entries in a row than it has columns.

        The bound of a product counts columns, which are public. Where a row has more entries, those of one
        place are added up, and each sum has to keep the bound of an entry: the declared one, or that of int64.

        Raises
        ------
        EncodingError
            If a sum is beyond that bound.
        """
        if int(np.diff(self.indptr).max(initial=0)) <= self.shape[1]:
            return self
        places = self._rows() * self.shape[1] + self.indices
        distinct, where = np.unique(places, return_inverse=True)
        sums = np.zeros(len(distinct), dtype=object)
        np.add.at(sums, where, words_to_integers(self.data.words))
        bound = self.data.bound
        if self.data.encoder == IntegerEncoder():
            bound = max(bound, DEFAULT_BOUND)
        largest = max(map(abs, sums))
        if largest > bound:
            raise EncodingError(
                f"entries of one place of the sparse matrix add up to {largest.bit_length()} bits, beyond the "
                f"bound {bound} of an entry; PlaintextCsr.from_matrix(X, encoder.encode) takes a wider encoder"
            )
        data = replace(self.data, words=integers_to_words(sums), bound=bound)
        return _compress(data, *np.divmod(distinct, self.shape[1]), self.shape)

    def __repr__(self) -> str:
        """Shape, exponent and bound; neither the values nor where they are."""
        return (
            f"PlaintextCsr(shape={self.shape}, exponent={self.data.exponent}, "
            f"bound_bits={self.data.bound.bit_length()}, {self.data.encoder!r})"
        )

    def _rows(self) -> npt.NDArray[np.int64]:
        """The row of each entry."""
        return np.repeat(np.arange(self.shape[0], dtype=np.int64), np.diff(self.indptr))


def fill_up(matrix: Any) -> npt.NDArray[Any]:
    """``matrix.toarray()`` of a sparse matrix of any format, exactly.

    It has the dtype of the entries, or 64 bits where several integers share a place.

    Raises
    ------
    ShapeError
        If its indices do not fit its shape.
    EncodingError
        If the entries are no numbers, or integers of one place add up beyond 64 bits.
    """
    _check_format(matrix)
    entries = matrix.tocoo()
    values = as_numbers(entries.data)
    coordinates = entries.coords if hasattr(entries, "coords") else (entries.row, entries.col)
    try:
        places = np.ravel_multi_index(coordinates, matrix.shape)
    except ValueError as error:
        raise ShapeError(f"the sparse matrix is malformed: {error}") from None
    full = np.zeros(math.prod(matrix.shape), dtype=values.dtype)
    if len(np.unique(places)) == len(places):
        full[places] = values
    elif values.dtype == np.float64:
        np.add.at(full, places, values)
    else:
        full = _add_up(places, values, full.size)
    return full.reshape(matrix.shape)


def _add_up(places: npt.NDArray[Any], values: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    sums = np.zeros(size, dtype=object)
    np.add.at(sums, places, values.astype(object))
    wide = np.iinfo(np.uint64 if values.dtype == np.uint64 else np.int64)
    if min(sums) < int(wide.min) or max(sums) > int(wide.max):
        raise EncodingError(
            f"entries of one place of the sparse matrix add up beyond {wide.dtype}; "
            f"add them up before, into a dense array of Python integers"
        )
    return sums.astype(wide.dtype)


def _check_format(matrix: Any) -> None:
    try:
        if hasattr(matrix, "check_format"):
            matrix.check_format()
    except ValueError as error:
        raise ShapeError(
            f"the sparse matrix is malformed: {error}; make it anew from its entries"
        ) from None


def _compress(
    data: PlaintextArray,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    shape: tuple[int, int],
) -> PlaintextCsr:
    """Compressed rows of entries by row and column, in the order in which each row has them."""
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=shape[0])
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64, copy=False)
    sorted_data = data._with(np.ascontiguousarray(data.words[order]))
    return PlaintextCsr(sorted_data, indptr, columns[order], shape)
