# SPDX-License-Identifier: Apache-2.0
"""How gradients become integers: to the nearest one, or up or down by chance, so that sums are right on average.

Rounding by chance to few bits is that of quantised training (Shi et al., arXiv 2207.09682). Chance comes from the
seed of the guest, which the operating system draws by default, through SHAKE256.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from pyfate_gpu.trees.packing import Gradients, least_exponent
from pyfate_gpu.typing import Floats, Integers

#: Bits of a random number in [0, 1), all that a float64 holds.
SHARE_BITS = 53


def random_shares(seed: int, number: int, shape: tuple[int, ...]) -> Floats:
    """Return uniform numbers in [0, 1), of a seed and a round.

    Examples
    --------
    >>> from pyfate_gpu.trees.rounding import random_shares
    >>> random_shares(1, 2, (2,)).tolist() == random_shares(1, 2, (2,)).tolist()
    True
    >>> random_shares(1, 2, (2,)).tolist() == random_shares(1, 3, (2,)).tolist()
    False
    """
    stream = hashlib.shake_256(f"pyfate_gpu/trees/rounding/{seed}/{number}".encode())
    drawn = np.frombuffer(stream.digest(8 * int(np.prod(shape))), dtype="<u8")
    return np.ldexp((drawn >> np.uint64(64 - SHARE_BITS)).astype(np.float64), -SHARE_BITS).reshape(
        shape
    )


def round_by_chance(values: Floats, shares: Floats) -> Integers:
    """Return the integer below or above each value, above where the share is less than what it is beyond the lower.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.trees.rounding import round_by_chance
    >>> round_by_chance(np.array([0.25, 0.25, -0.75, 2.0]), np.array([0.2, 0.3, 0.2, 0.0])).tolist()
    [1, 0, 0, 2]
    """
    lower = np.floor(values)
    return (lower + (shares < values - lower)).astype(np.int64)


@dataclass
class Rounding:
    """Rounds the gradients of each round of a fit.

    Parameters
    ----------
    bits : int
        Of the largest size of an integer.
    seed : int
        Of what is drawn.
    by_chance : bool
        Whether to round up or down by chance, or to the nearest.
    lasting : bool
        Whether a row has the same chance in all rounds, and units only ever grow: a row's integers then change
        when its gradient or hessian moves, and not otherwise.

    Attributes
    ----------
    exponents : dict
        The largest gradient ("g") and hessian ("h") so far were at most 2 to the power of these; only if `lasting`.

    Examples
    --------
    >>> import numpy as np
    >>> from pyfate_gpu.trees.rounding import Rounding
    >>> g, h = np.array([[-0.5], [0.3]]), np.array([[0.2], [0.1]])
    >>> found = Rounding(bits=3, seed=1, by_chance=True)(1, g, h)
    >>> found.units.tolist(), found.integers[0, 0].item(), found.integers[1, 0].item() in (4, 5)
    ([0.0625, 0.03125], -8, True)
    """

    bits: int
    seed: int
    by_chance: bool = False
    lasting: bool = False
    exponents: dict[str, int] = field(default_factory=dict)
    _shares: Floats | None = field(default=None, repr=False)

    def __call__(self, number: int, g: Floats, h: Floats) -> Gradients:
        """Return the gradients of a round as integers and as they are."""
        if not self.by_chance:
            return Gradients.quantize(g, h, self.bits)
        exponents = [self._exponent(name, values) for name, values in (("g", g), ("h", h))]
        integers = np.empty((len(g), 2 * g.shape[1]), dtype=np.int64)
        shares = self._draw(number, integers.shape)
        for place, values in enumerate((g, h)):
            scaled = np.ldexp(values, self.bits - exponents[place])
            integers[:, place::2] = round_by_chance(scaled, shares[:, place::2])
        units = np.ldexp(1.0, np.array(exponents) - self.bits)
        return Gradients(integers, units, g, h)

    def _exponent(self, name: str, values: Floats) -> int:
        exponent = least_exponent(values)
        if not self.lasting:
            return exponent
        if values.any():
            self.exponents[name] = max(exponent, self.exponents.get(name, exponent))
        return self.exponents.get(name, exponent)

    def _draw(self, number: int, shape: tuple[int, ...]) -> Floats:
        if not self.lasting:
            return random_shares(self.seed, number, shape)
        if self._shares is None:
            self._shares = random_shares(self.seed, 0, shape)
        return self._shares
