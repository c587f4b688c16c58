# SPDX-License-Identifier: Apache-2.0
"""Vectors modulo a power of 256: as few bytes an element as the plan's width takes."""

from __future__ import annotations

import mmap
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.homo.streams import CHUNK, Stream

Bytes = npt.NDArray[np.uint8]


def bytes_of(width: int) -> int:
    """Bytes of an element."""
    return -(-width // 8)


def lane_of(width: int) -> np.dtype[np.unsignedinteger[npt.NBitBase]]:
    """The smallest word that holds an element; pads have a word an element."""
    size = next(size for size in (1, 2, 4, 8) if 8 * size >= width)
    return np.dtype(f"<u{size}")


class RingVector:
    """A vector that is added to, as many bytes as it takes and hardly any beside it.

    Parameters
    ----------
    length : int
    width : int
        Bits of an element, sign included.
    """

    def __init__(self, length: int, width: int) -> None:
        self.length = length
        self._size = bytes_of(width)
        self._lane = lane_of(width)
        self._wide = np.zeros((CHUNK, self._lane.itemsize), dtype=np.uint8)
        # Memory of its own, which goes back piece by piece while the sum is written.
        self._memory = mmap.mmap(-1, max(1, self.nbytes), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._bytes = np.frombuffer(self._memory, np.uint8, self.nbytes).reshape(length, self._size)

    @property
    def nbytes(self) -> int:
        """Bytes of the vector, as it travels."""
        return self.length * self._size

    def add_bytes(self, data: memoryview) -> None:
        """Add a vector that travelled."""
        flat = np.frombuffer(data, dtype=np.uint8).reshape(self.length, self._size)
        for piece in self._pieces():
            total = self._widen(self._bytes[piece]).copy()
            total += self._widen(flat[piece])
            self._narrow(total, self._bytes[piece])

    def add_pads(self, pads: Sequence[tuple[Stream, int]]) -> None:
        """Add or subtract streams, by their signs."""
        for piece in self._pieces():
            total = self._widen(self._bytes[piece]).copy()
            add_pads(total, pads)
            self._narrow(total, self._bytes[piece])

    def integers(self) -> npt.NDArray[np.int64]:
        """The elements as signed integers."""
        out = np.empty(self.length, dtype=np.int64)
        shift = np.int64(64 - 8 * self._size)
        for piece in self._pieces():
            out[piece] = self._widen(self._bytes[piece])
            out[piece] <<= shift
            out[piece] >>= shift
        return out

    def drain(self) -> Iterator[memoryview]:
        """The bytes, each piece valid until the next is asked for; what was taken is forgotten."""
        step = 64 * mmap.PAGESIZE
        for start in range(0, self.nbytes, step):
            stop = min(start + step, self.nbytes)
            yield self._bytes.reshape(-1)[start:stop].data
            if hasattr(mmap, "MADV_DONTNEED"):
                self._memory.madvise(mmap.MADV_DONTNEED, start, stop - start)

    def _pieces(self) -> Iterator[slice]:
        for start in range(0, self.length, CHUNK):
            yield slice(start, min(start + CHUNK, self.length))

    def _widen(self, piece: Bytes) -> npt.NDArray[np.unsignedinteger[npt.NBitBase]]:
        """The words of elements; valid until the next call."""
        wide = self._wide[: len(piece)]
        for byte in range(self._size):
            wide[:, byte] = piece[:, byte]
        return wide.view(self._lane).ravel()

    def _narrow(self, words: npt.NDArray[np.unsignedinteger[npt.NBitBase]], piece: Bytes) -> None:
        wide = words.view(np.uint8).reshape(len(piece), -1)
        for byte in range(self._size):
            piece[:, byte] = wide[:, byte]


def add_pads(
    words: npt.NDArray[np.unsignedinteger[npt.NBitBase]], pads: Sequence[tuple[Stream, int]]
) -> None:
    """Add or subtract the next words of streams, in place; wraps around."""
    for stream, sign in pads:
        if sign > 0:
            words += stream.take(len(words))
        else:
            words -= stream.take(len(words))


def masked(
    vector: Iterable[npt.NDArray[np.int64]], width: int, pads: Sequence[tuple[Stream, int]]
) -> Iterator[bytes]:
    """The bytes of a vector with its pads added, in one pass."""
    size, lane = bytes_of(width), lane_of(width)
    for part in vector:
        words = part.astype(lane)  # wraps to two's complement
        add_pads(words, pads)
        yield _three_bytes(words) if (size, lane.itemsize) == (3, 4) else _bytes(words, size)


def _bytes(words: npt.NDArray[Any], size: int) -> bytes:
    """The lower bytes of words."""
    return words.view(np.uint8).reshape(len(words), words.itemsize)[:, :size].tobytes()


def _three_bytes(words: npt.NDArray[Any]) -> bytes:
    """Three of four bytes, four words at a time: that of 16-bit values and some clients, and by far faster."""
    whole = len(words) // 4 * 4
    a, b, c, d = words[:whole].reshape(-1, 4).T
    out = np.empty((whole // 4, 3), dtype=np.uint32)
    out[:, 0] = (a & 0xFFFFFF) | (b << 24)
    out[:, 1] = ((b >> 8) & 0xFFFF) | (c << 16)
    out[:, 2] = ((c >> 16) & 0xFF) | (d << 8)
    return out.astype("<u4", copy=False).tobytes() + _bytes(words[whole:], 3)
