# SPDX-License-Identifier: Apache-2.0
"""The unit in which a regression is computed, so that targets of any size can be: prices as well as rates.

The guest subtracts the mean of its targets and divides by a power of two about the size of what is left. That
division is exact, so weights come back in the user's unit to the last digit. docs/design/0060 says who learns
what of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from pyfate_gpu.errors import DataError
from pyfate_gpu.typing import Floats

#: Most a target's size may differ from 1, as a power of two: squares of targets stay within float64.
EXPONENT_LIMIT = 400

#: No scaled target is more than about so large, whatever its row weighs: well below what is encrypted.
_FAR = 2.0**20

#: A penalty as good as infinite, though 0 times it is 0, and times any learning rate it is a number.
_MOST = 1e200


@dataclass(frozen=True)
class TargetScale:
    """The user's unit is ``mean + 2**exponent * scaled``.

    Parameters
    ----------
    mean : float
        Of the targets, known to the guest alone; 0 at hosts, and where there is no intercept to hold it.
    exponent : int
        Of the power of two.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.learning.targets import TargetScale
    >>> y = np.array([[3e9], [5e9]])
    >>> scale = TargetScale.fit(y, centre=True)
    >>> scale, scale.shrink(y).tolist()
    (TargetScale(mean=4000000000.0, exponent=30), [[-0.9313225746154785], [0.9313225746154785]])
    >>> scale.grow(scale.shrink(y)).tolist()
    [[3000000000.0], [5000000000.0]]
    """

    mean: float = 0.0
    exponent: int = 0

    @classmethod
    def fit(cls, y: Floats, weights: Floats | None = None, *, centre: bool) -> TargetScale:
        """Learn the scale of targets; with `weights`, as if each were there so many times.

        Raises
        ------
        DataError
            When their squares are beyond float64.
        """
        peak = float(np.abs(y).max())
        if peak == 0:
            return cls()
        first = math.frexp(peak)[1]
        near_one = np.ldexp(y, -first)  # whose sums and squares are within float64
        mean = _mean(near_one, weights) if centre else 0.0
        size = math.sqrt(np.average((near_one - mean) ** 2, weights=weights))
        # rows of weight 0 are encrypted too
        size = max(size, float(np.abs(near_one - mean).max()) / _FAR)
        exponent = first + (round(math.log2(size)) if size else 0)
        if max(abs(exponent), abs(first)) > EXPONENT_LIMIT:
            raise DataError(
                f"y reaches from {y.min():g} to {y.max():g}, its squares are beyond float64; the limits are "
                f"{2.0**-EXPONENT_LIMIT:.0e} and {2.0**EXPONENT_LIMIT:.0e}: use another unit"
            )
        return cls(math.ldexp(mean, first), exponent)

    def shrink(self, values: Floats) -> Floats:
        """Return targets or scores, scaled."""
        return np.ldexp(values - self.mean, -self.exponent)

    def grow(self, scaled: Floats) -> Floats:
        """Return targets or scores in the user's unit."""
        return np.ldexp(scaled, self.exponent) + self.mean

    def shrink_weights(self, weights: Floats, *, intercept: bool) -> Floats:
        """Return weights, scaled; the last row is the intercept where there is one."""
        found = np.ldexp(weights, -self.exponent)
        if intercept:
            found[-1] = self.shrink(weights[-1])
        return found

    def grow_weights(self, scaled: Floats, *, intercept: bool) -> Floats:
        """Return weights in the user's unit."""
        found = np.ldexp(scaled, self.exponent)
        if intercept:
            found[-1] = self.grow(scaled[-1])
        return found

    def grow_loss(self, loss: float) -> float:
        """Return a mean of squares in the user's unit."""
        return math.ldexp(loss, 2 * self.exponent)

    def alpha(self, alpha: float, degree: int) -> float:
        """Return the factor of a penalty that grows as that power of the weights, beside a scaled loss.

        The loss is scaled by ``2**(-2 * exponent)``, the penalty by ``2**(-degree * exponent)``.
        """
        try:
            return min(math.ldexp(alpha, (degree - 2) * self.exponent), _MOST)
        except OverflowError:
            return _MOST


def _mean(values: Floats, weights: Floats | None) -> float:
    """Return the mean, exactly where all values are the same."""
    same = values.max() == values.min()
    return float(values.flat[0] if same else np.average(values, weights=weights))


#: Of families that take targets, or classes, as they are.
UNSCALED = TargetScale()
