# SPDX-License-Identifier: Apache-2.0
"""Rows whose rounded gradients did not change since they were encrypted: they are not encrypted and sent again."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyfate_gpu.errors import ProtocolError
from pyfate_gpu.he import CiphertextArray, concatenate
from pyfate_gpu.trees.bits import Truths, unpack_bits
from pyfate_gpu.typing import Integers


class SentRows:
    """What the guest has last sent of each row; its secret.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.trees.lazy import SentRows
    >>> sent = SentRows()
    >>> sent.changed(np.array([0, 2]), np.array([[1, 1], [2, 2], [3, 3]])).tolist()
    [True, True]
    >>> sent.changed(np.array([0, 1, 2]), np.array([[1, 1], [2, 2], [3, 4]])).tolist()
    [False, True, True]
    """

    def __init__(self) -> None:
        self._integers = np.empty((0, 0), dtype=np.int64)
        self._sent = np.empty(0, dtype=np.bool_)

    def changed(self, rows: Integers, integers: Integers) -> Truths:
        """Return which of some rows were never sent, or with other integers, and note that they are now.

        Parameters
        ----------
        rows : int64 [m]
            Of this round, in order.
        integers : int64 [all rows, 2 outputs]
            Of this round.
        """
        if not len(self._sent):
            self._integers = np.zeros_like(integers)
            self._sent = np.zeros(len(integers), dtype=np.bool_)
        found: Truths = ~self._sent[rows]
        found |= (self._integers[rows] != integers[rows]).any(axis=1)
        new = rows[found]
        self._integers[new], self._sent[new] = integers[new], True
        return found


class HeldRows:
    """The latest ciphertext of each row at a host.

    Parameters
    ----------
    rows : int
        There are.

    Attributes
    ----------
    array : CiphertextArray or None
        Of the rows that ever came; None before any.
    places : int64 [rows]
        Which of them is each row's, -1 for none.
    """

    def __init__(self, rows: int) -> None:
        self.array: CiphertextArray | None = None
        self.places = np.full(rows, -1, dtype=np.int64)

    def read_changed(self, bits: NDArray[Any], rows: Integers) -> Integers:
        """Return which rows come anew, of those of a round.

        Raises
        ------
        ProtocolError
            When that is no set of them, or leaves out one that never came.
        """
        changed = unpack_bits(bits, [len(rows)], "the rows whose gradients changed")[0]
        missing = int(np.count_nonzero(self.places[rows[~changed]] < 0))
        if missing:
            raise ProtocolError(
                f"the guest did not send {missing} rows that it had never sent before"
            )
        return rows[changed]

    def replaced(self, rows: Integers, parts: list[CiphertextArray]) -> CiphertextArray:
        """Take up what came of rows, in their order, in place of what they had; return those of all rows."""
        arrays = parts if self.array is None else [self.array, *parts]
        before = 0 if self.array is None else len(self.array)
        self.places[rows] = before + np.arange(len(rows))
        held = np.flatnonzero(self.places >= 0)
        self.array = concatenate(arrays).take(self.places[held])
        self.places[held] = np.arange(len(held))
        return self.array
