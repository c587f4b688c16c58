# SPDX-License-Identifier: Apache-2.0
"""Powers of two that keep columns of any size within reach of sums and squares."""

from __future__ import annotations

import numpy as np

from pyfate_gpu.typing import Floats, Integers

#: Between 2**-400 and 2**400 neither squares nor sums of them leave float64.
_SAFE = 400


def exponents_of(sizes: Floats) -> Integers:
    """Return, for each size, the exponent of a power of two to divide by; 0 where that needs none.

    Multiplication by powers of two is exact, so results are those of columns of usual size.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.data.scaling import exponents_of
    >>> exponents_of(np.array([1e-170, 1.0, 1e300, 0.0])).tolist()
    [-564, 0, 997, 0]
    """
    exponents = np.frexp(sizes)[1].astype(np.int64)
    return np.where(np.abs(exponents) > _SAFE, exponents, 0)


def divided(values: Floats, exponents: Integers) -> Floats:
    """Return `values` [..., columns] divided by two to the power of `exponents` [columns]."""
    if not exponents.any():
        return values
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, -exponents), dtype=np.float64)
