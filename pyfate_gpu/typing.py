# SPDX-License-Identifier: Apache-2.0
"""Names of the arrays that all rooms hand to each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: Numbers of a party, or what came of them.
Floats = NDArray[np.float64]
#: Numbers of rows and columns, counts, fixed point.
Integers = NDArray[np.int64]
