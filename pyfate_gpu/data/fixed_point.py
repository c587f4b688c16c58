# SPDX-License-Identifier: Apache-2.0
"""Plain matrices in fixed point, as encrypted arrays are multiplied by them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats, Integers

#: Fraction bits of features: integers of about 26 bits keep products of ciphertexts short.
FRACTION_BITS = 24

_LIMIT = 2.0 ** (62 - FRACTION_BITS)


@dataclass(frozen=True, eq=False)
class FixedPointMatrix:
    """A plain matrix of integers, each meaning ``integer * 2**-FRACTION_BITS``."""

    integers: Integers

    @classmethod
    def round(cls, values: Floats) -> FixedPointMatrix:
        """Round `values` half to even.

        Raises
        ------
        DataError
            When a value is not finite or its magnitude is 2**38 or more.
        """
        if not (np.abs(values) < _LIMIT).all():  # NaN compares false
            raise DataError(
                f"a feature or score is no number or too large, the limit is {_LIMIT:g}: "
                "standardise or clip the features, or lower the learning rate"
            )
        return cls(np.rint(values * 2.0**FRACTION_BITS).astype(np.int64))

    @property
    def values(self) -> Floats:
        """The rounded values; exact below 2**29, where 53 bits hold them."""
        return np.asarray(self.integers * 2.0**-FRACTION_BITS, dtype=np.float64)

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.integers)

    @property
    def columns(self) -> int:
        """Number of columns."""
        return int(self.integers.shape[1])

    def with_ones(self) -> FixedPointMatrix:
        """Return the matrix with one more column, of ones, for the intercept."""
        ones = np.full((self.rows, 1), 1 << FRACTION_BITS, dtype=np.int64)
        return FixedPointMatrix(np.hstack([self.integers, ones]))

    def times(self, weights: Floats) -> Floats:
        """Return the product with weights [columns, outputs]."""
        return np.asarray(self.values @ weights)

    def place(self, key: Any) -> Any:
        """Have a public key's engine hold the integers; see `PublicKey.place`."""
        return key.place(self.integers)

    def take(self, rows: Integers | slice) -> FixedPointMatrix:
        """Return some of the rows."""
        return FixedPointMatrix(self.integers[rows])
