# SPDX-License-Identifier: Apache-2.0
"""Products of many powers on a GPU: ``out[i, j] = product over t of c[t, j] ** matrix[i, t]``.

Both ways are sorting and segmented products, no kernel of their own (docs/design/0031):

- buckets, for many ciphertexts: the ciphertexts with the same digit in the same window of the same
  output are multiplied, and the buckets are split into ever narrower digits down to single bits,
  at two multiplications a bucket (the work of running products, but all of it in parallel);
- tables, for few ciphertexts and many outputs: all windows of all ciphertexts once, then one
  table entry for each digit that is not zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.backends.cuda.device import Device, Limbs
from pyfate_gpu.backends.cuda.ring import DeviceRing
from pyfate_gpu.backends.matrices import CsrMatrix, HeldMatrix
from pyfate_gpu.backends.words import SignedWords

SQUARE_COST = 0.7  # of a multiplication: 3.5 h^2 against 5 h^2 limb products
DIGITS_AT_ONCE = 1 << 24  # sorted in one go: a few arrays of 128 MiB


@dataclass(frozen=True)
class Entries:
    """Matrix entries on the device, in the order of their outputs."""

    output: Any  # int64 [entries]
    base: Any  # int64 [entries]
    magnitude: Any  # uint64 [entries, k]
    negative: Any  # bool [entries]

    def of_outputs(self, arrays: Any, begin: int, end: int) -> Entries:
        """Those of outputs ``begin <= i < end``, numbered from 0."""
        first, last = (
            int(arrays.searchsorted(self.output, arrays.asarray(bound))) for bound in (begin, end)
        )
        part = slice(first, last)
        return Entries(
            self.output[part] - begin, self.base[part], self.magnitude[part], self.negative[part]
        )


class DeviceMatrix(HeldMatrix):
    """A held matrix whose entries stay on the device, each side from its first product on."""

    def __init__(self, device: Device, matrix: SignedWords | CsrMatrix) -> None:
        super().__init__(matrix)
        self._device = device
        self._entries: dict[bool, Entries] = {}

    def entries(self, transposed: bool) -> Entries:
        """Those of the matrix, or of its transpose."""
        if transposed not in self._entries:
            self._entries[transposed] = entries_of(self._device, self.side(transposed))
        return self._entries[transposed]


def magnitudes(arrays: Any, words: Any) -> tuple[Any, Any]:
    """Absolute values ``[rows, k]`` and signs ``[rows]`` of signed words ``[rows, k]``."""
    negative = words[:, -1] < 0
    out = arrays.where(negative[:, None], ~words, words).view(np.uint64)
    carry = negative.astype(np.uint64)
    for column in range(words.shape[1]):
        out[:, column] += carry
        carry = carry * (out[:, column] == 0)
    return out, negative


def bit_length(magnitude: Any) -> int:
    """Of the largest integer among unsigned words ``[rows, k]``."""
    for column in range(magnitude.shape[1] - 1, -1, -1):
        largest = int(magnitude[:, column].max()) if len(magnitude) else 0
        if largest:
            return 64 * column + largest.bit_length()
    return 0


def matmul(
    ring: DeviceRing, entries: Entries, outputs: int, c: Limbs, columns: int, table_bytes: int
) -> Limbs:
    """``matrix @ c``: entries of a matrix ``[m, n]``, c ``n * columns`` rows, result ``m * columns`` rows."""
    arrays = ring.device.arrays
    bits, signs = bit_length(entries.magnitude), 1
    if bits == 0:
        return ring.ones(outputs * columns)
    if bool(entries.negative.any()):
        signs = 2
    count, bases = len(entries.output), len(c) // columns
    row_bytes = 8 * ring.limbs
    plans: list[tuple[float, str, int]] = []
    for window in range(1, 17):
        windows = -(-bits // window)
        entry_cost = count * windows
        if outputs * signs * windows * row_bytes << window <= 8 * table_bytes:
            buckets = outputs * signs * (windows * (2 << window) + bits * (1 + SQUARE_COST))
            plans.append((entry_cost + buckets, "buckets", window))
        if bases * signs * windows * row_bytes << window <= table_bytes:
            tables = bases * signs * ((windows << window) + bits * SQUARE_COST)
            plans.append((entry_cost + tables, "tables", window))
    _, way, window = min(plans, default=(0.0, "buckets", 1))
    compute = _by_buckets if way == "buckets" else _by_tables
    windows = -(-bits // window)
    at_once = DIGITS_AT_ONCE * outputs // (count * windows)
    if way == "buckets":
        at_once = min(at_once, 8 * table_bytes // (signs * windows * row_bytes << window))
    at_once = max(1, at_once)
    parts = [
        compute(ring, part, min(at_once, outputs - begin), c, columns, bits, window, signs)
        for begin in range(0, outputs, at_once)
        for part in [entries.of_outputs(arrays, begin, begin + at_once)]
    ]
    return parts[0] if len(parts) == 1 else arrays.concatenate(parts)


def entries_of(device: Device, matrix: SignedWords | CsrMatrix) -> Entries:
    """Entries of a matrix of the host, on the device."""
    arrays = device.arrays
    if isinstance(matrix, CsrMatrix):
        data, base = matrix.data, device.index_array(matrix.indices)
        starts = device.index_array(matrix.indptr)
        place = arrays.arange(len(base), dtype=np.int64)
        output = arrays.searchsorted(starts[1:], place, side="right")
    else:
        outputs, inner, width = matrix.shape
        data = matrix.reshape(outputs * inner, width)
        place = arrays.arange(outputs * inner, dtype=np.int64)
        output, base = place // max(inner, 1), place % max(inner, 1)
    magnitude, negative = magnitudes(arrays, arrays.asarray(np.ascontiguousarray(data)))
    return Entries(output, base, magnitude, negative)


def _digit(magnitude: Any, position: int, width: int) -> Any:
    """Bits position ... position + width - 1 of unsigned words ``[rows, k]``, as int64."""
    word, shift = divmod(position, 64)
    digit = magnitude[:, word] >> np.uint64(shift)
    if shift + width > 64 and word + 1 < magnitude.shape[1]:
        digit = digit | (magnitude[:, word + 1] << np.uint64(64 - shift))
    return (digit & np.uint64((1 << width) - 1)).astype(np.int64)


def _by_buckets(
    ring: DeviceRing,
    entries: Entries,
    outputs: int,
    c: Limbs,
    columns: int,
    bits: int,
    window: int,
    signs: int,
) -> Limbs:
    arrays, windows = ring.device.arrays, -(-bits // window)
    buckets = outputs * windows * signs << window
    kind = np.int32 if buckets < 1 << 31 else np.int64  # sorting takes as long as keys are wide
    keys, bases = [], []
    for w in range(windows):
        digit = _digit(entries.magnitude, w * window, window)
        group = (entries.output * windows + w) * signs + (entries.negative & (signs == 2))
        present = digit != 0
        keys.append(((group << window) | digit)[present].astype(kind))
        bases.append(entries.base[present])
    key, base = arrays.concatenate(keys), arrays.concatenate(bases)
    order = arrays.argsort(key)
    key, base = key[order], base[order]
    offsets = arrays.searchsorted(key, arrays.arange(buckets + 1, dtype=kind))
    results = []
    for column in range(columns):
        products = ring.segment_multiply(c, base * columns + column, offsets)
        # [bit of the digit, output, window, sign] -> [window, bit, sign, output]
        digits = arrays.stack(_bits_of_buckets(ring, products, window))
        digits = digits.reshape(window, outputs, windows, signs, 2, ring.limbs)
        digits = arrays.ascontiguousarray(digits.transpose(2, 0, 3, 1, 4, 5))
        powers = ring.horner(digits.reshape(-1, 2, ring.limbs), windows * window)
        if signs == 2:
            powers = ring.multiply(powers[:outputs], ring.invert(powers[outputs:]))
        results.append(powers)
    return arrays.stack(results, axis=1).reshape(outputs * columns, 2, ring.limbs)


def _bits_of_buckets(ring: DeviceRing, buckets: Limbs, width: int) -> list[Limbs]:
    """For each bit b the products of the buckets whose digit has it, one row a group.

    `buckets` holds ``2**width`` rows a group, by digit. A digit is split into a high and a low one:
    each bucket goes into one bucket of each, and both halves are split in turn.
    """
    arrays = ring.device.arrays
    if width == 1:
        return [arrays.ascontiguousarray(buckets[1::2])]
    low, high = width // 2, width - width // 2
    place = arrays.arange(len(buckets), dtype=np.int64)
    by_low = place.reshape(-1, 1 << high, 1 << low).swapaxes(1, 2).ravel()
    return [
        *_bits_of_buckets(ring, _equal_segments(ring, buckets, by_low, 1 << high), low),
        *_bits_of_buckets(ring, _equal_segments(ring, buckets, place, 1 << low), high),
    ]


def _equal_segments(ring: DeviceRing, rows: Limbs, index: Any, length: int) -> Limbs:
    offsets = ring.device.arrays.arange(0, len(index) + 1, length, dtype=np.int64)
    return ring.segment_multiply(rows, index, offsets)


def _by_tables(
    ring: DeviceRing,
    entries: Entries,
    outputs: int,
    c: Limbs,
    columns: int,
    bits: int,
    window: int,
    signs: int,
) -> Limbs:
    arrays, windows = ring.device.arrays, -(-bits // window)
    bases = len(c) // columns
    column_of_table = entries.base + bases * (entries.negative & (signs == 2))
    digits = arrays.stack(
        [_digit(entries.magnitude, w * window, window) for w in range(windows)], axis=1
    )
    window_of = arrays.arange(windows, dtype=np.int64)
    index = (digits * windows + window_of) * (bases * signs) + column_of_table[:, None]
    present = digits != 0
    output = arrays.broadcast_to(entries.output[:, None], present.shape)[present]
    offsets = arrays.searchsorted(output, arrays.arange(outputs + 1, dtype=np.int64))
    results = []
    for column in range(columns):
        of_column = arrays.ascontiguousarray(c[column::columns])
        if signs == 2:
            of_column = arrays.concatenate([of_column, ring.invert(of_column)])
        table = ring.power_table(of_column, bits, window)
        results.append(ring.segment_multiply(table, index[present], offsets))
    return arrays.stack(results, axis=1).reshape(outputs * columns, 2, ring.limbs)
