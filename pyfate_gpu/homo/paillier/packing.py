# SPDX-License-Identifier: Apache-2.0
"""Which slots hold which elements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pyfate_gpu.encoding import IntegerEncoder, SlotLayout
from pyfate_gpu.he import PublicKey
from pyfate_gpu.homo.quantiser import Layout

PIECE = 512
"""Ciphertexts of a frame: what the server has in memory beside the sum."""


@dataclass(frozen=True)
class Packing:
    """How a vector falls into ciphertexts of a key; follows from plan, structure and key."""

    layout: Layout
    slots: SlotLayout

    @classmethod
    def of(cls, layout: Layout, key: PublicKey) -> Packing:
        """As many slots as the key has room for; the shortest key has room for some of every plan."""
        width = layout.plan.width
        count = (key.plaintext_bound.bit_length() - 1) // width
        return cls(layout, SlotLayout(width, count))

    @property
    def encoder(self) -> IntegerEncoder:
        """For the elements of one client."""
        return IntegerEncoder(self.layout.plan.client_bound)

    @property
    def pieces(self) -> list[int]:
        """Ciphertexts of each frame."""
        total = self.slots.groups(self.layout.length)
        return [min(PIECE, total - start) for start in range(0, total, PIECE)]

    def rows(self, vector: Iterable[npt.NDArray[np.int64]]) -> Iterator[npt.NDArray[np.int64]]:
        """The elements of each frame, ``[ciphertexts, slots]``, the last ones filled up with zeros."""
        size = PIECE * self.slots.count
        held = np.zeros(size, dtype=np.int64)
        filled = 0
        for part in vector:
            while len(part):
                taken = min(len(part), size - filled)
                held[filled : filled + taken] = part[:taken]
                filled, part = filled + taken, part[taken:]
                if filled == size:
                    yield held.reshape(-1, self.slots.count)
                    held, filled = np.zeros(size, dtype=np.int64), 0
        if filled:
            groups = self.slots.groups(filled)
            yield held[: groups * self.slots.count].reshape(groups, self.slots.count)
