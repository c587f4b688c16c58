# SPDX-License-Identifier: Apache-2.0
"""Every operation that FATE's tensors, SSHE, histograms and SecureBoost call."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pyfate_gpu.encoding import PlaintextArray
from pyfate_gpu.errors import ShapeError
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.integrations.fate2.coder import (
    ELEMENT_BITS,
    MATRIX_BITS,
    Coder,
    encode_factors,
    encode_scalar,
)
from pyfate_gpu.integrations.fate2.vectors import (
    CiphertextVector,
    PlaintextVector,
    cat,
    check_range,
)

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
        return CiphertextVector(a.array + b.array, packed=a.packed or b.packed)

    @staticmethod
    def add_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``a + b`` for a tensor b."""
        return CiphertextVector(a.under(pk.key) + coder.encode_tensor(b).plain, packed=a.packed)

    @staticmethod
    def add_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``a + b`` for a number b."""
        return CiphertextVector(a.under(pk.key) + _term(b, output_dtype), packed=a.packed)

    @staticmethod
    def sub(a: CiphertextVector, b: CiphertextVector, pk: PK) -> CiphertextVector:
        """``a - b``."""
        if b.array is None:
            _check_lengths(a, b)
            return a
        return CiphertextVector(a.under(pk.key) - b.array, packed=a.packed or b.packed)

    @staticmethod
    def sub_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``a - b`` for a tensor b."""
        return CiphertextVector(a.under(pk.key) - coder.encode_tensor(b).plain, packed=a.packed)

    @staticmethod
    def sub_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``a - b`` for a number b."""
        return CiphertextVector(a.under(pk.key) - _term(b, output_dtype), packed=a.packed)

    @staticmethod
    def rsub(a: CiphertextVector, b: CiphertextVector, pk: PK) -> CiphertextVector:
        """``b - a``."""
        return evaluator.sub(b, a, pk)

    @staticmethod
    def rsub_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``b - a`` for a tensor b."""
        return CiphertextVector(-a.under(pk.key) + coder.encode_tensor(b).plain, packed=a.packed)

    @staticmethod
    def rsub_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``b - a`` for a number b."""
        return CiphertextVector(-a.under(pk.key) + _term(b, output_dtype), packed=a.packed)

    @staticmethod
    def mul_plain(
        a: CiphertextVector, b: torch.Tensor, pk: PK, coder: Coder, output_dtype: Any = None
    ) -> CiphertextVector:
        """``a * b``, element by element, for a tensor b."""
        return CiphertextVector(
            a.under(pk.key) * encode_factors(b.flatten(), ELEMENT_BITS), packed=a.packed
        )

    @staticmethod
    def mul_plain_scalar(
        a: CiphertextVector, b: Any, pk: PK, coder: Coder, output_dtype: Any
    ) -> CiphertextVector:
        """``a * b`` for a number b."""
        return CiphertextVector(a.under(pk.key) * encode_scalar(b, output_dtype), packed=a.packed)

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
        index, part = _overlap(a, b, sa, sb, size)
        _add_at(pk, a, part, index)

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
        index, part = _overlap(a, b, sa, sb, size)
        if part.array is not None:
            _add_at(pk, a, CiphertextVector(-part.array, packed=part.packed), index)

    @staticmethod
    def slice(a: CiphertextVector, start: int, size: int) -> CiphertextVector:
        """``a[start:start+size]``."""
        return a.slice(start, size)

    @staticmethod
    def i_shuffle(pk: PK, a: CiphertextVector, indices: Any) -> None:
        """In place ``a = a[indices]``."""
        a.array = a.slice_indexes(indices).array

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
        if a.array is None or not len(a):
            return a
        # All chunks advance together, a step at a time: few long additions in place of many short.
        offsets = np.concatenate([np.arange(size, dtype=np.int64) for size in chunk_sizes])
        steps = offsets // step
        places = [np.flatnonzero(steps == each) for each in range(int(steps.max()) + 1)]
        sums = [a.array.take(places[0])]
        for before, here in itertools.pairwise(places):
            sums.append(sums[-1].take(np.searchsorted(before, here - step)) + a.array.take(here))
        joined = concatenate([_settle(part, a.packed) for part in sums])
        a.assign(joined.take(np.argsort(np.concatenate(places))), a.packed)
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
        return CiphertextVector(sums, packed=a.packed)

    @staticmethod
    def pack_squeeze(
        a: CiphertextVector, pack_num: int, shift_bit: int, pk: PK
    ) -> CiphertextVector:
        """Every `pack_num` ciphertexts become one, `shift_bit` bits apart, the first on top."""
        return squeeze([a], pack_num, shift_bit, pk)[0]


def squeeze(
    vectors: Sequence[CiphertextVector], pack_num: int, shift_bit: int, pk: PK
) -> list[CiphertextVector]:
    """`evaluator.pack_squeeze` of several vectors at once: a few groups alone leave lanes empty."""
    stops = np.cumsum([len(vector) for vector in vectors])
    tops = [
        np.arange(stop - len(v), stop, pack_num) for v, stop in zip(vectors, stops, strict=True)
    ]
    counts = [len(each) for each in tops]
    sizes = np.concatenate(
        [np.minimum(pack_num, stop - each) for each, stop in zip(tops, stops, strict=True)]
    )
    # The bits are the coder's business: bounds of packed numbers are not tracked.
    array = CiphertextVector(cat(vectors).under(pk.key), packed=True).under(pk.key)
    shift = PlaintextVector.of_integers([1 << shift_bit], packed=True).plain
    order = np.argsort(-sizes, kind="stable")
    first, sizes = np.concatenate(tops)[order], sizes[order]
    packed = array.take(first)
    # Horner's rule on all groups together, the longest groups first: shorter ones end before.
    for place in range(1, int(sizes.max(initial=0))):
        longer = int(np.count_nonzero(sizes > place))
        joined = packed[:longer] * shift + array.take(first[:longer] + place)
        packed = concatenate([joined, packed[longer:]])
    packed = packed.take(np.argsort(order))
    starts = np.cumsum([0, *counts])
    return [
        CiphertextVector(packed[start : start + count], packed=True)
        for start, count in zip(starts, counts, strict=False)
    ]


def _term(value: Any, dtype: Any) -> PlaintextArray:
    return encode_scalar(value, dtype)


def _settle(array: CiphertextArray, packed: bool) -> CiphertextArray:
    result = CiphertextVector(array, packed=packed).array
    assert result is not None
    return result


def _elements(intervals: Sequence[Interval]) -> Any:
    """Element numbers of intervals, one after the other."""
    parts = [np.arange(start, stop, dtype=np.int64) for start, stop in intervals]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _overlap(
    a: CiphertextVector, b: CiphertextVector, sa: int, sb: int, size: int | None
) -> tuple[Any, CiphertextVector]:
    """Elements of a that a range of b is added to, and that part of b."""
    if size is None:
        size = min(len(a) - sa, len(b) - sb)
    check_range(sa, size, len(a))
    check_range(sb, size, len(b))
    return np.arange(sa, sa + size, dtype=np.int64), b.slice(sb, size)


def _update(
    pk: PK, a: CiphertextVector, b: CiphertextVector, rows: Any, bins: Any, stride: int
) -> None:
    """Add row ``rows[i]`` of b to all bins of ``bins[i]``."""
    if not bins.size:
        return
    source = np.repeat(rows, bins.shape[1])[:, None] * stride + np.arange(stride)
    target = bins.reshape(-1, 1) * stride + np.arange(stride)
    _add_at(pk, a, b.slice_indexes(source.ravel()), target.ravel())


def _add_at(pk: PK, a: CiphertextVector, b: CiphertextVector, index: Any) -> None:
    """``a[index] += b``, where an index may occur many times."""
    if b.array is None or not len(b):
        return
    packed = a.packed or b.packed
    added = b.array
    if a.array is not None:
        added = concatenate([_settle(a.array, packed), added])
        index = np.concatenate([np.arange(len(a), dtype=np.int64), index])
    a.assign(added.segment_sum(index, len(a)), packed)


def _check_lengths(a: CiphertextVector, b: CiphertextVector) -> None:
    if len(a) != len(b):
        raise ShapeError(f"vectors have {len(a)} and {len(b)} elements; they must have as many")
