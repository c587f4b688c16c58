# SPDX-License-Identifier: Apache-2.0
"""An update to masked bytes in one native pass: the bytes that `quantiser.vector` and `ring.masked` give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.backends import native_isa, native_threads
from pyfate_gpu.homo.masks import ring
from pyfate_gpu.homo.quantiser import Layout, bad_values, rounding_bits, tail, vector
from pyfate_gpu.homo.streams import Stream, fresh_stream

_native: ModuleType | None = None
with suppress(ImportError):
    import pyfate_gpu.backends._cpu as _native

AT_ONCE = 1 << 20
"""Values of a native call: what is not float32 or float64 is copied, so many at a time."""


def available() -> bool:
    """Whether the native module loads."""
    return _native is not None


def masked_update(
    layout: Layout,
    arrays: Sequence[npt.NDArray[Any]],
    weight: int,
    pads: Sequence[tuple[Stream, int]],
    rounding: Stream | None = None,
) -> npt.NDArray[np.uint8]:
    """The bytes of a client's vector under its pads, which are at their beginning.

    Parameters
    ----------
    rounding : Stream, optional
        Of the words that round, for tests; by default from the operating system.

    Raises
    ------
    DataError
        When a value is not finite, or an integer is beyond the plan's bits.
    """
    plan = layout.plan
    out = _Output(layout, pads)
    if plan.noise is not None:
        out.integers(vector(layout, arrays, weight))
        return out.bytes
    if plan.rounding == "nearest":
        rounding = None
    elif rounding is None:
        rounding = fresh_stream(np.uint32)
    floats = [
        (member.name, array)
        for member, array in zip(layout.structure.members, arrays, strict=True)
        if member.is_float
    ]
    clipped, large = [], []
    for (name, array), clip in zip(floats, plan.clips(len(floats)), strict=True):
        counts = np.zeros(3, dtype=np.int64)
        flat = np.ravel(array)
        for start in range(0, flat.size, AT_ONCE):
            some = flat[start : start + AT_ONCE]
            counts += out.floats(some, clip, weight, rounding)
            if counts[2]:
                raise bad_values(some, name)
        clipped.append(int(counts[0]))
        large.append(int(counts[1]))
    out.integers(tail(layout, arrays, weight, clipped, large))
    return out.bytes


class _Output:
    """Bytes that are written from the first to the last."""

    def __init__(self, layout: Layout, pads: Sequence[tuple[Stream, int]]) -> None:
        self._plan = layout.plan
        width = self._plan.width
        self._size, self._lane = ring.bytes_of(width), ring.lane_of(width).itemsize
        self._keys = b"".join(stream.key for stream, _ in pads)
        self._signs = np.array([sign for _, sign in pads], dtype=np.int8)
        self._at = self._rounded = 0
        self._run = native_threads(), native_isa()
        self.bytes = np.empty(layout.length * self._size, dtype=np.uint8)

    def _next(self, count: int) -> tuple[Any, ...]:
        """Where so many elements go."""
        start, self._at = self._at, self._at + count
        out = self.bytes[start * self._size : self._at * self._size]
        return self._keys, self._signs, start, self._lane, self._size, out, *self._run

    def floats(
        self, values: npt.NDArray[Any], clip: float, weight: int, rounding: Stream | None
    ) -> tuple[int, int, int]:
        """Round and mask; returns how many are beyond the clip, beyond a quarter of it, not finite."""
        assert _native is not None
        kept = values.dtype in (np.dtype(np.float32), np.dtype(np.float64))
        flat = np.ascontiguousarray(values, None if kept else np.float64)
        key = None if rounding is None else rounding.key
        bits = 0 if rounding is None else rounding_bits(self._plan)
        at, self._rounded = self._rounded, self._rounded + flat.size
        found: tuple[int, int, int] = _native.mask_values(
            flat, clip, self._plan.levels, weight, key, at, bits, *self._next(flat.size)
        )
        return found

    def integers(self, pieces: Iterator[npt.NDArray[np.int64]]) -> None:
        """Mask elements as they are."""
        assert _native is not None
        for piece in pieces:
            _native.mask_integers(np.ascontiguousarray(piece), *self._next(piece.size))
