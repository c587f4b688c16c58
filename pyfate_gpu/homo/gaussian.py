# SPDX-License-Identifier: Apache-2.0
"""Draws from the discrete Gaussian, exactly: no probability is that of a rounded float.

Rejection from the discrete Laplace distribution (Canonne, Kamath, Steinke, arXiv 2004.00010). Each decision compares a
uniform number with an exponential. 53 bits of the number decide all but one in 2^38 cases, in which floats may be
wrong; these get as many bits more, and arithmetic as precise, as it takes.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import Any

import gmpy2
import numpy as np
import numpy.typing as npt

from pyfate_gpu.homo.noise import Noise
from pyfate_gpu.homo.streams import CHUNK, fresh_stream
from pyfate_gpu.typing import Integers

BITS = 53
MARGIN = 2.0**-40
"""More than all roundings of a comparison in float64 together."""
_FURTHER = 64


class DiscreteGaussian:
    """Whole numbers x with probabilities in proportion to ``exp(-x*x / (2 * variance))``, up to a bound.

    Parameters
    ----------
    variance : int
        16 or more, up to 2**100.

    Examples
    --------
    >>> from pyfate_gpu.homo.gaussian import DiscreteGaussian
    >>> draws = DiscreteGaussian(100).take(10_000)
    >>> bool(abs(draws.mean()) < 1 and 9 < draws.std() < 11)
    True
    """

    def __init__(self, variance: int) -> None:
        self._variance, self._bound = variance, Noise.bound(variance)
        self._scale = math.isqrt(variance) + 1
        self._words = fresh_stream(np.uint64)
        self._left: Integers = np.empty(0, dtype=np.int64)

    def take(self, count: int) -> Integers:
        """The next draws."""
        parts, missing = [self._left], count - len(self._left)
        while missing > 0:
            parts.append(self._some())
            missing -= len(parts[-1])
        drawn = np.concatenate(parts)
        self._left = drawn[count:]
        return drawn[:count]

    def _some(self) -> Integers:
        sizes = self._laplace()
        center = self._variance / self._scale
        exponents = (sizes - center) ** 2 / (2.0 * self._variance)

        def exact(place: int) -> gmpy2.mpq:
            size = int(sizes[place]) * self._scale - self._variance
            return gmpy2.mpq(size * size, 2 * self._variance * self._scale**2)

        taken = self._below(exponents, exact)
        negative = (self._take(len(sizes)) & np.uint64(1)).astype(np.bool_)
        taken &= ~(negative & (sizes == 0)) & (sizes <= self._bound)
        return np.where(negative, -sizes, sizes)[taken]

    def _laplace(self) -> Integers:
        """Sizes of draws from the discrete Laplace distribution of this scale: remainder and quotient apart."""
        shift = np.uint64(64 - max(1, (self._scale - 1).bit_length()))
        remainders = (self._take(CHUNK) >> shift).astype(np.int64)
        remainders = remainders[remainders < self._scale]
        kept = self._below(
            remainders / self._scale, lambda place: gmpy2.mpq(int(remainders[place]), self._scale)
        )
        remainders = remainders[kept]
        return remainders + self._scale * self._quotients(len(remainders))

    def _quotients(self, count: int) -> Integers:
        """How often in a row a number is below 1/e."""
        found = np.zeros(count, dtype=np.int64)
        alive = np.arange(count)
        while len(alive):
            alive = alive[self._below(np.ones(len(alive)), lambda place: gmpy2.mpq(1))]
            found[alive] += 1
        return found

    def _below(
        self, exponents: npt.NDArray[Any], exact: Callable[[int], gmpy2.mpq]
    ) -> npt.NDArray[np.bool_]:
        """Whether new uniform numbers are below exp(-exponents)."""
        words = self._take(len(exponents)) >> np.uint64(64 - BITS)
        gap = np.exp(-exponents) - words * 2.0**-BITS
        below: npt.NDArray[np.bool_] = gap > 0
        for place in np.flatnonzero(np.abs(gap) <= MARGIN).tolist():
            below[place] = settle(int(words[place]), BITS, exact(place))
        return below

    def _take(self, count: int) -> npt.NDArray[np.uint64]:
        return self._words.take(count).astype(np.uint64)


def settle(word: int, bits: int, exponent: gmpy2.mpq) -> bool:
    """Whether a uniform number that begins with these bits is below exp(-exponent); draws the further bits."""
    while True:
        precision = bits + _FURTHER
        with gmpy2.context(precision=precision):
            limit = gmpy2.exp(-gmpy2.mpfr(exponent)) * gmpy2.mpfr(2) ** bits
            # Many times what rounding the exponent, the exponential and this can do together.
            slack = limit * (1 + gmpy2.mpfr(exponent)) * gmpy2.mpfr(2) ** (8 - precision)
            if word + 1 <= limit - slack:
                return True
            if word >= limit + slack:
                return False
        word, bits = (word << _FURTHER) | secrets.randbits(_FURTHER), bits + _FURTHER
