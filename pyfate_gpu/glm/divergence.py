# SPDX-License-Identifier: Apache-2.0
"""Training whose steps are too long ends with an error that says so, at whichever party it shows first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from pyfate_gpu.encoding import FixedPointEncoder
from pyfate_gpu.errors import DataError, DivergenceError, EncodingError
from pyfate_gpu.glm.row_slots import SHARE_BOUND
from pyfate_gpu.glm.settings import NEWTON, Settings


@contextmanager
def watched(settings: Settings, iteration: int, batch: int) -> Iterator[None]:
    """Name the learning rate where numbers of a batch are beyond what can be encrypted.

    Those of the first batch follow from the data alone, and say so.

    Raises
    ------
    DivergenceError
        In place of the error of the numbers.
    """
    moved = (iteration, batch) > (1, 0)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is refused
            yield
    except (DataError, EncodingError) as error:
        if not moved or settings.optimizer == NEWTON:
            raise
        raise divergence(settings, iteration) from error


def divergence(settings: Settings, iteration: int) -> DivergenceError:
    """Return the error of steps that are too long; it has no value of a party, and may travel."""
    return DivergenceError(
        f"training diverges at iteration {iteration} with learning rate {settings.rate(iteration):g}: a score, "
        f"residual or penalty cannot be encrypted, the limit is {FixedPointEncoder().bound:g}; standardise or "
        "clip the features, set decay, set packing='none' if rows share ciphertexts, whose shares of the residuals "
        f"have a mean square of at most {SHARE_BOUND}^2, or lower the learning rate"
    )
