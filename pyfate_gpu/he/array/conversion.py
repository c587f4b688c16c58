# SPDX-License-Identifier: Apache-2.0
"""What happens when something takes a CiphertextArray for a NumPy array."""

from __future__ import annotations

from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pyfate_gpu.errors import UnsupportedOperationError

if TYPE_CHECKING:
    from pyfate_gpu.he.array.arrays import CiphertextArray


def step_back_or_refuse(c: CiphertextArray, caller: FrameType) -> npt.NDArray[Any]:
    """An object that scipy.sparse steps back from, if it asks; an error for everybody else.

    ``X @ c`` and ``X * c`` call X first. NumPy, pandas and Python's own types find out by an attribute that
    they have to leave the operation to c; scipy.sparse, in all its releases, only by what `numpy.asanyarray`
    makes of c: a bare object sends it back. Such an object would be as good an answer for everybody if it
    were not for what they do next: its size is 1, and mistakes would show much later.

    Parameters
    ----------
    caller : frame
        Of the function that called NumPy.

    Raises
    ------
    UnsupportedOperationError
        Unless scipy.sparse asks.
    """
    if caller.f_globals.get("__name__", "").partition(".sparse")[0] == "scipy":
        operand = np.empty((), dtype=object)
        operand[()] = c
        return operand
    raise UnsupportedOperationError(
        "ciphertexts are no numbers and do not become a NumPy array by themselves; decrypt them with the "
        "private key, take to_ints(), or encode the other operand first: c.encoder.encode(x) @ c"
    )
