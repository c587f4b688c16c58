# SPDX-License-Identifier: Apache-2.0
"""Many ids in little memory: texts of Python take 60 bytes and more each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Integers

_AT_A_TIME = 1 << 16


class IdTexts(Sequence[str]):
    r"""Ids as bytes of one array, each as long as the longest; texts when they are asked for.

    Parameters
    ----------
    data : bytes array [ids]
        Of UTF-8, whose order is that of the texts.

    Raises
    ------
    DataError
        When an id ends in a zero byte, which such arrays do not keep.

    Examples
    --------
    >>> from pyfate_gpu.data.id_texts import IdTexts
    >>> ids = IdTexts.of(["u2", "u10", "\u00e4"])
    >>> ids[2], ids.order().tolist(), ids.take([1, 0])[:]
    ('ä', [1, 0, 2], ['u10', 'u2'])
    """

    def __init__(self, data: NDArray[np.bytes_]) -> None:
        self.data = data

    @classmethod
    def of(cls, texts: Sequence[str]) -> IdTexts:
        """Keep these."""
        if any(text.endswith("\0") for text in texts):
            raise DataError("an id ends in a zero byte: remove it at every party")
        return cls(np.array([text.encode() for text in texts] or [b""], dtype="S")[: len(texts)])

    def __len__(self) -> int:
        return len(self.data)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> list[str]: ...

    def __getitem__(self, place: int | slice) -> str | list[str]:
        found: Any = self.data[place]
        return (
            [each.decode() for each in found] if isinstance(place, slice) else str(found.decode())
        )

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), _AT_A_TIME):
            yield from self[start : start + _AT_A_TIME]

    def take(self, rows: Sequence[int] | Integers) -> IdTexts:
        """Return some of them, in the order given."""
        return IdTexts(self.data[np.asarray(rows, dtype=np.int64)])

    def order(self) -> Integers:
        """Return where the ids are in the order of texts.

        Raises
        ------
        DataError
            When an id is there more than once.
        """
        order: Integers = np.argsort(self.data, kind="stable").astype(np.int64, copy=False)
        again = 0
        for start in range(0, len(order), _AT_A_TIME):
            some = self.data[order[start : start + _AT_A_TIME + 1]]
            again += int((some[1:] == some[:-1]).sum())
        if again:
            raise DataError(f"{again} ids are there more than once: keep one row of each")
        return order
