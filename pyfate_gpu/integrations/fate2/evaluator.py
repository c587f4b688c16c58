# SPDX-License-Identifier: Apache-2.0
"""Every operation that FATE's tensors, SSHE, histograms and SecureBoost call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.encoding import PlaintextArray
from pyfate_gpu.encoding.numbers import as_integer
from pyfate_gpu.errors import ShapeError
from pyfate_gpu.he import concatenate
from pyfate_gpu.he.array.histograms import cumulate, histogram
from pyfate_gpu.integrations.fate2.coder import (
    ELEMENT_BITS,
    MATRIX_BITS,
    Coder,
    encode_factors,
    encode_scalar,
)
from pyfate_gpu.integrations.fate2.packing import common_packing
from pyfate_gpu.integrations.fate2.squeezing import squeeze
from pyfate_gpu.integrations.fate2.vectors import CiphertextVector, cat, check_range

if TYPE_CHECKING:
    import torch

    from pyfate_gpu.integrations.fate2.keys import PK

Interval = tuple[int, int]


class evaluator:  # noqa: N801 - FATE's name
    """FATE's namespace of functions; a and b are vectors, names and arguments are FATE's."""

    @staticmethod
    def add(a: CiphertextVector, b: CiphertextVector, pk: PK) -> CiphertextVector:
        """``a + b``."""
        if a.array is None or b.array is None:
            _check_lengths(a, b)
            return b if a.array is None else a
        return CiphertextVector(a.array + b.array, packing=common_packing(a.packing, b.packing))

    @staticmethod
    def add_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``a + b`` for a tensor b."""
        return CiphertextVector(a.under(pk.key) + coder.encode_tensor(b).plain, packing=a.packing)

    @staticmethod
    def add_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``a + b`` for a number b."""
        return CiphertextVector(a.under(pk.key) + _term(b, output_dtype), packing=a.packing)

    @staticmethod
    def sub(a: CiphertextVector, b: CiphertextVector, pk: PK) -> CiphertextVector:
        """``a - b``."""
        if b.array is None:
            _check_lengths(a, b)
            return a
        return CiphertextVector(
            a.under(pk.key) - b.array, packing=common_packing(a.packing, b.packing)
        )

    @staticmethod
    def sub_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``a - b`` for a tensor b."""
        return CiphertextVector(a.under(pk.key) - coder.encode_tensor(b).plain, packing=a.packing)

    @staticmethod
    def sub_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``a - b`` for a number b."""
        return CiphertextVector(a.under(pk.key) - _term(b, output_dtype), packing=a.packing)

    @staticmethod
    def rsub(a: CiphertextVector, b: CiphertextVector, pk: PK) -> CiphertextVector:
        """``b - a``."""
        return evaluator.sub(b, a, pk)

    @staticmethod
    def rsub_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``b - a`` for a tensor b."""
        return CiphertextVector(-a.under(pk.key) + coder.encode_tensor(b).plain, packing=a.packing)

    @staticmethod
    def rsub_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``b - a`` for a number b."""
        return CiphertextVector(-a.under(pk.key) + _term(b, output_dtype), packing=a.packing)

    @staticmethod
    def mul_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``a * b``, element by element, for a tensor b."""
        return CiphertextVector(
            a.under(pk.key) * encode_factors(b.flatten(), ELEMENT_BITS), packing=a.packing
        )

    @staticmethod
    def mul_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``a * b`` for a number b."""
        return CiphertextVector(a.under(pk.key) * encode_scalar(b, output_dtype), packing=a.packing)

    @staticmethod
    def matmul(
        a: CiphertextVector,
        b: torch.Tensor,
        a_shape: Sequence[int],
        b_shape: Sequence[int],
        pk: PK,
        coder: Coder,
        output_dtype: Any,
    ) -> CiphertextVector:
        """``a @ b`` with a of shape `a_shape`, in row order."""
        product = a.under(pk.key).reshape(tuple(a_shape)) @ encode_factors(
            b.reshape(*b_shape), MATRIX_BITS
        )
        return CiphertextVector(product.ravel())

    @staticmethod
    def rmatmul(
        a: CiphertextVector,
        b: torch.Tensor,
        a_shape: Sequence[int],
        b_shape: Sequence[int],
        pk: PK,
        coder: Coder,
        output_dtype: Any,
    ) -> CiphertextVector:
        """``b @ a`` with a of shape `a_shape`, in row order."""
        array = a.under(pk.key).reshape(tuple(a_shape))
        return CiphertextVector(
            array.__rmatmul__(encode_factors(b.reshape(*b_shape), MATRIX_BITS)).ravel()
        )

    @staticmethod
    def zeros(size: int, dtype: Any = None) -> CiphertextVector:
        """So many zeros."""
        return CiphertextVector.zeros(size)

    @staticmethod
    def i_add(
        pk: PK,
        a: CiphertextVector,
        b: CiphertextVector,
        sa: int = 0,
        sb: int = 0,
        size: int | None = None,
    ) -> None:
        """In place ``a[sa:sa+size] += b[sb:sb+size]``; by default as far as both reach."""
        start, part = _overlap(a, b, sa, sb, size)
        _add_at(pk, a, part, start)

    @staticmethod
    def i_sub(
        pk: PK,
        a: CiphertextVector,
        b: CiphertextVector,
        sa: int = 0,
        sb: int = 0,
        size: int | None = None,
    ) -> None:
        """In place ``a[sa:sa+size] -= b[sb:sb+size]``; by default as far as both reach."""
        start, part = _overlap(a, b, sa, sb, size)
        if part.array is not None:
            _add_at(pk, a, CiphertextVector(-part.array, packing=part.packing), start)

    @staticmethod
    def slice(a: CiphertextVector, start: int, size: int) -> CiphertextVector:
        """``a[start:start+size]``."""
        return a.slice(start, size)

    @staticmethod
    def i_shuffle(pk: PK, a: CiphertextVector, indices: Any) -> None:
        """In place ``a = a[indices]``."""
        shuffled = a.slice_indexes(indices)
        a.array, a.size, a.blank = shuffled.array, shuffled.size, shuffled.blank

    @staticmethod
    def shuffle(pk: PK, a: CiphertextVector, indices: Any) -> CiphertextVector:
        """``a[indices]``."""
        return a.slice_indexes(indices)

    @staticmethod
    def i_update(
        pk: PK, a: CiphertextVector, b: CiphertextVector, positions: Any, stride: int
    ) -> None:
        """In place, a histogram: row i of b is added to every bin of ``positions[i]``.

        Rows and bins are `stride` elements long.
        """
        rows = np.arange(len(positions), dtype=np.int64)
        _update(pk, a, b, rows, np.asarray(positions, dtype=np.int64), stride)

    @staticmethod
    def i_update_with_masks(
        pk: PK, a: CiphertextVector, b: CiphertextVector, positions: Any, masks: Any, stride: int
    ) -> None:
        """As `i_update` for the rows of b whose mask is true; positions has those rows only."""
        rows = np.flatnonzero(np.asarray(masks, dtype=np.bool_))
        bins = np.asarray(positions, dtype=np.int64)
        _update(pk, a, b, rows[: len(bins)], bins[: rows.size], stride)

    @staticmethod
    def intervals_slice(a: CiphertextVector, intervals: Sequence[Interval]) -> CiphertextVector:
        """The elements of the intervals [start, stop), one after the other."""
        return a.slice_indexes(_elements(intervals))

    @staticmethod
    def cat(list: Sequence[CiphertextVector]) -> CiphertextVector:  # noqa: A002 - FATE's name
        """One vector after the other."""
        return cat(list)

    @staticmethod
    def chunking_cumsum_with_step(
        pk: PK, a: CiphertextVector, chunk_sizes: Sequence[int], step: int
    ) -> CiphertextVector:
        """In place, running sums within chunks over every `step`-th element; also returns a."""
        if sum(chunk_sizes) != len(a):
            raise ShapeError(f"chunks of {sum(chunk_sizes)} elements in a vector of {len(a)}")
        if a.array is not None and len(a):
            a.assign(cumulate(a.array, chunk_sizes, step), a.packing)
        return a

    @staticmethod
    def intervals_sum_with_step(
        pk: PK, a: CiphertextVector, intervals: Sequence[Interval], step: int
    ) -> CiphertextVector:
        """For each interval the sums of every `step`-th element: `step` numbers an interval."""
        if a.array is None:
            return CiphertextVector(size=len(intervals) * step)
        elements = _elements(intervals)
        lengths = [stop - start for start, stop in intervals]
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        offsets = (np.arange(len(elements)) - starts) % step
        segments = np.repeat(np.arange(len(intervals)), lengths) * step + offsets
        sums = a.array.take(elements).segment_sum(segments.astype(np.int64), len(intervals) * step)
        return CiphertextVector(sums, packing=a.packing)

    @staticmethod
    def pack_squeeze(
        a: CiphertextVector, pack_num: int, shift_bit: int, pk: PK
    ) -> CiphertextVector:
        """Every `pack_num` ciphertexts become one, the first on top, or as many as the key has room for.

        Raises
        ------
        BoundError
            If `pack_num` numbers of `shift_bit` bits pass the key, or sums in slots could have.
        EncodingError
            If the numbers are packed in other bits, or have fractions.
        """
        return squeeze([a], pack_num, shift_bit, pk)[0]


def _term(value: Any, dtype: Any) -> PlaintextArray:
    return encode_scalar(value, dtype)


def _elements(intervals: Sequence[Interval]) -> Any:
    """Element numbers of intervals, one after the other."""
    parts = [np.arange(start, stop, dtype=np.int64) for start, stop in intervals]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _overlap(
    a: CiphertextVector, b: CiphertextVector, sa: int, sb: int, size: int | None
) -> tuple[int, CiphertextVector]:
    """Where in a a range of b is added, and that part of b."""
    if size is None:
        size = min(len(a) - sa, len(b) - sb)
    check_range(sa, size, len(a))
    check_range(sb, size, len(b))
    return sa, b.slice(sb, size)


def _add_at(pk: PK, a: CiphertextVector, b: CiphertextVector, start: int) -> None:
    """``a[start:start + len(b)] += b``."""
    if b.array is None or not len(b):
        return
    stop = start + len(b)
    whole, packing = a.under(pk.key), common_packing(a.packing, b.packing)
    blank = a.blank.copy()
    added = b.array if blank[start:stop].all() else whole[start:stop] + b.array
    parts = [whole[:start], added, whole[stop:]]
    a.assign(concatenate([part for part in parts if part.size]), packing)
    blank[start:stop] = False
    a.blank = blank


def _update(
    pk: PK, a: CiphertextVector, b: CiphertextVector, rows: Any, bins: Any, stride: int
) -> None:
    """Add row ``rows[i]`` of b to all bins of ``bins[i]``."""
    if b.array is None or not bins.size:
        return
    stride = as_integer(stride, "stride", ShapeError)
    if stride < 1 or len(a) % stride or len(b) % stride:
        raise ShapeError(f"vectors of {len(a)} and {len(b)} elements have no rows of {stride}")
    matrix = b.array.reshape(-1, stride)
    sums = histogram(matrix, rows, bins.reshape(len(rows), -1), len(a) // stride).ravel()
    array = sums if a.array is None else a.array + sums
    a.assign(array, common_packing(a.packing, b.packing))


def _check_lengths(a: CiphertextVector, b: CiphertextVector) -> None:
    if len(a) != len(b):
        raise ShapeError(f"vectors have {len(a)} and {len(b)} elements; they must have as many")
