# SPDX-License-Identifier: Apache-2.0
"""How large numbers may get before the ring of shares has no room for them, from public facts alone.

The parties see to it at each step that the squared norm of all weights is below `LIMIT`: they open it in units of
that, so that all they see is 0 or, by a carry, 1. Scores, residuals and gradients of that step have bounds then.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyfate_gpu.data.fixed_point import FRACTION_BITS
from pyfate_gpu.errors import ConfigurationError
from pyfate_gpu.protocol.sharing.features import FeatureShape
from pyfate_gpu.sshe.links import FACTOR_BITS, Link

#: Bits of the squared norm of the weights; twice as much passes at most.
LIMIT_BITS = 16
#: Fraction bits of weights beside those of shares: steps far below a unit of shares are not lost.
GUARD_BITS = 8
#: Fraction bits of scores in their third power.
CUBE_BITS = 16
#: Numbers of so many bits are truncated with a failure of at most 2^-32 each.
MOST_BITS = 96
#: Scaled targets are below this.
_TARGET = 2.0**21


def feature_bits(rows: int, *, standardized: bool, clip: float | None) -> int:
    """Return b such that every feature in fixed point is below 2**b in size, ones of an intercept included.

    Examples
    --------
    >>> from pyfate_gpu.sshe.bounds import feature_bits
    >>> feature_bits(1000, standardized=True, clip=2.0), feature_bits(1000, standardized=True, clip=None)
    (26, 29)
    """
    if clip is not None:
        largest = clip
    elif standardized:
        largest = math.sqrt(rows)
    else:
        return 62
    return min(62, FRACTION_BITS + 1 + max(0, math.floor(math.log2(largest))))


@dataclass(frozen=True)
class Bounds:
    """Bits of the largest numbers of a step, fraction bits included.

    Parameters
    ----------
    score, power, residual, gradient, step : int
    """

    score: int
    power: int
    residual: int
    gradient: int
    step: int

    @classmethod
    def of(
        cls,
        shapes: Sequence[FeatureShape],
        link: Link,
        fraction_bits: int,
        *,
        momentum: float = 0.0,
        weights: float = 1.0,
    ) -> Bounds:
        """Return those of a batch of which both parties have such features; no row's weight is above `weights`."""
        sizes = [2.0 ** (shape.bits - FRACTION_BITS) for shape in shapes]
        norm = math.sqrt(
            sum(shape.columns * size**2 for shape, size in zip(shapes, sizes, strict=True))
        )
        score = norm * 2.0 ** ((LIMIT_BITS + 1) / 2)
        label = 1.0 if link.classes else _TARGET
        residual = abs(link.constant) + link.slope * score + abs(link.cube) * score**3 + label
        rows = shapes[0].rows
        gradient = max(sizes) * residual * rows  # weights of rows have mean 1
        return cls(
            _bits(score) + FRACTION_BITS + fraction_bits + GUARD_BITS,
            _bits(score**3) + 3 * CUBE_BITS if link.cube else 0,
            _bits(residual * weights) + FRACTION_BITS + fraction_bits,
            _bits(gradient) + FRACTION_BITS + fraction_bits,
            _bits(gradient / rows / (1 - momentum)) + fraction_bits + GUARD_BITS + FACTOR_BITS,
        )

    def check(self) -> None:
        """Refuse what could leave the ring, or be truncated wrongly more often than once in 2^32 times.

        Raises
        ------
        ConfigurationError
            Naming what.
        """
        for name, bits in vars(self).items():
            if bits > MOST_BITS:
                raise ConfigurationError(
                    f"a {name} could take {bits} bits in fixed point, the limit is {MOST_BITS}: standardise the "
                    "columns and set clip at both parties, or take smaller batches, another link, or fewer columns"
                )


def _bits(value: float) -> int:
    return max(0, math.ceil(math.log2(value)))
