# SPDX-License-Identifier: Apache-2.0
"""A party's plain features in products with shared numbers: ``X @ [[w]]`` and ``X^T @ [[e]]`` with X placed once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pyfate_gpu.encoding import IntegerEncoder, PlaintextArray, SlotLayout
from pyfate_gpu.errors import DataError
from pyfate_gpu.he import CiphertextArray
from pyfate_gpu.he.scheme.public_key import SchemePublicKey
from pyfate_gpu.protocol.sharing import ring
from pyfate_gpu.protocol.sharing.matrix import RingMatrix
from pyfate_gpu.protocol.sharing.ring import Ring
from pyfate_gpu.typing import Integers


@dataclass(frozen=True)
class FeatureShape:
    """What both parties know of one's features.

    Parameters
    ----------
    rows, columns : int
    bits : int
        Every integer is below 2**bits in size.
    """

    rows: int
    columns: int
    bits: int

    @property
    def product_bound(self) -> int:
        """Largest size of an element of ``X @ share``."""
        return self._bound(self.columns)

    @property
    def transposed_bound(self) -> int:
        """Largest size of an element of ``X^T @ share``."""
        return self._bound(self.rows)

    def _bound(self, terms: int) -> int:
        return (ring.SIGNED_BOUND << self.bits) * max(1, terms)

    def with_rows(self, rows: int) -> FeatureShape:
        """Return the shape of other rows of the same columns."""
        return FeatureShape(rows, self.columns, self.bits)


class SharedFeatures:
    """Features of some rows, ready for products with shares in clear and under the other party's key.

    Parameters
    ----------
    integers : int64 [rows, columns]
        In fixed point.
    bits : int
        Public: every integer is below 2**bits in size.
    peer_key : SchemePublicKey
        The other party's.

    Raises
    ------
    DataError
        When a feature is beyond what was declared.
    """

    def __init__(self, integers: Integers, bits: int, peer_key: SchemePublicKey) -> None:
        if integers.size and int(np.abs(integers).max()) >= 1 << bits:
            raise DataError(
                f"a feature is beyond the {bits} bits in fixed point that were declared for it: set clip"
            )
        self.shape = FeatureShape(int(integers.shape[0]), int(integers.shape[1]), bits)
        self._ring = RingMatrix(integers)
        self._plain: PlaintextArray = IntegerEncoder(bound=1 << bits).encode(integers)
        self._placed = peer_key.place(self._plain)

    def times(self, share: Ring) -> Ring:
        """Return ``X @ share`` mod 2^128, of this party's share ``[columns, ..., 2]``."""
        return self._ring.multiply(share)

    def times_encrypted(
        self, share: CiphertextArray, layout: SlotLayout | None = None
    ) -> CiphertextArray:
        """Return ``X @ share`` of the other party's share, under its key; with `layout` rows share ciphertexts."""
        return (
            self._placed @ share if layout is None else share.outputs_product(self._plain, layout)
        )

    def transposed_times(self, share: Ring) -> Ring:
        """Return ``X^T @ share`` mod 2^128, of this party's share ``[rows, ..., 2]``."""
        return self._ring.multiply_transposed(share)

    def transposed_times_encrypted(self, share: CiphertextArray) -> CiphertextArray:
        """Return ``X^T @ share`` of the other party's share, under its key."""
        return self._placed.T @ share
