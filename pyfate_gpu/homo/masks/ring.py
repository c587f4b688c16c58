# SPDX-License-Identifier: Apache-2.0
"""Vectors modulo a power of 256: as few bytes an element as the plan's width takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

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
    """A vector that is added to piece by piece.

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
        self._pieces = [
            np.zeros((min(CHUNK, length - start), self._size), dtype=np.uint8)
            for start in range(0, length, CHUNK)
        ]

    @property
    def nbytes(self) -> int:
        """Bytes of the vector, as it travels."""
        return self.length * self._size

    def add_bytes(self, data: memoryview) -> None:
        """Add a vector that travelled."""
        flat = np.frombuffer(data, dtype=np.uint8).reshape(self.length, self._size)
        for place, piece in enumerate(self._pieces):
            start = place * CHUNK
            total = self._widen(piece).copy()
            total += self._widen(flat[start : start + len(piece)])
            self._narrow(total, piece)

    def add_pads(self, pads: Sequence[tuple[Stream, int]]) -> None:
        """Add or subtract streams, by their signs."""
        for piece in self._pieces:
            total = self._widen(piece).copy()
            add_pads(total, pads)
            self._narrow(total, piece)

    def integers(self) -> npt.NDArray[np.int64]:
        """The elements as signed integers."""
        out = np.empty(self.length, dtype=np.int64)
        shift = np.int64(64 - 8 * self._size)
        for place, piece in enumerate(self._pieces):
            part = out[place * CHUNK : place * CHUNK + len(piece)]
            part[:] = self._widen(piece)
            part <<= shift
            part >>= shift
        return out

    def drain(self) -> Iterator[Bytes]:
        """The bytes, piece by piece, each forgotten once it is taken; the vector is empty afterwards."""
        self._pieces.reverse()
        while self._pieces:
            yield self._pieces.pop()

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
        wide = words.view(np.uint8).reshape(len(part), lane.itemsize)
        yield wide[:, :size].tobytes()
